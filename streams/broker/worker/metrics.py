"""What a stream worker counts, for Prometheus."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from coachlm.metrics import serve_metrics
from coachlm.protocols.streams import DeadLetter, DeadReason
from coachlm.revision import Outcome, Revision
from coachlm.settings import Settings
from streams.broker.topics.lag import Lag
from streams.broker.worker.handler import Observer

_BATCH_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300)


class Metrics(Observer):
    """One set a process; every name begins with `coachlm_stream_`, and every series names its worker."""

    def __init__(self, worker: str) -> None:
        self.registry = CollectorRegistry()
        self._worker = worker
        self._messages = self._counter("messages", "Messages whose outcome is committed.")
        self._pairs = self._counter("pairs", "Pairs and rejects new in the database.", "outcome")
        self._dead = self._counter("dead_letters", "Messages given up.", "reason")
        self._revisions = self._counter("revisions", "Revisions committed.", "outcome")
        self._fallbacks = self._counter("fallbacks", "Revisions that kept the raw pair.", "reason")
        self._tokens = self._counter("revise_tokens", "Tokens of revisions.", "kind")
        self._engine = self._counter("engine_seconds", "Seconds that the engine worked.")
        self._published = self._counter("published", "Announcements published.")
        self._outages = self._counter("outages", "Times that something was waited for.", "what")
        self._batches = Histogram(
            "coachlm_stream_batch_seconds",
            "A batch, from fetched to committed.",
            ("worker",),
            registry=self.registry,
            buckets=_BATCH_SECONDS,
        )
        self._lag = self._gauge("lag_messages", "Messages behind the partition's end.", "topic", "partition")
        self._assigned = self._gauge("assigned_partitions", "Partitions that this worker reads.")
        self._outbox = self._gauge("outbox_rows", "Announcements that wait to be published.")
        self._progress = self._gauge("last_progress_timestamp_seconds", "When something was last committed.")
        self._progress.labels(worker).set_function(lambda: self.last_progress)
        self.last_progress = time.time()
        self.message_count = 0
        self._begin_at_zero()

    def serve(self, settings: Settings) -> None:
        """On the settings' address, if a port is set. Raises: SettingsError, when it is taken."""
        serve_metrics(self.registry, settings)

    def _begin_at_zero(self) -> None:
        """What alerts watch exists from the start: an increase from nothing is none to Prometheus."""
        for counter in (self._messages, self._engine, self._published):
            counter.labels(self._worker)
        for reason in DeadReason:
            self._dead.labels(self._worker, reason.value)
        for what in ("handler", "relay"):
            self._outages.labels(self._worker, what)
        for outcome in Outcome:
            self._revisions.labels(self._worker, outcome.value)

    def handled(self, messages: int, dead: Sequence[DeadLetter]) -> None:
        self.last_progress = time.time()
        self.message_count += messages
        self._messages.labels(self._worker).inc(messages)
        for letter in dead:
            self._dead.labels(self._worker, letter.reason.value).inc()

    def pairs(self, counts: Mapping[str, int]) -> None:
        for outcome, count in counts.items():
            self._pairs.labels(self._worker, outcome).inc(count)

    def revised(self, revisions: Sequence[Revision], seconds: float) -> None:
        self._engine.labels(self._worker).inc(seconds)
        for revision in revisions:
            self._revisions.labels(self._worker, revision.outcome.value).inc()
            self._tokens.labels(self._worker, "prompt").inc(revision.prompt_tokens)
            self._tokens.labels(self._worker, "output").inc(revision.output_tokens)
            if revision.reason:
                self._fallbacks.labels(self._worker, revision.reason).inc()

    def batch(self, seconds: float) -> None:
        self._batches.labels(self._worker).observe(seconds)

    def waiting(self, why: str) -> None:
        self.last_progress = time.time()
        self._outages.labels(self._worker, "handler").inc()

    def published(self, announcements: int) -> None:
        self._published.labels(self._worker).inc(announcements)

    def relay_waiting(self) -> None:
        self._outages.labels(self._worker, "relay").inc()

    def outbox(self, rows: int) -> None:
        self._outbox.labels(self._worker).set(rows)

    def lags(self, found: Sequence[Lag]) -> None:
        """Of the partitions that this worker reads; those that it no longer reads disappear."""
        self._lag.clear()
        for lag in found:
            self._lag.labels(self._worker, lag.topic, str(lag.partition)).set(lag.messages)
        self._assigned.labels(self._worker).set(len(found))

    def _counter(self, name: str, help: str, *labels: str) -> Any:
        return Counter(f"coachlm_stream_{name}", help, ("worker", *labels), registry=self.registry)

    def _gauge(self, name: str, help: str, *labels: str) -> Any:
        return Gauge(f"coachlm_stream_{name}", help, ("worker", *labels), registry=self.registry)
