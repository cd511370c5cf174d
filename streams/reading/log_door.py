"""Logs that are posted to the service, straight into the store: a batch of lines a transaction, a verdict a line."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Lock
from uuid import uuid4

from coachlm.pairs import Position, Reject, RejectReason
from coachlm.protocols.doors import LineVerdict
from coachlm.protocols.intake import Store
from coachlm.settings import Settings
from streams.reading.bundles import reject_reason
from streams.reading.join import Joiner, Matched
from streams.reading.settlement import settle
from streams.reading.sources.excerpts import beginning
from streams.reading.sources.flaws import BEGIN_BYTES
from streams.reading.sources.records import Fragment, ParseOptions, RawRecord
from streams.reading.stages import Extract, IntakeStages

_BATCH_BYTES = 8_000_000
"""A batch is committed at the latest when it holds so many bytes."""


def posted_records(lines: Iterable[bytes], source: str, max_bytes: int) -> Iterator[RawRecord | Reject]:
    """The lines that are not blank, under the numbers of their lines; a reject for one over the limit."""
    for number, line in enumerate(lines):
        position = Position(source, number)
        if len(line) > max_bytes:
            detail = f"{len(line):,} bytes; COACHLM_MAX_RECORD_BYTES sets the limit, {max_bytes:,}"
            yield Reject(position, RejectReason.TOO_LONG, detail, excerpt=beginning(line[:BEGIN_BYTES]))
        elif line.strip():
            yield RawRecord(position, line)


class EmbeddedLogDoor:
    """Implements `coachlm.protocols.doors.LogDoor` on a store; positions are `http:<request id>` and the line.

    Halves of a call are joined within one request. The stages run one batch at a time, whoever asks.
    """

    def __init__(self, store: Store, settings: Settings, salt: bytes) -> None:
        self._store = store
        self._settings = settings
        self._stages = IntakeStages(settings, ParseOptions.from_settings(settings), salt)
        self._one_batch = Lock()

    def accept(
        self, lines: Iterable[bytes], format: str | None = None, request_id: str | None = None
    ) -> Iterator[LineVerdict]:
        source = f"http:{request_id or uuid4().hex}"
        request = _Request(source, self._store, self._stages.in_format(format), self._one_batch, self._settings)
        records = posted_records(lines, source, self._settings.intake.max_record_bytes)
        return request.verdicts(_batches(records, self._settings.intake.batch_records))


@dataclass(slots=True)
class _Line:
    """What is known of a line: it is settled when nothing of it waits for another line."""

    waiting: int = 0
    ok: bool = False
    reason: str = ""
    rejects: Counter[str] = field(default_factory=Counter)


class _Request:
    """One request on its way into the store."""

    def __init__(self, source: str, store: Store, stages: IntakeStages, one_batch: Lock, settings: Settings) -> None:
        self._source = source
        self._store = store
        self._stages = stages
        self._one_batch = one_batch
        self._joiner = Joiner(settings.intake.join_buffer_bytes, stages.excerpt)
        self._lines: dict[int, _Line] = {}  # without a verdict yet, by number

    def verdicts(self, batches: Iterable[Sequence[RawRecord | Reject]]) -> Iterator[LineVerdict]:
        for records in batches:
            for record in records:
                self._lines[record.position.record] = _Line()
            with self._one_batch:
                extract = self._stages.process(records)
            for fragment in extract.fragments:
                self._line(fragment.position).waiting += 1
            yield from self._commit(extract, self._joiner.match(extract.fragments))
        if self._lines:
            yield from self._commit(Extract(), self._joiner.match((), ended=self._source, last=True))

    def _commit(self, extract: Extract, matched: Matched) -> Iterator[LineVerdict]:
        """Store what the records and the groups that are whole came to, then say so."""
        settlement = settle(extract, matched, self._join)
        self._store.commit_intake(settlement.batch())
        for item in extract.pairs:
            self._line(item.sourced.provenance.position).ok = True
        self._share(matched.groups, settlement.joined)
        for reject in matched.rejects:
            self._line(reject.position).waiting -= 1
        for reject in settlement.rejects:
            line = self._line(reject.position)
            line.reason = line.reason or reject_reason(reject)
            line.rejects[reject.reason.value] += 1
        yield from self._settled()

    def _join(self, groups: list[list[Fragment]]) -> Extract:
        with self._one_batch:
            return self._stages.join(groups)

    def _share(self, groups: list[list[Fragment]], joined: Extract) -> None:
        """All lines of a group share its outcome, which stands at one of them."""
        good = {item.sourced.provenance.position.record for item in joined.pairs}
        reasons = {reject.position.record: reject_reason(reject) for reject in joined.rejects}
        for group in groups:
            records = [fragment.position.record for fragment in group]
            ok = not good.isdisjoint(records)
            reason = next((reasons[record] for record in records if record in reasons), "")
            for fragment in group:
                line = self._line(fragment.position)
                line.waiting -= 1
                line.ok |= ok
                line.reason = line.reason or reason

    def _settled(self) -> Iterator[LineVerdict]:
        for number, line in list(self._lines.items()):
            if not line.waiting:
                del self._lines[number]
                yield LineVerdict(number, line.ok, "" if line.ok else line.reason, line.rejects)

    def _line(self, position: Position) -> _Line:
        return self._lines.setdefault(position.record, _Line())


def _batches(records: Iterable[RawRecord | Reject], count: int) -> Iterator[list[RawRecord | Reject]]:
    batch: list[RawRecord | Reject] = []
    size = 0
    for record in records:
        batch.append(record)
        size += len(record.data) if isinstance(record, RawRecord) else 0
        if len(batch) >= count or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
