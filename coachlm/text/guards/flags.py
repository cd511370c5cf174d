"""Marks on a kept revision: what the coach added that the raw pair does not say, and long answers to trivial requests.

Source: the method's known weaknesses are that it elaborates on hallucinated content and over-explains trivial tasks.
"""

import re
from collections.abc import Iterator
from itertools import islice

from coachlm.pairs import InstructionPair
from coachlm.revision import Field, Flag, FlagKind
from coachlm.text.guards.content import may_lose_content
from coachlm.text.guards.numbers import number_values, numbers
from coachlm.text.markup import code_blocks, inline_code, overlaps, protected_spans

_MAX_FLAGS = 200
"""Per pair; nobody checks more, and a hostile text must not fill the database."""

_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_SHORT_MONTHS = "Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
_DATE = re.compile(
    rf"\b(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of)? )?(?:{_MONTHS}|(?:{_SHORT_MONTHS})\b\.?)"
    r"(?: \d{1,2}(?:st|nd|rd|th)?\b,?)?(?:,? \d{4}\b)?"
    r"|\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}[/.]\d{1,2}[/.]\d{2,4}\b|\b(?:1[0-9]|20)\d\ds?\b"
)
_URL = re.compile(
    r"\b(?:https?://|www\.)[^\s<>\"'`)\]]{1,2000}|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}"
)
_LIST_NUMBER = re.compile(
    r"^[ \t>#*]*(?:(?:Step|Part|Day|Week|Chapter|Verse|Question|Option) )?\(?\d{1,3}[.):]", re.M | re.I
)
_NAME = re.compile(
    r"[A-Z][\w'’-]*"
    r"(?:(?: (?:of|the|de|van|von|da|del|di|la|le|al) | |(?:(?<=\b[A-Z])|(?<=\b[DMS][rst]))\. )[A-Z][\w'’-]*){0,5}"
)
_LINE = re.compile(r"[^\n]+")
_SENTENCE_START = re.compile(r"(?:^|[.!?:;…]|[\"“‘(\[*_#>•-]|\d[.)])[\"“‘(\[*_\s]{0,20}$")
_WORD = re.compile(r"\w+")
_NEVER_NAMES = frozenset(("i", "i'm", "i’m", "i'll", "i'd", "i've", "ok", "okay", "mr", "mrs", "ms", "dr"))

_BRIEF = re.compile(
    r"\b(?:(?:in )?(?:one|a single|1) word|yes or no|true or false|one[- ]word|briefly|just the (?:answer|number|name)|"
    r"(?:in )?(?:one|a single|1) sentence|answer only|no explanation)\b",
    re.IGNORECASE,
)
_EXPANDED_TIMES, _EXPANDED_CHARS, _TRIVIAL_CHARS = 8, 400, 60


def flags(raw: InstructionPair, revised: InstructionPair) -> tuple[Flag, ...]:
    """What to check, in order of field and position."""
    known = raw.known_text
    found: list[Flag] = []
    fields = ((Field.INSTRUCTION, "instruction"), (Field.INPUT, "input"), (Field.RESPONSE, "response"))
    for field, name in fields:
        text = getattr(revised, name)
        if text != getattr(raw, name):
            found += sorted(islice(_additions(field, text, known), _MAX_FLAGS), key=lambda flag: (flag.start, flag.end))
    return (*found[: _MAX_FLAGS - 2], *_expansion(raw, revised), *_loss(raw, revised))


def _loss(raw: InstructionPair, revised: InstructionPair) -> list[Flag]:
    """What is gone can't be marked in the text that is left: the flag covers all of it."""
    after = revised.response
    return [Flag(FlagKind.LOST_CONTENT, Field.RESPONSE, 0, len(after), after)] if may_lose_content(raw, revised) else []


def is_said_in(flag: Flag, text: str) -> bool:
    """Whether what a flag marks stands in another text, in whatever form: what people wrote themselves is nothing that
    the coach made up."""
    match flag.kind:
        case FlagKind.ADDED_NUMBER:
            return number_values(flag.text) <= number_values(text)
        case FlagKind.ADDED_NAME:
            words = {word.casefold() for word in _WORD.findall(flag.text)}
            return words <= {word.casefold() for word in _WORD.findall(text)}
        case _:
            return _normal(flag.text.strip("`")) in _normal(text)


def _additions(field: Field, text: str, known: str) -> Iterator[Flag]:
    values = number_values(known)
    spans = [
        *((FlagKind.ADDED_CODE, *span) for span in _added_code(text, known)),
        *((FlagKind.ADDED_URL, *span) for span in _added(_URL, text, known)),
        *((FlagKind.ADDED_DATE, *span) for span in _added(_DATE, text, known) if text[slice(*span)] not in values),
        *((FlagKind.ADDED_NUMBER, *span) for span in _added_numbers(text, values)),
        *((FlagKind.ADDED_NAME, *span) for span in _added_names(text, known)),
    ]
    taken = bytearray(len(text) + 1)  # a character belongs to one flag: a date's digits are no further number
    for kind, start, end in spans:
        if end > start and not any(taken[start:end]):
            taken[start:end] = b"\1" * (end - start)
            yield Flag(kind, field, start, end, text[start:end])


def _added(pattern: re.Pattern[str], text: str, known: str) -> Iterator[tuple[int, int]]:
    old = {_normal(match[0]) for match in pattern.finditer(known)}
    for match in pattern.finditer(text):
        value = match[0].rstrip(" .,;:")
        if _normal(value) not in old and value.casefold() != "may":
            yield match.start(), match.start() + len(value)


def _normal(value: str) -> str:
    return re.sub(r"[\s,.;:]+", " ", value).strip().casefold()


def _added_code(text: str, known: str) -> Iterator[tuple[int, int]]:
    spaced = " ".join(known.split())
    for block in code_blocks(text):
        if " ".join(block.body.split()) not in spaced:
            yield block.start, block.end
    for start, end in inline_code(text):
        if text[start:end].strip("`") not in known:
            yield start, end


def _added_numbers(text: str, old: set[str]) -> Iterator[tuple[int, int]]:
    list_numbers = [match.span() for match in _LIST_NUMBER.finditer(text)]
    position = 0
    for value, start, end in numbers(text):
        while position < len(list_numbers) and list_numbers[position][1] <= start:
            position += 1
        in_list = position < len(list_numbers) and list_numbers[position][0] <= start
        # Small number words ("one", "two of them") are prose, not facts.
        word = text[start:end].isalpha()
        if value not in old and not in_list and not (word and len(value) < 2):
            yield start, end


def _added_names(text: str, known: str) -> Iterator[tuple[int, int]]:
    """Capitalised words in mid-sentence that the raw pair does not have; headings and titles are left alone."""
    old = {word.casefold() for word in _WORD.findall(known)}
    protected = protected_spans(text)
    for line in _LINE.finditer(text):
        if _is_heading(line[0]):
            continue
        for match in _NAME.finditer(text, line.start(), line.end()):
            span = _unknown_part(match, old, starts_sentence=_starts_sentence(text, match.start(), line.start()))
            if span and not overlaps(protected, *span):
                yield span


def _is_heading(line: str) -> bool:
    words = [word for word in line.split() if word[:1].isalpha()]
    capitals = sum(1 for word in words if word[:1].isupper())
    return line.lstrip().startswith("#") or capitals * 3 >= len(words) * 2


def _starts_sentence(text: str, start: int, line_start: int) -> bool:
    return _SENTENCE_START.search(text[max(line_start, start - 20) : start]) is not None


def _unknown_part(match: re.Match[str], old: set[str], *, starts_sentence: bool) -> tuple[int, int] | None:
    """The match from its first to its last word that is new; its first word does not count at a sentence's start."""
    words = [(word[0].casefold(), word.start(), word.end()) for word in re.finditer(r"[A-Z][\w'’-]*", match[0])]
    if starts_sentence:
        words = words[1:]
    new = [
        (start, end) for word, start, end in words if not set(_WORD.findall(word)) <= old and word not in _NEVER_NAMES
    ]
    return (match.start() + new[0][0], match.start() + new[-1][1]) if new else None


def _expansion(raw: InstructionPair, revised: InstructionPair) -> list[Flag]:
    """A long response where a short one was asked for, or where a scrap had done."""
    before, after = raw.response.strip(), revised.response
    trivial = _BRIEF.search(raw.instruction) or (len(before) <= _TRIVIAL_CHARS and len(raw.instruction) <= 200)
    if trivial and len(after) >= _EXPANDED_CHARS and len(after) >= _EXPANDED_TIMES * max(len(before), 1):
        return [Flag(FlagKind.OVER_EXPANSION, Field.RESPONSE, 0, len(after), after)]
    return []
