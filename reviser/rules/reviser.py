"""The engine `rules`: repairs that are sure to be right, and nothing else. What every model must beat.

Mends encoding and white space in any language; doubled words, punctuation, casing and typos in English prose. Inputs
are material to work on and only have their encoding mended. Where a task is about the form of a text (spelling,
casing, rhyme, ciphers, …), its flaws may be the point: encoding and white space alone are mended then.
"""

import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome, Revision
from coachlm.text.hygiene import is_placeholder_input, strip_repeats
from reviser.pairs.finish import Finisher, WithFinisher
from reviser.rules.repairs import (
    Prose,
    drop_doubles,
    is_english,
    looks_like_code,
    mend_casing,
    mend_encoding,
    mend_punctuation,
    mend_space,
    mend_spelling,
)
from reviser.rules.spelling import Speller, shared_speller

_ABOUT_FORM = re.compile(
    r"spell|typo|grammar|grammatic|punctuat|capital(?:i[sz]|\s+letter)|proofread|\bcorrect|\bedit|\berrors?\b|mistake|"
    # "Fix this sentence", not "fix a flat tire".
    r"\bfix(?:ed|es|ing)?\b[^.?!\n]{0,40}\b(?:text|sentences?|paragraphs?|passages?|phras(?:e|es|ing)|words?|wording|essays?|e?-?mails?|letters?|messages?|lines?|following|below|this|it|these|them|style|tone|format|layout|capitals?|casing)\b|"
    r"(?:lower|upper|camel|snake)[ -]?case|\bletters?\b|anagram|palindrom|scrambl|rhym|dialect|slang|accent|pirate|"
    r"old english|shakespear|emoji|regex|regular expression|encod|decod|cipher|encrypt|phonetic|pronounc|prefix|suffix|"
    r"vowel|consonant|syllab|translat|etymolog|tokeni|poem|haiku|lyrics|song|verse|password|\btweet|text message|"
    r"repeat|\bduplicate|character|\bstring\b|\bcode\b|function|variable|sql|python|javascript|html|css|json|xml|csv",
    re.IGNORECASE,
)
_ABOUT_MARKUP = re.compile(r"html|xml|entit|escap|markup|\bcode\b|&\w+;", re.IGNORECASE)
_WORD = re.compile(r"[a-z]{3,}")
_BLANKS = re.compile(r"[ \t]+")


class RulesReviser(WithFinisher):
    """Revises by rules; see `coachlm.protocols.revising.Reviser`. Loads its word list when built (about a second)."""

    def __init__(self) -> None:
        self._finisher = Finisher(engine="rules")
        self._speller = shared_speller()

    def revise(self, pairs: Sequence[InstructionPair]) -> list[Revision]:
        began = time.perf_counter()
        revisions = [self._revise(raw) for raw in pairs]
        seconds = (time.perf_counter() - began) / max(len(pairs), 1)
        return [replace(revision, seconds=seconds) for revision in revisions]

    def close(self) -> None:
        """Nothing to give back."""

    def _revise(self, raw: InstructionPair) -> Revision:
        try:
            return self._finisher.from_pair(raw, repair_pair(raw, self._speller))
        except (ValueError, RecursionError, OverflowError):
            return self._finisher.fallback(raw, Outcome.FALLBACK_ERROR, "engine_error")


def repair_pair(raw: InstructionPair, speller: Speller) -> InstructionPair:
    """The pair with what is surely wrong put right; equal to `raw` when nothing is."""
    repaired = mend_safely(raw)
    if not is_about_form(raw.instruction):
        # A word that comes twice is meant as it is.
        counts = Counter(_WORD.findall(f"{repaired.instruction}\n{repaired.input}\n{repaired.response}"))
        meant = frozenset(word for word, count in counts.items() if count > 1)
        repaired = InstructionPair(
            _repair_prose(repaired.instruction, speller, meant),
            repaired.input,
            _repair_prose(repaired.response, speller, meant),
        )
    return raw if differ_in_blanks_alone(raw, repaired) else repaired


def mend_safely(raw: InstructionPair) -> InstructionPair:
    """The pair with what is safe in any language: encoding, white space, loops; of an input its encoding alone."""
    unescape = not _ABOUT_MARKUP.search(raw.instruction)
    extra = "" if is_placeholder_input(raw.input) else mend_encoding(raw.input, unescape=False)
    return InstructionPair(_clean(raw.instruction, unescape=unescape), extra, _clean(raw.response, unescape=unescape))


def is_about_form(instruction: str) -> bool:
    """Whether the task is about the form of a text, whose flaws may then be the point."""
    return bool(_ABOUT_FORM.search(instruction))


def differ_in_blanks_alone(left: InstructionPair, right: InstructionPair) -> bool:
    """Whether nothing but blanks within lines differs: too little to bother an annotator with."""
    return all(
        _BLANKS.sub(" ", old).replace(" \n", "\n") == _BLANKS.sub(" ", new).replace(" \n", "\n")
        for old, new in (
            (left.instruction, right.instruction),
            (left.input, right.input),
            (left.response, right.response),
        )
    )


def _clean(text: str, *, unescape: bool) -> str:
    """What is safe in any language."""
    text = mend_encoding(text, unescape=unescape)
    if looks_like_code(text):
        return text
    prose = Prose.of(text)
    return strip_repeats(prose.restore(mend_space(prose.text)))


def _repair_prose(text: str, speller: Speller, meant: frozenset[str]) -> str:
    prose = Prose.of(text)
    if looks_like_code(text) or not is_english(prose.text, speller):
        return text
    return prose.restore(repair_words(prose.text, speller, meant))


def repair_words(text: str, speller: Speller, meant: frozenset[str]) -> str:
    """English prose with doubled words, stops, typos and casing mended; words of `meant` are no typos."""
    repaired = mend_punctuation(drop_doubles(text, speller), speller)
    return mend_casing(mend_spelling(repaired, speller, meant), speller)
