"""From what the model says of tokens to names and addresses: whole words, joined, and without what is known better."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from coachlm.text.personal_data.forms.kinds import Finding, Kind
from coachlm.text.personal_data.names.address_forms import whole_address
from coachlm.text.personal_data.names.token_model import ORGANISATION, PERSON, PLACE, STREET, Piece
from coachlm.text.personal_data.names.words import COUNTRIES, FIRM_ENDINGS, SENTENCE_STARTS

LIKELY = 0.5
_SURE = 0.9
_WORD = re.compile(r"[\w]+(?:['’.-][\w]+)*")
_JOINS = re.compile(r"[ \t]{1,2}|\.? ")
_ADDRESS_JOINS = re.compile(r"[\s,.>#/-]{0,6}")
_INITIAL = re.compile(r"[^\W\d_a-z]")
_CAPITALISED = re.compile(r"[^\W\d_a-z][^\W\d_]+")
_LIST = re.compile(
    rf"(?<![\w-]){_CAPITALISED.pattern}(?:, {_CAPITALISED.pattern}){{0,9}},? (?:and|&) {_CAPITALISED.pattern}(?![\w-])"
)
_POSSESSIVE = re.compile(r"['’]s\Z")
_FIRM_BEHIND = re.compile(rf",? (?:and \w+|& \w+|{FIRM_ENDINGS}\b)")
_CODE_BEFORE = tuple("._/\\@#$`")
_CODE_BEHIND = re.compile(r"[(_=\[{`]|\.[a-z]")
_STREET_WORD = re.compile(r"(?![^\W\d_a-z]+\Z)[^\W\d_]{3,}.*")
_NO_STREETS = frozenset(
    ("room", "row", "seat", "block", "building", "page", "chapter", "dewey", "gate", "platform", "root")
)
_NAME_BEFORE = re.compile(r"(?i:name(?: is|'s)?:?\s+|\b(?:mr|mrs|ms|dr|hi|hello|dear|call me)\.?\s+)\Z")


@dataclass(slots=True)
class _Word:
    start: int
    end: int
    written: str
    shares: tuple[float, ...]

    @property
    def group(self) -> int | None:
        best = max(range(len(self.shares)), key=self.shares.__getitem__)
        return best if self.shares[best] >= LIKELY else None


def spans_of(text: str, pieces: Sequence[Piece]) -> Iterator[Finding]:
    words = list(_words(text, pieces))
    persons = list(_persons(text, words))
    yield from persons
    yield from _listed(text, persons)
    yield from _addresses(text, words)
    yield from _organisations(text, words)


def _words(text: str, pieces: Sequence[Piece]) -> Iterator[_Word]:
    """A word is as likely as its tokens are on average, weighed by their characters."""
    place = 0
    for match in _WORD.finditer(text):
        while place < len(pieces) and pieces[place].end <= match.start():
            place += 1
        inside, total, index = [0.0] * 4, 0, place
        while index < len(pieces) and pieces[index].start < match.end():
            size = pieces[index].end - pieces[index].start
            total += size
            inside = [held + size * share for held, share in zip(inside, pieces[index].shares, strict=True)]
            index += 1
        if total:
            yield _Word(*match.span(), match[0], tuple(held / total for held in inside))


def _persons(text: str, words: Sequence[_Word]) -> Iterator[Finding]:
    run: list[_Word] = []
    for word in [*words, None]:
        if word is not None and _continues(text, run, word):
            run.append(word)
            continue
        while run and len(run[-1].written) == 1:
            run.pop()
        if run and _is_person(text, run):
            start, end = run[0].start, run[-1].end
            written = _POSSESSIVE.sub("", text[start:end])
            yield Finding(start, start + len(written), Kind.PERSON, written.casefold())
        run = [word] if word is not None and word.group == PERSON else []


def _listed(text: str, found: Sequence[Finding]) -> Iterator[Finding]:
    """`Ada, Bo and Cy` are three people where most of them were found to be."""
    known = {finding.start for finding in found}
    for match in _LIST.finditer(text):
        names = [(m.start(), m[0]) for m in _CAPITALISED.finditer(text, *match.span())]
        rest = [(start, name) for start, name in names if start not in known]
        if len(names) > len(rest) >= 1 and 2 * len(rest) <= len(names) and not _FIRM_BEHIND.match(text, match.end()):
            for start, name in rest:
                if not _is_known_otherwise(name):
                    yield Finding(start, start + len(name), Kind.PERSON, name.casefold())


def _continues(text: str, run: Sequence[_Word], word: _Word) -> bool:
    """Further words of the name, initials and capitalised words that the model left out between or behind them."""
    if not run or not _JOINS.fullmatch(text[run[-1].end : word.start]) or _POSSESSIVE.search(run[-1].written):
        return False
    is_capital = _INITIAL.match(word.written) is not None
    if word.group == PERSON:
        return True
    if len(word.written) == 1 and is_capital:
        return True
    return is_capital and len(run[-1].written) == 1 and len(run) > 1


def _is_person(text: str, run: Sequence[_Word]) -> bool:
    written = [word.written for word in run]
    if all(_is_known_otherwise(word) for word in written) or _FIRM_BEHIND.match(text, run[-1].end):
        return False
    if text[max(0, run[0].start - 1) : run[0].start] in _CODE_BEFORE or _CODE_BEHIND.match(text, run[-1].end):
        return False
    if _NAME_BEFORE.search(text, max(0, run[0].start - 16), run[0].start):
        return True
    surest = max(word.shares[PERSON] for word in run)
    if any(word.isupper() and len(word) > 1 for word in written):
        return len(run) > 1 and surest >= _SURE
    if any(_INITIAL.match(word) for word in written):
        return len(run) > 1 or "-" not in written[0]
    return len(run) > 1 and min(word.shares[PERSON] for word in run) >= _SURE


def _is_known_otherwise(word: str) -> bool:
    bare = _POSSESSIVE.sub("", word).casefold()
    return bare in SENTENCE_STARTS or bare in COUNTRIES or any(character.isdigit() for character in bare)


def _addresses(text: str, words: Sequence[_Word]) -> Iterator[Finding]:
    """A street with its number, and the town and code beside it; a town alone is no address."""
    run: list[_Word] = []
    for word in [*words, None]:
        if word is not None and _continues_address(text, run, word):
            run.append(word)
            continue
        if _is_address(run):
            start, end = whole_address(text, run[0].start, run[-1].end)
            yield Finding(start, end, Kind.ADDRESS, " ".join(text[start:end].split()).casefold())
        run = [word] if word is not None and word.group in (STREET, PLACE) else []


def _is_address(run: Sequence[_Word]) -> bool:
    streets = [word.written for word in run if word.group == STREET]
    names = [word for word in streets if _STREET_WORD.match(word) and word.casefold() not in _NO_STREETS]
    return bool(names) and any(character.isdigit() for word in run for character in word.written)


def _continues_address(text: str, run: Sequence[_Word], word: _Word) -> bool:
    is_part = word.group in (STREET, PLACE)
    return is_part and (not run or _ADDRESS_JOINS.fullmatch(text[run[-1].end : word.start]) is not None)


def _organisations(text: str, words: Sequence[_Word]) -> Iterator[Finding]:
    """Rampart knows none; other models may."""
    run: list[_Word] = []
    for word in [*words, None]:
        if word is not None and word.group == ORGANISATION and (not run or text[run[-1].end : word.start] == " "):
            run.append(word)
            continue
        if run:
            written = text[run[0].start : run[-1].end]
            yield Finding(run[0].start, run[-1].end, Kind.ORGANISATION, written.casefold())
        run = [word] if word is not None and word.group == ORGANISATION else []
