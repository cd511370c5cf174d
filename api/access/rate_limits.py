"""Token buckets: how often somebody may do something."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock

_REMEMBERED = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float  # of the clock


class RateLimiter:
    """A bucket for each key, filled at `per_second` up to `burst`. The keys used longest ago are forgotten first.

    Safe to share between threads.
    """

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()
        self._lock = Lock()

    def take(self, key: Hashable) -> float:
        """Takes a token; gives 0, or without one the seconds until there is one."""
        with self._lock:
            bucket = self._filled(key)
            if bucket.tokens >= 1:
                bucket.tokens -= 1
                return 0.0
            return (1 - bucket.tokens) / self._per_second

    def wait_seconds(self, key: Hashable) -> float:
        """As `take`, without taking."""
        with self._lock:
            tokens = self._filled(key).tokens
            return 0.0 if tokens >= 1 else (1 - tokens) / self._per_second

    def _filled(self, key: Hashable) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.pop(key, None) or _Bucket(self._burst, now)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._per_second)
        bucket.at = now
        self._buckets[key] = bucket
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        return bucket
