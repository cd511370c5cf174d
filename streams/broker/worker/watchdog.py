"""Ends a worker that has messages to read and reads none: partitions can stop being fetched (faust-streaming issue
629), and a thread can hang. Whatever supervises the process starts it anew; nothing is lost by that."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from streams.broker.topics.lag import Lag
from streams.broker.worker.driver import Place

log = logging.getLogger(__name__)

_LOOKS = 10
"""How often it looks within the time that it allows."""
_LONGEST_BETWEEN_SECONDS = 10.0
_TURNS = 20
"""So many batches without one of its messages mean that a partition isn't read at all."""


@dataclass(slots=True)
class _Partition:
    committed: int | None
    since: float  # when `committed` last changed, or there was nothing to read
    batches: int  # how many had been handled then


class Watchdog:
    """Looks at the broker's figures, so that it needs to trust nothing in this process but its own thread.

    A worker is stalled when one of its partitions has messages, its committed offset has not moved for `seconds`, and
    either nothing at all was committed to the database in that time, or many batches were and none moved it. Waiting
    for a database, engine or broker that is known to be away is no stall.
    """

    def __init__(
        self,
        seconds: float,
        assignment: Callable[[], set[Place]],
        lags: Callable[[], list[Lag]],
        on_lags: Callable[[list[Lag]], None],
        on_stall: Callable[[str], None],
    ) -> None:
        self._seconds = seconds
        self._assignment = assignment
        self._lags = lags
        self._on_lags = on_lags
        self._on_stall = on_stall
        self._partitions: dict[Place, _Partition] = {}
        self._progress = time.monotonic()
        self._batches = 0
        self._outage = False
        self._stop = threading.Event()

    def progress(self) -> None:
        """Something was committed."""
        self._progress = time.monotonic()

    def outage(self, lasts: bool) -> None:
        """Whether the worker waits for its database or engine, and knows that it does."""
        self._outage = lasts
        self._progress = time.monotonic()

    def batch(self) -> None:
        self._batches += 1

    def run(self) -> None:
        """Until `stop`; in a thread of its own."""
        while not self._stop.wait(min(self._seconds / _LOOKS, _LONGEST_BETWEEN_SECONDS)):
            try:
                stalled = self.look(self._lags(), time.monotonic())
            except Exception as error:  # noqa: BLE001 - whatever it is, the watchdog has to go on
                log.warning("the watchdog can't see the broker: %s", error)
                self._partitions.clear()
                continue
            if stalled:
                self._on_stall(stalled)

    def stop(self) -> None:
        self._stop.set()

    def look(self, lags: list[Lag], now: float) -> str | None:
        """Why the worker is stalled; None: it isn't."""
        mine = self._assignment()
        seen = [lag for lag in lags if (lag.topic, lag.partition) in mine]
        self._on_lags(seen)
        if self._outage:
            self._partitions.clear()
            return None
        self._partitions = {place: state for place, state in self._partitions.items() if place in mine}
        stalled = [lag for lag in seen if self._is_stalled(lag, now)]
        if not stalled:
            return None
        named = ", ".join(f"{lag.topic}:{lag.partition} ({lag.messages:,} messages)" for lag in stalled)
        return f"no progress for {self._seconds:g} s on {named}"

    def _is_stalled(self, lag: Lag, now: float) -> bool:
        place = (lag.topic, lag.partition)
        state = self._partitions.get(place)
        if state is None or lag.messages == 0 or lag.committed != state.committed:
            self._partitions[place] = _Partition(lag.committed, now, self._batches)
            return False
        if now - state.since < self._seconds:
            return False
        return now - self._progress >= self._seconds or self._batches - state.batches >= _TURNS
