"""What Prometheus reads: requests and their times, the queue, what the desk does and refuses."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily

from coachlm.errors import StoreError

log = logging.getLogger(__name__)

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
_KEPT_SECONDS = 10.0
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """The queue at one moment."""

    free_by_class: dict[str, int] = field(default_factory=dict)
    reserved: int = 0
    leased: int = 0
    awaiting_review: int = 0
    oldest_seconds: float = 0.0  # how long the oldest item has waited


class Metrics:
    """One registry a service. `read_queue` is asked at most every 10 s, whoever scrapes."""

    def __init__(self, read_queue: Callable[[], QueueFigures]) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "coachlm_http_requests",
            "Requests by route and status.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "coachlm_http_request_seconds",
            "Time until the answer was out.",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._desk = Counter("coachlm_desk_actions", "What people did.", ["action"], registry=self.registry)
        self._conflicts = Counter(
            "coachlm_desk_conflicts",
            "Texts refused (and kept as drafts): late or stale.",
            ["kind"],
            registry=self.registry,
        )
        self._lines = Counter("coachlm_log_lines", "Posted log lines.", ["ok"], registry=self.registry)
        self._refused = Counter("coachlm_refused_tokens", "Tokens that let nobody in.", ["why"], registry=self.registry)
        self._fetches = Counter(
            "coachlm_identity_fetches", "Fetches of the identity provider's keys.", ["ok"], registry=self.registry
        )
        self._exported = Counter("coachlm_exported_bytes", "Bytes of streamed exports.", registry=self.registry)
        self.registry.register(_QueueCollector(read_queue))  # pyright: ignore[reportArgumentType]

    def note_request(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def note_action(self, action: str) -> None:
        self._desk.labels(action).inc()

    def note_conflict(self, kind: str) -> None:
        self._conflicts.labels(kind).inc()

    def note_lines(self, ok: int, refused: int) -> None:
        self._lines.labels("true").inc(ok)
        self._lines.labels("false").inc(refused)

    def note_refusal(self, why: str) -> None:
        self._refused.labels(why).inc()

    def note_identity_fetch(self, ok: bool) -> None:
        self._fetches.labels(str(ok).lower()).inc()

    def note_export(self, count: int) -> None:
        self._exported.inc(count)

    def render(self) -> bytes:
        """Prometheus's text format."""
        return generate_latest(self.registry)


class _QueueCollector:
    def __init__(self, read_queue: Callable[[], QueueFigures]) -> None:
        self._read_queue = read_queue
        self._lock = Lock()
        self._last: QueueFigures | None = None
        self._until = 0.0

    def describe(self) -> list[GaugeMetricFamily]:
        return []  # nothing is read when the registry is made

    def collect(self) -> Iterator[GaugeMetricFamily]:
        figures = self._figures()
        if figures is None:
            return
        depth = GaugeMetricFamily("coachlm_queue_items", "Items by state and class.", labels=["state", "task_class"])
        for task_class, count in figures.free_by_class.items():
            depth.add_metric(["free", task_class or "none"], count)
        depth.add_metric(["reserved", ""], figures.reserved)
        depth.add_metric(["leased", ""], figures.leased)
        depth.add_metric(["awaiting_review", ""], figures.awaiting_review)
        yield depth
        yield GaugeMetricFamily("coachlm_queue_oldest_seconds", "Age of the oldest item.", figures.oldest_seconds)

    def _figures(self) -> QueueFigures | None:
        with self._lock:
            if self._last is None or monotonic() >= self._until:
                try:
                    self._last = self._read_queue()
                except StoreError as error:
                    log.warning("the queue's figures can't be read: %s", error)
                    self._last = None
                self._until = monotonic() + _KEPT_SECONDS
            return self._last
