"""Sources into the topic of raw logs: what the embedded driver reads, record by record, as it is.

What was acknowledged is noted in the resume file, so that a run that was killed goes on; at most what was not yet
acknowledged is sent again, which the database takes as repeats.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from coachlm.errors import InputError
from coachlm.pairs import Position, Reject
from coachlm.settings import Settings
from streams.broker.producing.raw_producer import Outlet, raw_message
from streams.broker.producing.resume import ResumeFile, ranges
from streams.reading.bundles import Bundle, Bundler, reject_reason
from streams.reading.formats import check_format
from streams.reading.lineage import Source, open_sources, total_bytes
from streams.reading.sources import expand, read_source
from streams.reading.sources.records import ParseOptions, RawRecord

_MESSAGES = 5_000
_BYTES = 16_000_000
_SECONDS = 1.0
"""After so much the broker's acknowledgements are waited for and noted: memory and repeats are bounded by it."""
_LISTED = 20
"""How many problems are kept in words; all are counted."""


@dataclass(slots=True)
class ProduceCounts:
    """What a run did. Nothing vanishes: a record that is read is sent or rejected. What an earlier
    run sent alone counts as sent again once its other half has come."""

    records: int = 0  # read in this run
    sent: int = 0  # of them in messages that the broker acknowledged
    messages: int = 0
    bytes: int = 0  # of the messages, uncompressed
    rejected: Counter[str] = field(default_factory=Counter)  # records that are not sent, by reason
    waiting: int = 0  # read and sent alone, because their other halves have not come
    sources: int = 0
    seconds: float = 0.0
    skipped: int = 0  # sources that an earlier run has finished
    failed: dict[str, str] = field(default_factory=dict)  # paths that could not be opened, with why
    problems: list[str] = field(default_factory=list)  # the first rejects, in words

    @property
    def came_to_nothing(self) -> bool:
        """Something was to be read and nothing could be."""
        return bool(self.failed or self.rejected) and not (self.sent or self.skipped)


OnProgress = Callable[[ProduceCounts, float], None]
"""Called after each acknowledgement with the sums so far, and the share of all bytes that has been read."""


@dataclass(frozen=True, slots=True)
class _Flying:
    """A message that may not be durable yet."""

    bundle: Bundle
    size: int
    outcome: Callable[[], str]


class Production:
    """One run. Not to be shared between threads."""

    def __init__(
        self, outlet: Outlet, resume: ResumeFile, settings: Settings, format: str | None, on_progress: OnProgress
    ) -> None:
        """Raises: InputError, for a format that does not exist."""
        check_format(format)
        self._outlet = outlet
        self._resume = resume
        self._format = format
        self._on_progress = on_progress
        self._options = ParseOptions.from_settings(settings, format)
        self._bundler = Bundler(self._options, settings.intake.join_buffer_bytes)
        self._flying: list[_Flying] = []
        self._flying_bytes = 0
        self._noted_at = time.monotonic()
        self._opened: dict[str, set[int]] = {}  # sources of this run: records of earlier runs that still wait
        self._told: set[Position] = set()  # of those, what an earlier run sent alone
        self._started = 0.0
        self._read_bytes = 0
        self._total_bytes = 1
        self.produced = ProduceCounts()

    def run(self, paths: Sequence[str]) -> ProduceCounts:
        """Everything under `paths`; a path that can't be read is counted, and the rest goes on.

        Raises: StreamError, when the broker stays away; InputError, when the resume file can't be written.
        """
        self._started = time.monotonic()
        readable = self._readable(paths)
        self._total_bytes = max(total_bytes(readable), 1)
        for path in readable:
            try:
                source = next(open_sources([path], self._resume.progress), None)
                if source is None:
                    self.produced.skipped += 1
                else:
                    self._read(source)
            except InputError as error:
                self._fail(path, error)
        self._flush()
        return self.produced

    def _readable(self, paths: Sequence[str]) -> list[str]:
        good: list[str] = []
        for path in paths:
            try:
                expand([path])
                good.append(path)
            except InputError as error:
                self._fail(path, error)
        return expand(good)

    def _fail(self, path: str, error: InputError) -> None:
        self.produced.failed[path] = str(error)

    def _read(self, source: Source) -> None:
        known = self._resume.sources.get(source.name)
        self._opened[source.name] = known.waiting_records() if known else set()
        self.produced.sources += 1
        position = 0
        for record in read_source(source.path, self._options, source.name, self._on_bytes):
            position = record.position.record + 1
            if position > source.committed:
                self._take(record)
                self._note_if_due(source, position)
            elif isinstance(record, RawRecord):
                self._take_again(record)
        self._send(self._bundler.end_of_source(source.name))
        self._note(source, max(position, source.committed), finished=True)

    def _on_bytes(self, count: int) -> None:
        self._read_bytes += count

    def _take(self, record: RawRecord | Reject) -> None:
        self.produced.records += 1
        self._opened[record.position.source].discard(record.position.record)
        if isinstance(record, Reject):
            self._reject(record.position, reject_reason(record), 1)
        else:
            self._send(self._bundler.add(record))

    def _take_again(self, record: RawRecord) -> None:
        """A record of an earlier run: only what still waited can join with others now."""
        waiting = self._opened[record.position.source]
        if record.position.record in waiting:
            waiting.discard(record.position.record)
            if record.position.record < self._resume.sources[record.position.source].told:
                self._told.add(record.position)
            self._send(self._bundler.add(record))

    def _send(self, bundles: Iterable[Bundle]) -> None:
        for bundle in bundles:
            if len(bundle.records) == 1 and bundle.records[0].position in self._told:
                continue
            try:
                message = raw_message(bundle.records, self._format)
            except ValueError as error:
                self._reject(bundle.records[0].position, f"malformed_record: {error}", len(bundle.records))
                continue
            self._flying.append(_Flying(bundle, len(message.value), self._outlet.send(message)))
            self._flying_bytes += len(message.value)

    def _note_if_due(self, source: Source, records: int) -> None:
        full = len(self._flying) >= _MESSAGES or self._flying_bytes >= _BYTES
        if full or time.monotonic() - self._noted_at >= _SECONDS:
            self._note(source, records, finished=False)

    def _note(self, source: Source, records: int, *, finished: bool) -> None:
        """Wait for the acknowledgements, then remember how far the source has been read."""
        self._settle()
        self._resume.note(source.name, records=records, finished=finished, digest=source.digest)
        for name, unread in self._opened.items():
            self._resume.note(name, waiting=ranges(self._bundler.waiting(name) | unread))
        self._save()

    def _save(self) -> None:
        self._resume.save()
        self._noted_at = time.monotonic()
        self.produced.seconds = self._noted_at - self._started
        self._on_progress(self.produced, min(self._read_bytes / self._total_bytes, 1.0))

    def _settle(self) -> None:
        for flying in self._flying:
            records = flying.bundle.records
            reason = flying.outcome()
            if reason:
                self._reject(records[0].position, reason, len(records))
            else:
                self.produced.sent += len(records)
                self.produced.messages += 1
                self.produced.bytes += flying.size
        self._flying.clear()
        self._flying_bytes = 0

    def _reject(self, position: Position, reason: str, records: int) -> None:
        self.produced.rejected[reason.partition(":")[0]] += records
        if len(self.produced.problems) < _LISTED:
            self.produced.problems.append(f"{position.source}, record {position.record}: {reason}")

    def _flush(self) -> None:
        """Halves that stay alone are sent alone, once; the resume file goes on knowing that they wait."""
        waiting = {name: self._bundler.waiting(name) | unread for name, unread in self._opened.items()}
        self.produced.waiting = sum(map(len, waiting.values()))
        self._send(self._bundler.flush())
        self._settle()
        for name, records in waiting.items():
            told = self._resume.sources[name].records if name in self._resume.sources else 0
            self._resume.note(name, waiting=ranges(records), told=told)
        self._save()
