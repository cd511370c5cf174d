"""The Faust driver: one app a stage, with one agent that takes its messages through `run_batch` alone."""

import asyncio
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterable, Sequence
from time import monotonic
from typing import Any

import faust
from faust.exceptions import AlreadyConfiguredWarning, ConsumerNotStarted
from faust.sensors.monitor import Monitor
from faust.transport.drivers import aiokafka as transport
from faust.types import TP, EventT, Message, StreamT

from coachlm.errors import StreamError
from coachlm.protocols.streams import StreamMessage
from streams.broker.wire.connection import faust_options
from streams.broker.wire.records import read_any_header
from streams.broker.worker.batches import Batches
from streams.broker.worker.driver import Driver, OnAssigned, Place, Subscription
from streams.broker.worker.run_batch import Handle, run_batch

log = logging.getLogger(__name__)

_WITHIN_SECONDS = 0.2
"""How long a batch that is not full waits for more."""
_COMMIT_SECONDS = 1.0
_FETCH_BYTES, _FETCH_BYTES_EACH = 1_000_000, 2_000
"""Faust hands on all that it has fetched of a partition before the next one's turn; where each message takes long, as
with a coach, a megabyte of them would leave the others waiting for minutes. A larger message comes alone."""


class _Quiet(Monitor):
    """Leaves out Faust's statistics of every message, which nobody reads (`streams.broker.worker.metrics` counts);
    keeps what Faust's own look for stuck partitions goes by."""

    def on_message_in(self, tp: TP, offset: int, message: Message) -> None:
        self.tp_read_offsets[tp] = offset

    def on_stream_event_in(self, tp: TP, offset: int, stream: StreamT, event: EventT) -> None:
        self.stream_inbound_time[tp] = monotonic()

    def on_stream_event_out(
        self, tp: TP, offset: int, stream: StreamT, event: EventT, state: dict[str, Any] | None = None
    ) -> None: ...

    def on_message_out(self, tp: TP, offset: int, message: Message) -> None: ...


class _ConsumerThread(transport.AIOKafkaConsumerThread):
    """Reads what is committed alone, which Faust does only for a worker that produces within transactions."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer: Any = super()._create_worker_consumer(transport)
        consumer._isolation_level = "read_committed"  # taken up when the consumer starts
        return consumer


class _Consumer(transport.Consumer):
    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)


class _Transport(transport.Transport):
    Consumer = _Consumer


def create_app(
    subscription: Subscription, handle: Handle, on_end: Callable[[BaseException], None], folder: str
) -> faust.App:
    """An app that hands each batch of the subscription to `handle`; `run_batch` says what `on_end` hears. `folder` is
    for files that Faust insists on."""
    app = faust.App(
        subscription.group,
        **faust_options(subscription.settings),
        datadir=folder,
        store="memory://",
        Monitor=_Quiet,
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
        broker_commit_interval=_COMMIT_SECONDS,
        broker_session_timeout=subscription.session_seconds,
        broker_heartbeat_interval=subscription.session_seconds / 10,
        broker_rebalance_timeout=subscription.rebalance_seconds,
        broker_request_timeout=subscription.session_seconds * 2,
        broker_max_poll_interval=subscription.longest_batch_seconds,
        broker_commit_livelock_soft_timeout=subscription.longest_batch_seconds,
        stream_processing_timeout=subscription.longest_batch_seconds,
        stream_buffer_maxsize=subscription.batch_messages,
        consumer_max_fetch_size=min(_FETCH_BYTES, subscription.batch_messages * _FETCH_BYTES_EACH),
        consumer_metadata_max_age_ms=60_000,
    )
    read_any_header()
    app.transport = _Transport(app.conf.broker_consumer, app)
    topic = app.topic(
        *subscription.topics, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
    )

    async def agent(stream: Any) -> None:
        await run_batch(stream, handle, subscription.batch_messages, _WITHIN_SECONDS, on_end)

    app.agent(topic, name="batches", concurrency=1)(agent)
    return app


class FaustDriver(Driver):
    """See `Driver`."""

    def __init__(self, subscription: Subscription, batches: Batches, on_assigned: OnAssigned) -> None:
        super().__init__(subscription, batches, on_assigned)
        self._app: faust.App | None = None
        self._stopping = asyncio.Event()
        self._in_hand = asyncio.Lock()
        self._fault: BaseException | None = None

    async def run(self) -> None:
        with tempfile.TemporaryDirectory(prefix="coachlm-faust-") as folder:
            self._app = app = create_app(self._subscription, self._take, self._failed, folder)
            app.on_partitions_assigned.connect(self._assigned, weak=False)  # pyright: ignore[reportArgumentType]
            try:
                await app.start()
                await app.wait(self._stopping.wait())
                async with self._in_hand:  # acknowledged before anything else runs on the loop
                    if self._fault is None and app.crash_reason is None:
                        await app.consumer.commit()
            finally:
                # What was fetched and is not in hand is left: Faust would wait for ever for it to be acknowledged.
                with warnings.catch_warnings(action="ignore", category=AlreadyConfiguredWarning):
                    app.conf.stream_wait_empty = False
                ending = asyncio.ensure_future(app.stop())
                await asyncio.wait({ending}, timeout=self._subscription.drain_seconds)
        if self._fault is not None:
            raise self._fault
        if app.crash_reason is not None:
            raise StreamError(f"Faust failed: {app.crash_reason!r}") from app.crash_reason

    def stop(self) -> None:
        self._stopping.set()

    def assignment(self) -> set[Place]:
        consumer = self._app._consumer if self._app is not None else None
        if consumer is None:
            return set()
        try:
            return {(part.topic, part.partition) for part in consumer.assignment()}
        except ConsumerNotStarted:
            return set()

    async def _take(self, messages: Sequence[StreamMessage]) -> None:
        async with self._in_hand:
            if not self._stopping.is_set():
                await self._handle(messages)
                return
        await asyncio.Event().wait()  # until the app has stopped; nothing of it is acknowledged

    def _failed(self, error: BaseException) -> None:
        self._fault = error
        self._stopping.set()

    async def _assigned(self, app: faust.App, assigned: Iterable[Any], **_: Any) -> None:
        self._on_assigned({(part.topic, part.partition) for part in assigned})
