"""The edits that the coach knows, each a tag on one token, and what they make of a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from reviser.coach.words import Kind, Token, Words

INSERTED = (
    "the",
    "a",
    "an",
    "to",
    "of",
    "in",
    "on",
    "at",
    "for",
    "with",
    "and",
    "is",
    "are",
    "was",
    "be",
    "that",
    "have",
    "has",
)


class WordTag(IntEnum):
    """What becomes of the word itself."""

    KEEP = 0
    DELETE = 1
    NEAREST = 2  # the likeliest word one slip away, whatever stands around
    CHOSEN = 3  # the word that fits best here, of those near it
    SPLIT = 4  # two words that ran together
    SPLIT_COMMA = 5
    SPLIT_STOP = 6


class GapTag(IntEnum):
    """What becomes of the gap before a token; from `INSERT` on, the words of `INSERTED`."""

    KEEP = 0
    CLOSE = 1  # no blank
    BLANK = 2
    COMMA = 3
    STOP = 4
    INSERT = 5


class CaseTag(IntEnum):
    """What becomes of the first letter."""

    KEEP = 0
    UPPER = 1
    LOWER = 2


GAP_TAGS = GapTag.INSERT + len(INSERTED)


@dataclass(frozen=True, slots=True)
class Edit:
    """What is done to one token; the default does nothing."""

    word: WordTag = WordTag.KEEP
    gap: int = GapTag.KEEP
    case: CaseTag = CaseTag.KEEP
    text: str = ""  # what NEAREST and CHOSEN put in place; the two words, with a blank, of the SPLITs


NOTHING = Edit()


def apply_edits(words: Words, edits: Sequence[Edit]) -> str:
    """The text that the edits make; without any, the text itself."""
    pieces: list[str] = []
    for token, edit in zip(words.tokens, edits, strict=True):
        if edit == NOTHING or token.frozen:
            pieces.append(token.before + token.text)
        elif edit.word is not WordTag.DELETE:
            pieces += [_gap(token, edit.gap), _cased(_word(token, edit), edit.case)]
    return "".join([*pieces, words.tail])


def _word(token: Token, edit: Edit) -> str:
    if token.kind is not Kind.WORD or edit.word is WordTag.KEEP or not edit.text:
        return token.text
    if edit.word in (WordTag.NEAREST, WordTag.CHOSEN):
        return like(token.text, edit.text)
    first, _, second = edit.text.partition(" ")
    stop = {WordTag.SPLIT_COMMA: ",", WordTag.SPLIT_STOP: "."}.get(edit.word, "")
    return f"{first}{stop} {second}"


def like(old: str, new: str) -> str:
    """`new` in the casing of `old`."""
    if len(old) > 1 and old.isupper():
        return new.upper()
    return new[:1].upper() + new[1:] if old[:1].isupper() else new


def _gap(token: Token, gap: int) -> str:
    if gap >= GapTag.INSERT:
        word = INSERTED[gap - GapTag.INSERT]
        return f"{token.before or ' '}{word} "
    match GapTag(gap):
        case GapTag.CLOSE:
            return ""
        case GapTag.BLANK:
            return token.before or " "
        case GapTag.COMMA:
            return f",{token.before or ' '}"
        case GapTag.STOP:
            return f".{token.before or ' '}"
        case _:
            return token.before


def _cased(text: str, case: CaseTag) -> str:
    match case:
        case CaseTag.UPPER:
            return text[:1].upper() + text[1:]
        case CaseTag.LOWER:
            return text[:1].lower() + text[1:]
        case _:
            return text
