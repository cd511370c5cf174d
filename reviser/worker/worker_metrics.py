"""What an embedded revise worker counts, for Prometheus."""

from collections.abc import Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from coachlm.coaching.revise_work import WorkerCounts, WorkerObserver
from coachlm.protocols.revising import ClaimedPair, EngineLoad, LoadedReviser, Reviser
from coachlm.revision import Revision

_WAIT_SECONDS = (1, 10, 60, 300, 1_800, 7_200, 43_200, 86_400, 604_800)
_NOTHING = EngineLoad(0, 0, 0, 0, 0)


class WorkerMetrics(WorkerObserver):
    """One set a process; every name begins with `coachlm_worker_`, and every series names its worker."""

    def __init__(self, worker: str, reviser: Reviser) -> None:
        self.registry = CollectorRegistry()
        self._worker = worker
        self._reviser = reviser
        self._load = _NOTHING
        self._seconds = 0.0
        self._revisions = self._counter("revisions", "Revisions committed.", "outcome")
        self._fallbacks = self._counter("fallbacks", "Revisions that kept the raw pair.", "reason")
        self._tokens = self._counter("tokens", "Tokens of revisions.", "kind")
        self._engine = self._counter("engine_seconds", "Seconds that there was work.")
        self._drafts = self._counter("draft_tokens", "Guessed tokens, by what the model said to them.", "result")
        self._outages = self._counter("outages", "Times that database or engine was waited for.")
        self._wait = Histogram(
            "coachlm_worker_queue_wait_seconds",
            "A pair, from come in to claimed.",
            ("worker",),
            registry=self.registry,
            buckets=_WAIT_SECONDS,
        )
        self._fill = Gauge(
            "coachlm_worker_batch_fill_ratio",
            "Pairs under way, of those that could be, since the last commit.",
            ("worker",),
            registry=self.registry,
        )

    def claimed(self, pairs: Sequence[ClaimedPair]) -> None:
        for pair in pairs:
            self._wait.labels(self._worker).observe(pair.waited_seconds)

    def saved(self, revisions: Sequence[Revision], counts: WorkerCounts) -> None:
        for revision in revisions:
            self._revisions.labels(self._worker, revision.outcome.value).inc()
            self._tokens.labels(self._worker, "prompt").inc(revision.prompt_tokens)
            self._tokens.labels(self._worker, "output").inc(revision.output_tokens)
            if revision.reason:
                self._fallbacks.labels(self._worker, revision.reason).inc()
        self._engine.labels(self._worker).inc(counts.engine_seconds - self._seconds)
        self._seconds = counts.engine_seconds
        if isinstance(self._reviser, LoadedReviser):
            self._loaded(self._reviser.load())

    def waiting(self) -> None:
        self._outages.labels(self._worker).inc()

    def _loaded(self, load: EngineLoad) -> None:
        before, self._load = self._load, load
        if load.places > before.places:
            self._fill.labels(self._worker).set((load.rows - before.rows) / (load.places - before.places))
        accepted = load.accepted_tokens - before.accepted_tokens
        self._drafts.labels(self._worker, "accepted").inc(accepted)
        self._drafts.labels(self._worker, "refused").inc(load.drafted_tokens - before.drafted_tokens - accepted)

    def _counter(self, name: str, help: str, *labels: str) -> Any:
        return Counter(f"coachlm_worker_{name}", help, ("worker", *labels), registry=self.registry)
