"""Which language a text is in, or None: short, ambiguous or non-linguistic text gets no verdict, so that it is kept.

Plain English is recognised by its commonest words; everything else goes to py3langid's model, loaded once per process
at the first text that needs it. User text may be of any length: only its opening is read.
"""

import re
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

from coachlm.pairs import InstructionPair

_OPENING_CHARS = 1_000
_MIN_CONFIDENCE = 0.5
"""On 6,000 English instructions 0.05 % get a wrong verdict at this confidence; 99 % of the samples a right one."""
_MIN_CONFIDENCE_RARE = 0.8  # Latin, and languages without a two-letter code: creoles and dialects
_MIN_LATIN_LETTERS, _MIN_LATIN_WORDS = 12, 3
_MIN_OTHER_LETTERS = 4  # scripts that tell by themselves
_MIN_LETTER_SHARE = 0.65  # below it the text is code, a table or a formula

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
_QUOTED = re.compile(r"\"[^\"]{1,500}\"|“[^“”]{1,500}”|«[^«»]{1,500}»|„[^„“”]{1,500}[“”]")
_MATERIAL_STARTS = re.compile(r"[:\n\"“„«‘`]| '")


def pair_language(pair: InstructionPair) -> str | None:
    """The language in which the user asks, so that a translation task counts as the language of its instruction.

    Decided on the instruction up to where quoted or pasted material starts; where that is undecidable on the whole
    instruction, then with the input, or with what was said before. The response plays no part.
    """
    instruction = pair.instruction[:_OPENING_CHARS]
    if _is_plain_english(instruction) or _TRANSLATES.search(instruction):
        return "en"
    start = _MATERIAL_STARTS.search(instruction)
    if start is not None:
        asked = detect_language(instruction[: start.start()])
        if asked is not None:
            return asked
    unquoted = _QUOTED.sub(" ", instruction)
    if unquoted != instruction:
        return detect_language(unquoted)
    given = pair.input or (pair.context.recent(_OPENING_CHARS) if pair.context else "")
    return detect_language(instruction) or detect_language(f"{instruction}\n{given[:_OPENING_CHARS]}")


def detect_language(text: str) -> str | None:
    """ISO 639-1 code (639-3 where a language has no two-letter code); None when undecidable."""
    opening = text[:_OPENING_CHARS]
    if _is_plain_english(opening):
        return "en"
    if not _is_prose(opening):
        return None
    code, confidence = _identifier().classify(opening)
    needed = _MIN_CONFIDENCE_RARE if len(code) > 2 or code == "la" else _MIN_CONFIDENCE
    return code if confidence >= needed else None


def _is_plain_english(text: str) -> bool:
    if len(text.encode(errors="replace")) > _MAX_BYTES_PER_CHAR * len(text):
        return False
    words = _WORD.findall(text.lower())
    common = sum(1 for word in words if word in _ENGLISH)
    return common >= _MIN_ENGLISH_WORDS and common >= _MIN_ENGLISH_SHARE * len(words)


def _is_prose(text: str) -> bool:
    letters = sum(1 for char in text if char.isalpha())
    visible = sum(1 for char in text if not char.isspace())
    # Marks of Indic scripts and Thai are no letters; they stand beside letters that are counted.
    if visible == 0 or letters < _MIN_LETTER_SHARE * visible - _marks(text):
        return False
    latin = sum(1 for char in text if char.isalpha() and char < "\u0250")
    if letters - latin >= _MIN_OTHER_LETTERS:
        return True
    return latin >= _MIN_LATIN_LETTERS and len(text.split()) >= _MIN_LATIN_WORDS


def _marks(text: str) -> int:
    return sum(1 for char in text if char > "\u0900" and not char.isalnum())


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
