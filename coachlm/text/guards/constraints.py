"""What an instruction demands that a revision of it must keep: numbers, formats, languages, quotes, limits."""

import re

from rapidfuzz import fuzz

from coachlm.text.guards.numbers import number_values, numbers

_FORMATS = re.compile(
    r"\b(json|csv|xml|yaml|html|latex|sql|markdown|bullet(?:ed)?[ -]?(?:points?|list)|table|tweet|haiku|sonnet|"
    r"limerick|acrostic|python|javascript|java|typescript|c\+\+|rust|ruby|golang)(?!\w)",
    re.IGNORECASE,
)
LANGUAGES = (
    "English|French|Spanish|German|Italian|Portuguese|Dutch|Russian|Chinese|Mandarin|Japanese|Korean|Arabic|Hindi|Latin|"
    "Greek|Polish|Turkish|Swedish|Hebrew|Vietnamese|Thai|Czech|Danish|Finnish|Norwegian|Ukrainian|Hungarian|Romanian"
)
_LANGUAGE = re.compile(rf"\b(?:in|into|to) ({LANGUAGES})\b")
_QUOTED = re.compile(r"[\"“]([^\"“”\n]{2,200})[\"”]|[‘]([^‘’\n]{2,200})[’]|(?<![\w'])'([^'\n]{2,200})'(?!\w)")
_EXCLUSION = re.compile(
    r"\b(?:without|don'?t|do not|must not|should not|shouldn't|cannot|avoid\w*|except|excluding|never|"
    r"no(?! (?:more|less|fewer|longer|later) than))\b",
    re.IGNORECASE,
)
_BOUND = re.compile(
    r"\b(?:at least|at most|no (?:more|less|fewer) than|(?:more|less|fewer|longer|shorter) than|maximum|minimum|up to|"
    r"exactly|limit\w*|max|min|under \d+|within \d+|between \d+)\b|[<>≤≥]",
    re.IGNORECASE,
)
_COMPARED_CHARS = 4000
_QUOTE_LIKENESS = 80


def lost_constraints(instruction: str, revised: str) -> list[str]:
    """The constraints of `instruction` that `revised` lacks, in words for people."""
    lost = [f"number {value}" for value in _numbers(instruction) - number_values(revised)]
    lost += [f"format {name}" for name in sorted(_named(_FORMATS, instruction) - _named(_FORMATS, revised))]
    text = revised.casefold()
    lost += [f"language {name}" for name in sorted(set(_LANGUAGE.findall(instruction))) if name.casefold() not in text]
    lost += [f"quote {quote}" for quote in _quotes(instruction) if not _contains(quote, revised)]
    if _EXCLUSION.search(instruction) and not _EXCLUSION.search(revised):
        lost.append("exclusion")
    if _BOUND.search(instruction) and not _BOUND.search(revised):
        lost.append("bound")
    return lost


def _numbers(text: str) -> set[str]:
    """Without `one`, which a rewording turns into `a`."""
    return {value for value, start, end in numbers(text) if text[start:end].casefold() != "one"}


def _named(pattern: re.Pattern[str], text: str) -> set[str]:
    return {re.sub(r"[^a-z+]", "", match.casefold())[:6] for match in pattern.findall(text)}


def _quotes(text: str) -> list[str]:
    """Quoted strings, at most 50: more are prose full of dialogue."""
    return [next(filter(None, match.groups())) for match, _ in zip(_QUOTED.finditer(text), range(50), strict=False)]


def _contains(quote: str, text: str) -> bool:
    """Whether the quote stands in the text, spelling and punctuation mended or not."""
    quote, text = quote.casefold(), text.casefold()
    return quote in text or fuzz.partial_ratio(quote, text[:_COMPARED_CHARS]) >= _QUOTE_LIKENESS
