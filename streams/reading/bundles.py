"""Raw records on their way to somewhere else: those that belong together (halves of a call, chunks of a stream, trees
of messages) leave together, all others alone; nothing is changed, dropped or decided here."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import orjson
import xxhash

from coachlm.pairs import Position, Reject
from streams.reading.formats import parse_record
from streams.reading.join import Joiner
from streams.reading.sources.records import Conversation, Fragment, ParseOptions, RawRecord


@dataclass(frozen=True, slots=True)
class Bundle:
    """Records to be sent as one message, in the order in which they were read."""

    records: tuple[RawRecord, ...]
    ok: bool  # a generation was read from them, or is expected to be
    reason: str = ""  # why not


@dataclass(slots=True)
class _Held:
    """Records that travel together, and how many of their fragments still wait for others."""

    records: dict[int, RawRecord]  # by order of arrival
    waiting: int
    ok: bool
    reason: str


class Bundler:
    """Every record that is added comes out exactly once. Memory is bounded as the `Joiner`'s is."""

    def __init__(self, options: ParseOptions, max_join_bytes: int) -> None:
        self._options = options
        self._joiner = Joiner(max_join_bytes)
        self._held: dict[str, dict[int, _Held]] = {}  # by source and record
        self._arrived = 0

    def add(self, record: RawRecord) -> list[Bundle]:
        """The bundles that are whole now: usually this record's own."""
        outcomes = parse_record(record, self._options)
        fragments = [outcome for outcome in outcomes if isinstance(outcome, Fragment)]
        reason = next((reject_reason(outcome) for outcome in outcomes if isinstance(outcome, Reject)), "")
        ok = any(isinstance(outcome, Conversation) for outcome in outcomes)
        self._arrived += 1
        held = _Held({self._arrived: record}, len(fragments), ok, reason)
        if not fragments:
            return [_bundle(held)]
        self._held.setdefault(record.position.source, {})[record.position.record] = held
        groups: list[list[Fragment]] = []
        for fragment in fragments:
            # The joiner only compares what fragments hold; the records are kept here, as they were.
            groups += self._joiner.add(replace(fragment, data=_fingerprint(fragment.data)))
        return self._released(groups, self._joiner.take_rejects())

    def end_of_source(self, source: str) -> list[Bundle]:
        """The streams and trees of a source that has been read to its end."""
        return self._released(self._joiner.end_of_source(source), [])

    def flush(self) -> list[Bundle]:
        """Halves whose other half never came, each alone."""
        return self._released([], self._joiner.flush())

    def waiting(self, source: str) -> set[int]:
        """The records of a source that have not come out."""
        return set(self._held.get(source, ()))

    def _released(self, groups: Iterable[list[Fragment]], rejects: Iterable[Reject]) -> list[Bundle]:
        touched: dict[int, _Held] = {}
        for group in groups:
            held = self._together({(f.position.source, f.position.record): None for f in group})
            held.waiting -= len(group)
            held.ok = True
            touched[id(held)] = held
        for reject in rejects:
            held = self._at(reject.position)
            held.waiting -= 1
            held.reason = held.reason or reject_reason(reject)
            touched[id(held)] = held
        whole = [held for held in touched.values() if held.waiting == 0 and self._take(held)]
        return [_bundle(held) for held in whole]

    def _together(self, places: Iterable[tuple[str, int]]) -> _Held:
        first, *others = dict.fromkeys(places)
        held = self._held[first[0]][first[1]]
        for source, record in others:
            other = self._held[source][record]
            if other is held:
                continue
            held.records |= other.records
            held.waiting += other.waiting
            held.ok |= other.ok
            for moved in other.records.values():
                self._held[moved.position.source][moved.position.record] = held
        return held

    def _at(self, position: Position) -> _Held:
        return self._held[position.source][position.record]

    def _take(self, held: _Held) -> bool:
        """False: it was merged into another, or has been taken already."""
        first = next(iter(held.records.values())).position
        if self._held.get(first.source, {}).get(first.record) is not held:
            return False
        for record in held.records.values():
            of_source = self._held[record.position.source]
            del of_source[record.position.record]
            if not of_source:
                del self._held[record.position.source]
        return True


def reject_reason(reject: Reject) -> str:
    """In the words of a verdict."""
    return f"{reject.reason}: {reject.detail}" if reject.detail else str(reject.reason)


def _bundle(held: _Held) -> Bundle:
    records = tuple(record for _, record in sorted(held.records.items()))
    return Bundle(records, held.ok, "" if held.ok else held.reason)


def _fingerprint(data: object) -> str:
    try:
        text = orjson.dumps(data, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    except TypeError:  # lone surrogates, numbers beyond 64 bits
        text = repr(data).encode("utf-8", "surrogatepass")
    return xxhash.xxh3_128_hexdigest(text)
