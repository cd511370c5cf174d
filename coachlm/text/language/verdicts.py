"""Which language a text is in, or None: code, formulas and bare names get no verdict, so that they are kept.

The script comes first: it rules out all languages that aren't written in it, and often leaves one. Common words of
the languages of a script decide most of the rest; py3langid's model decides what is left, weighed with them. User text
may be of any length: only its opening is read.
"""

# See docs/decisions/0023-py3langid.md

import math
import re
from collections import Counter

from coachlm.pairs import InstructionPair
from coachlm.text.language.evidence import Scores, letter_scores, word_scores, words_of
from coachlm.text.language.model import model_scores
from coachlm.text.language.scripts import ONE_LANGUAGE, letters_by_script, words_by_script

_OPENING_CHARS = 1_000
_MIN_CONFIDENCE, _MIN_CONFIDENCE_SHORT = 0.35, 0.7
_MIN_LATIN_LETTERS, _MIN_LATIN_WORDS = 12, 3
_MIN_SHORT_LETTERS, _MIN_SHORT_WORDS = 8, 2
_MIN_LETTERS = {"Latin": 4, "Cyrillic": 3, "Greek": 4, "Hebrew": 2, "Arabic": 2}  # fewer are names of variables
_MIN_LETTER_SHARE = {"Latin": 0.65}  # below it the text is code, a table or a formula
_MIN_OTHER_SHARE = 0.4
_MIXED_SHARE = 0.6  # of the words in the commonest script: below it the text alone decides nothing
_CLEAR_LEAD = 3.0  # of words' evidence
_CLEAR_SHARE = 0.3  # of words that are among the language's commonest
_SHORT_LEAD = 1.0  # for texts that the model can't tell

_WORD = re.compile(r"[a-z']+")
# Words that no other language of the Latin script writes often; `in`, `is`, `a`, `for`, `to` are not among them.
_ENGLISH_WORDS = (
    "the of and what how following this that with are you your which why who when where write give create describe "
    "generate list name explain between from sentence text should would could have has does been their there these "
    "those provide identify find make suggest compare classify summarize rewrite convert using given its not was "
    "were they can will by it if about into two three four five words word each best most some any example examples "
    "ways used use good people new design construct brainstorm customer describing"
)
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
_MAX_BYTES_PER_CHAR = 1.1  # typographic quotes and a name with accents, but no other script
_MIN_ENGLISH_WORDS, _MIN_ENGLISH_SHARE = 2, 0.2
_TRANSLATES = re.compile(r"\b[Tt]ranslat(?:e|ion)\b")  # an English word, whatever language follows
_QUOTED = re.compile(r"\"[^\"]{1,500}\"|“[^”]{1,500}”|«[^»]{1,500}»|„[^“”]{1,500}[“”]")
_MATERIAL_STARTS = re.compile(r"[:\n\"“„«‘`]| '")
_MAX_QUESTION_WORDS = 25
_MIN_REQUEST_WORDS = 4  # fewer may be the beginning of anything


def pair_language(pair: InstructionPair) -> str | None:
    """The language in which the user asks, so that a translation task counts as the language of its instruction.

    Decided on the question that ends it or the part up to where quoted or pasted material starts; where that is
    undecidable on the whole instruction, then with the input, or with what was said before. The response settles what
    is left, and what may be English and is answered in English.
    """
    instruction = pair.instruction[:_OPENING_CHARS]
    if _is_plain_english(instruction) or _TRANSLATES.search(instruction):
        return "en"
    if _may_be_english(instruction) and _is_plain_english(pair.response[:_OPENING_CHARS]):
        return "en"
    asked = _language_of_request(pair.instruction, instruction)
    if asked is not None:
        return asked
    given = pair.input or (pair.context.recent(_OPENING_CHARS) if pair.context else "")
    around = detect_language(f"{instruction}\n{given[:_OPENING_CHARS]}") if given.strip() else None
    return around or detect_language(pair.response) or _language_of_main_script(instruction)


def detect_language(text: str) -> str | None:
    """ISO 639-1 code (639-3 where a language has no two-letter code); None when undecidable."""
    opening = text[:_OPENING_CHARS]
    if _is_plain_english(opening):
        return "en"
    letters = letters_by_script(opening)
    words = words_by_script(letters)
    if not words:
        return None
    script, most = words.most_common(1)[0]
    if most < _MIXED_SHARE * words.total() or not _is_prose(opening, script, letters):
        return None
    return _language_in(script, opening, letters)


def _may_be_english(text: str) -> bool:
    """Whether its words speak for no other language; then a plain English answer settles it, and spares the model."""
    if not text.isascii():
        return False
    scores, _ = word_scores("Latin", words_of(text))
    return max(scores.values(), default=0.0) - scores.get("en", 0.0) < _SHORT_LEAD


def _language_of_request(whole: str, opening: str) -> str | None:
    question = _closing_question(whole)
    if question is not None and _is_plain_english(question):
        return "en"
    start = _MATERIAL_STARTS.search(opening)
    if start is not None:
        request = opening[: start.start()]
        asked = detect_language(request)
        if asked is not None and (asked == "en" or len(request.split()) >= _MIN_REQUEST_WORDS):
            return asked
    unquoted = _QUOTED.sub(" ", opening)
    return detect_language(unquoted)


def _closing_question(text: str) -> str | None:
    """The last line of several, if it is a short question: what is before it is what it asks about."""
    head, _, last = text.rstrip().rpartition("\n")
    return last if head and last.endswith("?") and len(last.split()) <= _MAX_QUESTION_WORDS else None


def _language_of_main_script(text: str) -> str | None:
    """For text in a mixture of scripts that nothing around it decides: the commonest one's."""
    letters = letters_by_script(text)
    words = words_by_script(letters)
    if len(words) < 2:
        return None
    script = words.most_common(1)[0][0]
    return _language_in(script, text, letters) if _is_prose(text, script, letters) else None


def _language_in(script: str, text: str, letters: Counter[str]) -> str | None:
    if script in ONE_LANGUAGE:
        return ONE_LANGUAGE[script]
    words = words_of(text)
    scores, known = word_scores(script, words)
    evidence = _sum(scores, letter_scores(script, text)) if scores else scores
    best, lead = _best(evidence)
    if best and lead >= _CLEAR_LEAD and known.get(best, 0) >= _CLEAR_SHARE * len(words):
        return best
    if best and lead >= _SHORT_LEAD and known.get(best, 0) * 2 >= len(words):
        return best
    needed = _needed_confidence(letters["Latin"], len(words)) if script == "Latin" else 0.0
    return _by_model(script, text, scores, needed) if needed <= 1 else None


def _needed_confidence(letters: int, words: int) -> float:
    """Above 1: no verdict."""
    if letters >= _MIN_LATIN_LETTERS and words >= _MIN_LATIN_WORDS:
        return _MIN_CONFIDENCE
    return _MIN_CONFIDENCE_SHORT if letters >= _MIN_SHORT_LETTERS and words >= _MIN_SHORT_WORDS else 2.0


def _by_model(script: str, text: str, scores: Scores, needed: float) -> str | None:
    combined = _sum(_sum(model_scores(text), scores), letter_scores(script, text))
    best, _ = _best(combined)
    total = sum(math.exp(score - combined[best]) for score in combined.values())
    if 1 / total < needed or (best == "en" and script != "Latin"):
        return None
    return best


def _sum(scores: Scores, others: Scores) -> Scores:
    return {name: scores.get(name, 0.0) + others.get(name, 0.0) for name in scores.keys() | others.keys()}


def _best(scores: Scores) -> tuple[str, float]:
    """The best language and how far it leads."""
    if not scores:
        return "", 0.0
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    second = ranked[1][1] if len(ranked) > 1 else 0.0
    return ranked[0][0], ranked[0][1] - max(second, 0.0)


def _is_plain_english(text: str) -> bool:
    if len(text.encode(errors="replace")) > _MAX_BYTES_PER_CHAR * len(text):
        return False
    words = _WORD.findall(text.lower())
    common = sum(1 for word in words if word in _ENGLISH)
    return common >= _MIN_ENGLISH_WORDS and common >= _MIN_ENGLISH_SHARE * len(words)


def _is_prose(text: str, script: str, letters: Counter[str]) -> bool:
    visible = sum(1 for char in text if not char.isspace())
    # Marks of Indic scripts and Thai are no letters; they stand beside letters that are counted.
    share = _MIN_LETTER_SHARE.get(script, _MIN_OTHER_SHARE)
    return letters[script] >= _MIN_LETTERS.get(script, 1) and letters.total() >= share * visible - _marks(text)


def _marks(text: str) -> int:
    return sum(1 for char in text if char > "\u0900" and not char.isalnum())
