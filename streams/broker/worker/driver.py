"""What the two drivers have in common: how they are told what to consume, and what a worker asks of them."""

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from coachlm.protocols.streams import StreamMessage
from coachlm.settings import Settings
from streams.broker.worker.batches import Batches

Place = tuple[str, int]
"""A topic, with its prefix, and a partition."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What to read, the group that reads it together, and how patient the broker has to be with slow batches."""

    settings: Settings
    topic: str  # with its prefix
    group: str
    batch_messages: int
    extra_topics: tuple[str, ...] = ()  # read beside it, by the same group
    session_seconds: float = 15.0  # without a heartbeat for so long, a worker has died

    @property
    def topics(self) -> list[str]:
        return [self.topic, *self.extra_topics]

    @property
    def drain_seconds(self) -> float:
        return self.settings.worker.drain_seconds

    @property
    def rebalance_seconds(self) -> float:
        """How long the others wait for this worker to finish its batch."""
        return self.drain_seconds + self.session_seconds

    @property
    def longest_batch_seconds(self) -> float:
        """Longer than the watchdog waits: no worker that is alive loses its partitions to a slow batch."""
        return 2.0 * self.settings.streams.watchdog_seconds + self.drain_seconds


OnAssigned = Callable[[set[Place]], None]
"""Called after every rebalance with all that the worker reads now."""


class Driver(ABC):
    """Feeds batches of one topic to `Batches`, in a thread of its own; lives on one event loop."""

    def __init__(self, subscription: Subscription, batches: Batches, on_assigned: OnAssigned) -> None:
        self._subscription = subscription
        self._batches = batches
        self._on_assigned = on_assigned

    @abstractmethod
    async def run(self) -> None:
        """Until `stop`; the batch in hand is finished and acknowledged first.

        Raises: what `Batches.run` raised, with nothing of that batch acknowledged; StreamError.
        """

    @abstractmethod
    def stop(self) -> None:
        """Take no further batch."""

    @abstractmethod
    def assignment(self) -> set[Place]:
        """The partitions that this worker reads now."""

    async def _handle(self, messages: Sequence[StreamMessage]) -> None:
        """Off the loop, which goes on answering the broker; in a daemon thread, so that one that hangs can't keep the
        process from ending. Where this is cancelled the thread goes on, and `Batches` lets the next batch wait."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def settle(error: BaseException | None) -> None:
            if done.done():
                return
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        def work() -> None:
            error: BaseException | None = None
            try:
                self._batches.run(messages)
            except BaseException as raised:  # noqa: BLE001 - it goes on in the loop
                error = raised
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(settle, error)

        threading.Thread(target=work, name="handler", daemon=True).start()
        await done
