"""Which pair of one data set belongs to which of another: row by row, or by what is asked."""

import tempfile
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import zip_longest
from typing import IO

import orjson

from coachlm.errors import InputError
from coachlm.pairs import InstructionPair, RejectReason, content_hash

MaybePair = InstructionPair | RejectReason
Matched = tuple[InstructionPair | None, InstructionPair | None]


class Matching(StrEnum):
    """How pairs find each other."""

    ROWS = "rows"  # row n of both: a data set and its revision
    REQUEST = "request"  # same instruction and input: a filtered set, answers of two models
    NONE = "none"  # not at all: two data sets of different origin


@dataclass(frozen=True, slots=True)
class Dropped:
    """What is in no figure; filled while pairs are matched."""

    before: Counter[str] = field(default_factory=Counter)  # records that are no pair, by reason
    after: Counter[str] = field(default_factory=Counter)


def match_pairs(
    before: Iterable[MaybePair], after: Iterable[MaybePair], matching: Matching, dropped: Dropped
) -> Iterator[Matched]:
    """(before, after) where they belong together, else one of them with None; in memory that does not grow with texts.

    By request, the n-th pair with a request belongs to the n-th of the other set. Raises: InputError, when sets matched
    row by row differ in length.
    """
    match matching:
        case Matching.ROWS:
            yield from _by_rows(before, after, dropped)
        case Matching.REQUEST:
            yield from _by_request(_pairs(before, dropped.before), _pairs(after, dropped.after))
        case Matching.NONE:
            yield from ((pair, None) for pair in _pairs(before, dropped.before))
            yield from ((None, pair) for pair in _pairs(after, dropped.after))


def _pairs(found: Iterable[MaybePair], rejects: Counter[str]) -> Iterator[InstructionPair]:
    for pair in found:
        if isinstance(pair, InstructionPair):
            yield pair
        else:
            rejects[pair.value] += 1


def _by_rows(before: Iterable[MaybePair], after: Iterable[MaybePair], dropped: Dropped) -> Iterator[Matched]:
    """A row that one side can't be read of is left out of both, and counted."""
    for number, (old, new) in enumerate(zip_longest(before, after), 1):
        if old is None or new is None:
            raise InputError(
                f"one data set ends before row {number:,} and the other goes on, so rows don't belong together; give "
                "--match request (same instruction and input) or --match none"
            )
        for side, rejects in ((old, dropped.before), (new, dropped.after)):
            if isinstance(side, RejectReason):
                rejects[side.value] += 1
        if isinstance(old, InstructionPair) and isinstance(new, InstructionPair):
            yield old, new


def _by_request(before: Iterable[InstructionPair], after: Iterable[InstructionPair]) -> Iterator[Matched]:
    """The second set waits on disk; 8 bytes and a hash of each of its pairs stay in memory."""
    with tempfile.TemporaryFile() as spool:
        places: dict[bytes, array[int]] = {}
        for pair in after:
            place = spool.tell()
            spool.write(orjson.dumps([pair.instruction, pair.input, pair.response]) + b"\n")
            places.setdefault(_request(pair), array("q")).append(place)
        for pair in before:
            waiting = places.get(_request(pair))
            yield pair, _at(spool, waiting.pop(0)) if waiting else None
        for place in sorted(place for waiting in places.values() for place in waiting):
            yield None, _at(spool, place)


def _request(pair: InstructionPair) -> bytes:
    return bytes.fromhex(content_hash(pair.instruction, pair.input))


def _at(spool: IO[bytes], place: int) -> InstructionPair:
    spool.seek(place)
    return InstructionPair(*orjson.loads(spool.readline()))
