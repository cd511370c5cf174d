"""Messages of logs.raw into the store: parsed, joined within their message, filtered, one transaction a batch."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from coachlm.pairs import Position, Reject, RejectReason
from coachlm.protocols.intake import IntakeBatch, IntakeCounts, IntakePair
from coachlm.protocols.streams import DeadLetter, DeadReason, StreamMessage, StreamStore
from coachlm.settings import Settings
from streams.broker.topics.raw_topics import raw_topics
from streams.broker.wire.raw_messages import FILE_HEADER, FORMAT_HEADER, RECORD_HEADER, header, raw_records
from streams.broker.worker.handler import Handler, Observer
from streams.reading.formats import FORMATS
from streams.reading.join import Joiner, Matched
from streams.reading.settlement import settle
from streams.reading.sources.records import Fragment, RawRecord
from streams.reading.stages import Extract, IntakeStages

_DEAD = {
    RejectReason.MALFORMED_JSON: DeadReason.UNREADABLE,
    RejectReason.MALFORMED_RECORD: DeadReason.UNREADABLE,
    RejectReason.UNKNOWN_SHAPE: DeadReason.UNREADABLE,
    RejectReason.UNREADABLE: DeadReason.UNREADABLE,
    RejectReason.TOO_LONG: DeadReason.TOO_LARGE,
    RejectReason.UNMATCHED: DeadReason.INCOMPLETE,
}
"""Rejects of what no format can read: their message is kept for repair and replay. All others are counted rejects."""


class IntakeHandler(Handler):
    """Positions are `topic:partition` and the offset; `part` tells apart what one message holds."""

    def __init__(self, stages: IntakeStages, store: StreamStore, settings: Settings, observer: Observer) -> None:
        self._stages = stages
        self._in_format: dict[str | None, IntakeStages] = {None: stages}
        self._store = store
        self._max_bytes = settings.intake.max_record_bytes
        self._join_bytes = settings.intake.join_buffer_bytes
        self._formats = raw_topics(settings)
        self._observer = observer

    def handle(self, messages: Sequence[StreamMessage]) -> None:
        extract = self._extract(messages)
        batch, dead = self._batch(messages, extract)
        counts = self._store.commit_stream_intake(batch, dead)
        self._observed(messages, counts, dead)

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        self._store.commit_stream_intake(IntakeBatch(), letters)
        self._observed([letter.message for letter in letters], IntakeCounts(), letters)

    def is_healthy(self) -> bool:
        self._store.still_accepted(["0"])
        return True

    def _extract(self, messages: Sequence[StreamMessage]) -> Extract:
        """Neighbours of one format go through the stages together."""
        whole = Extract()
        for name, group in groupby(messages, self._format):
            records: list[RawRecord | Reject] = []
            for message in group:
                records += self._records(message, name)
            found = self._in(name).process(records)
            whole.pairs.extend(found.pairs)
            whole.rejects.extend(found.rejects)
            whole.fragments.extend(found.fragments)
        return whole

    def _format(self, message: StreamMessage) -> str | None:
        """What its header says, else what the settings say of its topic."""
        return header(message, FORMAT_HEADER) or self._formats.get(message.topic)

    def _records(self, message: StreamMessage, format: str | None) -> list[RawRecord | Reject]:
        if format is not None and format not in FORMATS:
            place = Position(message.source, message.offset)
            detail = f"header {FORMAT_HEADER} names no log format; there are: {', '.join(sorted(FORMATS))}"
            return [Reject(place, RejectReason.UNKNOWN_SHAPE, detail)]
        return raw_records(message, self._max_bytes)

    def _in(self, format: str | None) -> IntakeStages:
        if format not in FORMATS:
            return self._stages
        if format not in self._in_format:
            self._in_format[format] = self._stages.in_format(format)
        return self._in_format[format]

    def _batch(self, messages: Sequence[StreamMessage], extract: Extract) -> tuple[IntakeBatch, list[DeadLetter]]:
        settlement = settle(extract, self._match(extract.fragments), self._stages.join)
        batch = settlement.batch(_with_origins(settlement.pairs, messages))
        return batch, _dead_letters(messages, settlement.rejects)

    def _match(self, fragments: Iterable[Fragment]) -> Matched:
        """What belongs together within each message; halves whose other half isn't in it."""
        whole = Matched()
        for place, inside in groupby(fragments, lambda fragment: (fragment.position.source, fragment.position.record)):
            found = Joiner(self._join_bytes, self._stages.excerpt).match(inside, ended=place[0], last=True)
            whole.groups.extend(found.groups)
            whole.rejects.extend(found.rejects)
        return whole

    def _observed(self, messages: Sequence[StreamMessage], counts: IntakeCounts, dead: Sequence[DeadLetter]) -> None:
        self._observer.handled(len(messages), dead)
        self._observer.pairs(
            {
                "accepted": counts.accepted,
                "excluded": counts.excluded,
                "exact_duplicate": counts.exact_duplicates,
                "near_duplicate": counts.near_duplicates,
                "rejected": counts.rejected,
            }
        )


def _with_origins(pairs: list[IntakePair], messages: Sequence[StreamMessage]) -> list[IntakePair]:
    """The file and record that a message's headers name stand in `extra` of its pairs."""
    origins = {
        (message.source, message.offset): origin
        for message in messages
        if message.headers and (origin := _origin(message))
    }
    if not origins:
        return pairs
    return [_with_origin(pair, origins) for pair in pairs]


def _origin(message: StreamMessage) -> dict[str, str]:
    named = {"file": header(message, FILE_HEADER), "file_record": header(message, RECORD_HEADER)}
    return {name: value[:1000] for name, value in named.items() if value}


def _with_origin(pair: IntakePair, origins: dict[tuple[str, int], dict[str, str]]) -> IntakePair:
    provenance = pair.sourced.provenance
    origin = origins.get((provenance.position.source, provenance.position.record))
    if origin is None:
        return pair
    sourced = replace(pair.sourced, provenance=replace(provenance, extra=provenance.extra | origin))
    return replace(pair, sourced=sourced)


def _dead_letters(messages: Sequence[StreamMessage], rejects: Iterable[Reject]) -> list[DeadLetter]:
    """One for each message that holds something no format can read, in the order of the messages."""
    unread: dict[tuple[str, int], list[Reject]] = {}
    for reject in rejects:
        if reject.reason in _DEAD:
            unread.setdefault((reject.position.source, reject.position.record), []).append(reject)
    letters = []
    for message in messages if unread else ():
        found = unread.get((message.source, message.offset))
        if found:
            first = found[0]
            more = f" (and {len(found) - 1:,} more in this message)" if len(found) > 1 else ""
            error = f"{first.reason}: {first.detail}{more}" if first.detail else f"{first.reason}{more}"
            letters.append(DeadLetter(message, _DEAD[first.reason], error))
    return letters
