"""The aiokafka driver: fetch a batch, hand it to its handler, commit its offsets once the database has committed.

A rebalance waits for the batch in hand, so that partitions move with what was done; after `drain_seconds` they move
without, and the batch comes again elsewhere, which the database takes as repeats.
"""

import asyncio
import logging
from collections.abc import Collection, Iterable
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from coachlm.errors import StreamError
from coachlm.protocols.streams import StreamMessage
from streams.broker.wire.connection import aiokafka_options
from streams.broker.wire.records import read_any_header
from streams.broker.worker.batches import Batches
from streams.broker.worker.driver import Driver, OnAssigned, Place, Subscription

log = logging.getLogger(__name__)

_FETCH_MS = 500
_POSITION_SECONDS = 1.0
_FETCH_BYTES = 1_000_000  # a partition's share of memory; a larger message comes alone
_STALE = (CommitFailedError, IllegalStateError)
"""A commit that came too late: the partition has moved, and its messages come again elsewhere."""


class AiokafkaDriver(Driver):
    """See `Driver`."""

    def __init__(self, subscription: Subscription, batches: Batches, on_assigned: OnAssigned) -> None:
        super().__init__(subscription, batches, on_assigned)
        self._consumer: Any = None
        self._stopping = asyncio.Event()
        self._in_hand = asyncio.Lock()
        self._turn = 0
        self._committed: dict[TopicPartition, int] = {}

    async def run(self) -> None:
        self._consumer = consumer = _consumer(self._subscription)
        consumer.subscribe(self._subscription.topics, listener=_Rebalances(self))
        try:
            await consumer.start()
        except KafkaError as error:
            raise StreamError(f"the Kafka broker can't be reached: {error}") from error
        try:
            while not self._stopping.is_set():
                await self._next()
        except KafkaError as error:
            raise StreamError(f"consuming {self._subscription.topic} failed: {error!r}") from error
        finally:
            await consumer.stop()

    def stop(self) -> None:
        self._stopping.set()

    def assignment(self) -> set[Place]:
        if self._consumer is None:
            return set()
        return {(part.topic, part.partition) for part in self._consumer.assignment()}

    def assigned(self, places: set[Place]) -> None:
        self._on_assigned(places)

    async def _next(self) -> None:
        messages = await self._fetch()
        async with self._in_hand:
            if not messages:
                await self._pass_markers()
                return
            try:
                await self._handle(messages)
            except Exception:
                self._seek_back(messages)
                raise
            await self._commit(messages)

    async def _fetch(self) -> list[StreamMessage]:
        """From each partition its share, so that none waits for the others; waits a moment where there is nothing."""
        consumer, wanted = self._consumer, self._subscription.batch_messages
        parts = sorted(consumer.assignment())
        records: list[Any] = []
        if parts:
            self._turn = (self._turn + 1) % len(parts)
            share = -(-wanted // len(parts))
            for part in parts[self._turn :] + parts[: self._turn]:
                limit = min(share, wanted - len(records))
                if limit:
                    found = await consumer.getmany(part, timeout_ms=0, max_records=limit)
                    records += found.get(part, ())
        if not records:
            found = await consumer.getmany(timeout_ms=_FETCH_MS, max_records=wanted)
            records = [record for part in found.values() for record in part]
        return [_message(record) for record in records]

    async def _commit(self, messages: Collection[StreamMessage]) -> None:
        await self._commit_offsets({TopicPartition(one.topic, one.partition): one.offset + 1 for one in messages})

    async def _pass_markers(self) -> None:
        """Commits beyond what holds no message: the ends of transactions, and what was aborted. Nothing that was
        fetched is in hand, so all before a partition's position is done."""
        ahead: dict[TopicPartition, int] = {}
        with suppress(TimeoutError, *_STALE):  # partitions that move meanwhile are somebody else's
            async with asyncio.timeout(_POSITION_SECONDS):
                for part in self._consumer.assignment():
                    if part not in self._committed:
                        self._committed[part] = await self._consumer.committed(part) or 0
                    position = await self._consumer.position(part)
                    if position != self._committed[part]:
                        ahead[part] = position
        if ahead:
            await self._commit_offsets(ahead)

    async def _commit_offsets(self, offsets: dict[TopicPartition, int]) -> None:
        mine = self._consumer.assignment()
        self._committed = {part: at for part, at in (self._committed | offsets).items() if part in mine}
        try:
            await self._consumer.commit({part: offset for part, offset in offsets.items() if part in mine})
        except _STALE as error:
            log.info("a commit came too late, its messages will come again: %r", error)
        except KafkaError as error:
            if not error.retriable:
                raise
            log.warning("offsets could not be committed; the next batch commits them too: %r", error)

    def _seek_back(self, messages: Collection[StreamMessage]) -> None:
        firsts: dict[TopicPartition, int] = {}
        for message in messages:
            firsts.setdefault(TopicPartition(message.topic, message.partition), message.offset)
        for part, offset in firsts.items():
            if part in self._consumer.assignment():
                self._consumer.seek(part, offset)

    async def hand_over(self) -> None:
        """Waits for the batch in hand and its commit."""
        try:
            async with asyncio.timeout(self._subscription.drain_seconds):
                await self._in_hand.acquire()
            self._in_hand.release()
        except TimeoutError:
            log.warning("partitions move before their batch is done; it will come again")


class _Rebalances(ConsumerRebalanceListener):
    """Its methods may be coroutines, as aiokafka documents; its types don't say so."""

    def __init__(self, driver: AiokafkaDriver) -> None:
        self._driver = driver

    async def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        if revoked:
            await self._driver.hand_over()

    async def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        self._driver.assigned({(part.topic, part.partition) for part in assigned})


def _consumer(subscription: Subscription) -> Any:
    read_any_header()
    return AIOKafkaConsumer(
        **aiokafka_options(subscription.settings),
        group_id=subscription.group,
        enable_auto_commit=False,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        max_poll_interval_ms=int(subscription.longest_batch_seconds * 1000),
        session_timeout_ms=int(subscription.session_seconds * 1000),
        heartbeat_interval_ms=int(subscription.session_seconds * 1000 / 10),
        rebalance_timeout_ms=int(subscription.rebalance_seconds * 1000),
        max_partition_fetch_bytes=_FETCH_BYTES,
        metadata_max_age_ms=60_000,
    )


def _message(record: Any) -> StreamMessage:
    return StreamMessage(
        record.topic, record.partition, record.offset, record.key, record.value, tuple(record.headers), record.timestamp
    )
