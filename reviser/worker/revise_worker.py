"""The embedded revise worker: claims pairs, keeps the engine full, commits revisions as they are ready, ends in order.

Any number of processes share one database. A worker that dies leaves claims that run out; a pair that was revised twice
because of that is stored once.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from coachlm.coaching.revise_work import WorkerCounts, WorkerObserver
from coachlm.errors import BudgetError, EngineError, StoreError
from coachlm.machine.waiting import Backoff
from coachlm.pairs import InstructionPair
from coachlm.protocols.revising import Reviser, RevisionQueue, StreamingReviser
from coachlm.revision import Revision

log = logging.getLogger(__name__)

_BACKOFF = Backoff(first_seconds=2.0, longest_seconds=30.0)


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How much a worker takes and when it looks."""

    claim_pairs: int = 64  # at once
    save_pairs: int = 16  # commit when so many are ready, or `save_seconds` are over
    save_seconds: float = 2.0
    extend_seconds: float = 60.0
    idle_seconds: float = 1.0  # between looks into an empty queue
    drain_seconds: float = 30.0  # for what is in the engine when it is told to end
    until_empty: bool = False


class ReviseWorker:
    """One worker; `run` returns when `stop` is set, or the queue is empty and the options say so."""

    def __init__(
        self,
        name: str,
        queue: RevisionQueue,
        reviser: Reviser,
        options: WorkerOptions,
        stop: threading.Event,
        observer: WorkerObserver | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.counts = WorkerCounts()
        self._queue = queue
        self._reviser = reviser
        self._options = options
        self._stop = stop
        self._observer = observer or WorkerObserver()
        self._clock = clock
        self._ready: list[Revision] = []
        self._saved_at = clock()
        self._extended_at = clock()
        self._working_since: float | None = None

    def run(self) -> WorkerCounts:
        """Raises: BudgetError, when the engine's is used up; what was made before it is committed."""
        try:
            while not self._stop.is_set():
                try:
                    worked = self._round()
                except (StoreError, EngineError) as error:
                    self._wait_out(error)
                    continue
                if not worked:
                    if self._options.until_empty:
                        break
                    self._stop.wait(self._options.idle_seconds)
        finally:
            self._hand_back()
        return self.counts

    def _round(self) -> bool:
        """Until the queue is empty or the worker is told to end; gives whether there was anything to do."""
        before, self._working_since = self.counts.claimed, self._clock()
        stopped_at: float | None = None
        for revision in revisions_of(self._reviser, self._claimed(), self._options.claim_pairs):
            self._ready.append(revision)
            now = self._clock()
            if len(self._ready) >= self._options.save_pairs or now - self._saved_at >= self._options.save_seconds:
                self._save()
            if self._stop.is_set():
                stopped_at = now if stopped_at is None else stopped_at
                if now - stopped_at > self._options.drain_seconds:
                    log.warning("not everything was finished in %g s: the rest goes back", self._options.drain_seconds)
                    break
            self._extend(now)
        self._save()
        self._working_since = None
        return self.counts.claimed > before

    def _claimed(self) -> Iterator[InstructionPair]:
        """Pairs as the engine has room for them, claimed a batch at a time."""
        while not self._stop.is_set():
            pairs = self._queue.claim(self.name, self._options.claim_pairs)
            self.counts.claimed += len(pairs)
            self.counts.waited_seconds += sum(pair.waited_seconds for pair in pairs)
            self._observer.claimed(pairs)
            if not pairs:
                return
            for pair in pairs:
                if self._stop.is_set():
                    return
                yield pair.raw

    def _save(self) -> None:
        self._saved_at = self._clock()
        if self._working_since is not None:
            self.counts.engine_seconds += self._saved_at - self._working_since
            self._working_since = self._saved_at
        if not self._ready:
            return
        new = self._queue.save(self.name, self._ready)
        self.counts.saved += new
        self.counts.repeated += len(self._ready) - new
        self.counts.commits += 1
        for revision in self._ready:
            self.counts.output_tokens += revision.output_tokens
            if failure := revision.failure:
                self.counts.fallbacks[failure] = self.counts.fallbacks.get(failure, 0) + 1
        saved, self._ready = self._ready, []
        self._observer.saved(saved, self.counts)

    def _extend(self, now: float) -> None:
        if now - self._extended_at >= self._options.extend_seconds:
            self._extended_at = now
            self._queue.extend(self.name)

    def _wait_out(self, error: Exception) -> None:
        """The pairs stay claimed or come back by themselves; what is ready is kept for the next commit."""
        self._working_since = None
        self.counts.outages += 1
        self._observer.waiting()
        log.warning("waiting: %s", error)
        self._stop.wait(_BACKOFF.seconds(self.counts.outages))
        try:
            self._save()
            self._queue.release(self.name)
        except StoreError as again:
            log.info("still away: %s", again)

    def _hand_back(self) -> None:
        try:
            self._save()
            self.counts.handed_back = self._queue.release(self.name)
        except StoreError as error:
            log.warning("claims could not be handed back, they run out by themselves: %s", error)


def revisions_of(reviser: Reviser, pairs: Iterable[InstructionPair], batch_pairs: int) -> Iterator[Revision]:
    """By the engine's own stream where it has one, else batch by batch."""
    if isinstance(reviser, StreamingReviser):
        yield from reviser.revise_stream(pairs)
        return
    source = iter(pairs)
    while batch := list(itertools.islice(source, batch_pairs)):
        try:
            yield from reviser.revise(batch)
        except BudgetError as spent:
            yield from spent.revisions
            raise
