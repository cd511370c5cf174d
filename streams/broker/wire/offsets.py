"""What the broker knows of offsets: how many messages a partition was given in a time, which offsets hold a message,
and the keys of those in flight."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from time import monotonic
from typing import Any

from kafka import KafkaConsumer
from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from coachlm.errors import StreamError
from coachlm.settings import Settings
from streams.broker.wire.connection import kafka_python_options

_Consumer: Any = KafkaConsumer
"""Any: the published stubs are of kafka-python 2."""

_SECONDS = 30


def offsets_at(settings: Settings, topic: str, partitions: Sequence[int], moment: datetime) -> dict[int, int | None]:
    """The first offset of each partition whose message is not older than the moment; None: all are older.

    Raises: StreamError, SettingsError (as every function here).
    """
    parts = {TopicPartition(topic, number): int(moment.timestamp() * 1000) for number in partitions}
    with _consumer(settings) as consumer:
        found = consumer.offsets_for_times(parts)
    return {part.partition: None if at is None else at.offset for part, at in found.items()}


def present(settings: Settings, topic: str, partition: int, ranges: Iterable[range], limit: int) -> tuple[int, bool]:
    """How many offsets of these ranges hold a message, and whether all ranges were read: at most `limit` messages are.

    Offsets without a message are gaps: markers of transactions, or what compaction took away.
    """
    part, held = TopicPartition(topic, partition), 0
    with _consumer(settings) as consumer:
        consumer.assign([part])
        for wanted in ranges:
            for records in _read(consumer, {part: (wanted.start, wanted.stop)}):
                held += len(records)
                if held > limit:
                    return held, False
    return held, True


def keys_in_flight(settings: Settings, topic: str, committed: Mapping[int, int]) -> Iterator[list[bytes]]:
    """Keys of all messages from the committed offset of each partition to its end as it is now, some at a time."""
    parts = {TopicPartition(topic, number): start for number, start in committed.items()}
    if not parts:
        return
    with _consumer(settings) as consumer:
        firsts, ends = consumer.beginning_offsets(list(parts)), consumer.end_offsets(list(parts))
        spans = {part: (max(start, firsts[part]), ends[part]) for part, start in parts.items()}
        consumer.assign(list(parts))
        for records in _read(consumer, spans):
            yield [record.key for record in records if record.key is not None]


def _read(consumer: Any, spans: Mapping[TopicPartition, tuple[int, int]]) -> Iterator[list[Any]]:
    """The records of each partition from a start to before an end, in flat memory. The partitions are assigned."""
    open_parts = {part: end for part, (start, end) in spans.items() if start < end}
    consumer.pause(*(part for part in consumer.assignment() if part not in open_parts))
    for part in open_parts:
        consumer.resume(part)
        consumer.seek(part, spans[part][0])
    patience = monotonic() + _SECONDS
    while open_parts:
        polled = consumer.poll(timeout_ms=500)
        for part, records in polled.items():
            end = open_parts.get(part, 0)
            yield [record for record in records if record.offset < end]
        for part, end in list(open_parts.items()):
            if consumer.position(part) >= end:
                consumer.pause(part)
                del open_parts[part]
        if polled:
            patience = monotonic() + _SECONDS
        elif monotonic() > patience:
            raise StreamError(f"{', '.join(map(_name, open_parts))}: the broker gives no messages; see its log")


def _name(part: TopicPartition) -> str:
    return f"{part.topic}:{part.partition}"


@contextmanager
def _consumer(settings: Settings) -> Iterator[Any]:
    """Of no group: it commits nothing and disturbs nobody."""
    options = kafka_python_options(settings)
    try:
        consumer = _Consumer(
            **options,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        try:
            yield consumer
        finally:
            consumer.close()
    except (KafkaError, OSError) as error:
        servers = ", ".join(options["bootstrap_servers"])
        raise StreamError(f"the Kafka broker at {servers} failed: {error!r}; is it running?") from error
