"""The embedded driver: sources through a pool of worker processes into the store, in order and restartable.

Every batch of records is one transaction that also says how far its source has been read; results are committed in
reading order whatever process finished first. So a run that was killed goes on where it stopped, and its database
equals that of an undisturbed run.
"""

# See docs/decisions/0005-commit-batches-in-reading-order.md

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import ClassVar

from coachlm.errors import InputError
from coachlm.machine.processes import safe_forkserver
from coachlm.pairs import Position, Reject
from coachlm.protocols.intake import IntakeBatch, IntakeCounts, Progress, Store
from coachlm.settings import Settings
from coachlm.text.personal_data import check_level
from streams.reading.batching import take_batch
from streams.reading.formats import check_format
from streams.reading.join import Joiner
from streams.reading.lineage import Source, open_sources, total_bytes
from streams.reading.settlement import settle
from streams.reading.sources import read_source
from streams.reading.sources.paths import expand
from streams.reading.sources.records import Fragment, ParseOptions, RawRecord
from streams.reading.stages import Extract, IntakeStages

OnCounts = Callable[[IntakeCounts, int, float], None]
"""Called after each commit with what the batch added, how many records it held, and the share of all bytes read."""

_WORTH_A_POOL = 1_000_000  # bytes of sources; fewer are done before worker processes have started


@dataclass(frozen=True, slots=True)
class _Work:
    """A batch of one source's records on its way through a worker."""

    source: Source
    first: int  # number of the batch's first record in its source
    records: list[RawRecord | Reject]
    replay: bool  # committed by an earlier run: only fragments matter
    last: bool  # the source ends with this batch
    bytes_read: int  # of all sources, up to here


def run_intake(
    paths: Sequence[str], store: Store, settings: Settings, salt: bytes, format: str | None, on_counts: OnCounts
) -> None:
    """Everything under `paths` into the store. Idempotent; finished sources are skipped unless they have changed.

    Raises: InputError, before anything is read, when a path or the format does not exist; SettingsError, when what
    finds names is not there; StoreError from the store.
    """
    check_format(format)
    check_level(settings.intake.personal_data, settings.intake.names_model)
    options = ParseOptions.from_settings(settings, format)
    total = max(total_bytes(paths), 1)
    committer = _Committer(
        store,
        settings.intake.join_buffer_bytes,
        lambda: IntakeStages(settings, options, salt),
        lambda added, records, done: on_counts(added, records, min(done / total, 1.0)),
    )
    work = _work(open_sources(paths, store.progress), options, settings.intake.batch_records)
    processes = settings.intake.processes or _worthwhile_processes(paths, total)
    for item, extract in _processed(work, settings, options, salt, processes):
        committer.commit(item, extract)
    committer.flush()


def _worthwhile_processes(paths: Sequence[str], total: int) -> int:
    is_small = total < _WORTH_A_POOL and all(Path(path).is_file() for path in expand(paths))  # of a pipe nobody knows
    return 1 if is_small else len(os.sched_getaffinity(0))


def _work(sources: Iterator[Source], options: ParseOptions, batch_records: int) -> Iterator[_Work]:
    for source in sources:
        meter = _Meter(source.bytes_before)
        records = read_source(source.path, options, source.name, meter.add)
        first = 0
        batch = take_batch(records, batch_records)
        while True:
            following = take_batch(records, batch_records)
            end = first + len(batch)
            yield _Work(source, first, batch, end <= source.committed, not following, meter.bytes)
            if not following:
                break
            first, batch = end, following


@dataclass(slots=True)
class _Meter:
    bytes: int

    def add(self, count: int) -> None:
        self.bytes += count


class _Committer:
    """Joins fragments and commits one transaction per batch, in order; the single writer of a run."""

    def __init__(
        self, store: Store, join_bytes: int, build_stages: Callable[[], IntakeStages], on_counts: OnCounts
    ) -> None:
        self._store = store
        self._joiner = Joiner(join_bytes, self._excerpt)
        self._build_stages = build_stages
        self._on_counts = on_counts
        self._fragments_seen: dict[str, bool] = {}
        self._bytes_read = 0

    @cached_property
    def _stages(self) -> IntakeStages:
        return self._build_stages()  # only a run that meets fragments pays for them in this process

    def commit(self, work: _Work, extract: Extract) -> None:
        name = work.source.name
        self._bytes_read = work.bytes_read
        if extract.fragments:
            self._fragments_seen[name] = True
        matched = self._joiner.match(extract.fragments, ended=name if work.last else None)
        settlement = settle(extract, matched, self._join)
        end = work.first + len(work.records)
        progress = Progress(
            name, max(end, work.source.committed), work.last, self._fragments_seen.get(name, False), work.source.digest
        )
        batch = settlement.batch(progress=(progress,), reread=self._reread(work))
        self._store_batch(batch, 0 if work.replay else len(work.records))

    def _excerpt(self, fragment: Fragment) -> str:
        return self._stages.excerpt(fragment)

    def _join(self, groups: list[list[Fragment]]) -> Extract:
        return self._stages.join(groups)

    def _reread(self, work: _Work) -> tuple[Position, ...]:
        record = work.source.reread
        if record is None or not work.first <= record < work.first + len(work.records):
            return ()
        return (Position(work.source.name, record),)

    def flush(self) -> None:
        """Halves whose other half never came."""
        rejects = self._joiner.flush()
        if rejects:
            self._store_batch(IntakeBatch(rejects=rejects), 0)

    def _store_batch(self, batch: IntakeBatch, records: int) -> None:
        self._on_counts(self._store.commit_intake(batch), records, self._bytes_read)


class _Worker:
    """The stages of one worker process, built when it starts."""

    stages: ClassVar[IntakeStages]

    @classmethod
    def start(cls, settings: Settings, options: ParseOptions, salt: bytes) -> None:
        cls.stages = IntakeStages(settings, options, salt)

    @classmethod
    def process(cls, records: list[RawRecord | Reject], replay: bool) -> Extract:
        return cls.stages.fragments_only(records) if replay else cls.stages.process(records)


def _processed(
    work: Iterator[_Work], settings: Settings, options: ParseOptions, salt: bytes, processes: int
) -> Iterator[tuple[_Work, Extract]]:
    """Each batch with what its records came to, in the order of `work`; at most two batches a process are in flight.

    Raises: InputError, when a worker process died (killed, out of memory); what is committed stays.
    """
    first = next(work, None)
    if first is None:
        return
    work = chain((first,), work)
    if processes == 1:
        _Worker.start(settings, options, salt)
        yield from ((item, _Worker.process(item.records, item.replay)) for item in work)
        return
    context = safe_forkserver(["streams.reading.runner"])
    flying: deque[tuple[_Work, Future[Extract]]] = deque()
    with ProcessPoolExecutor(processes, context, _Worker.start, (settings, options, salt)) as pool:
        try:
            for item in work:
                flying.append((item, pool.submit(_Worker.process, item.records, item.replay)))
                if len(flying) >= 2 * processes:
                    yield _next(flying)
            while flying:
                yield _next(flying)
        except BrokenProcessPool as error:
            place = f"{flying[0][0].source.name}, record {flying[0][0].first} or after" if flying else "the pool"
            raise InputError(
                f"a worker process died near {place} (killed, or out of memory). Everything before is committed: run "
                "the same command again, with COACHLM_INTAKE_PROCESSES=1 or a smaller COACHLM_BATCH_RECORDS if need be"
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _next(flying: deque[tuple[_Work, Future[Extract]]]) -> tuple[_Work, Extract]:
    item, future = flying[0]
    extract = future.result()
    flying.popleft()
    return item, extract
