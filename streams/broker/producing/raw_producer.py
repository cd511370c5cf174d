"""Raw records into the topic of logs: one message a bundle, acknowledged by every broker that has to hold it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
import xxhash
from kafka import KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from coachlm.errors import StreamError
from coachlm.settings import Settings
from streams.broker.wire.admin import administration, described_topics, patiently
from streams.broker.wire.connection import kafka_python_options
from streams.broker.wire.raw_messages import FILE_HEADER, FORMAT_HEADER, RECORD_HEADER
from streams.reading.sources.records import RawRecord

_Producer: Any = KafkaProducer
"""Any: the published stubs are of kafka-python 2."""

_BATCH_BYTES = 256_000
_DELIVERY_SECONDS = 120
"""A broker that is restarted is back by then."""
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class RawMessage:
    """A message of logs.raw before it has a place there."""

    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...]


class Outlet(Protocol):
    """Where raw messages go; `RawProducer` and the tests' own."""

    def send(self, message: RawMessage) -> Callable[[], str]:
        """Queues the message; what is returned waits until it is durable, and gives "" or why the broker will never
        take it. Both raise StreamError while the broker can't be reached."""
        ...


class RawProducer:
    """An `Outlet` on a topic that exists. Safe to share between threads.

    The caller bounds how much it sends without waiting: that is all the memory it takes.
    """

    def __init__(self, settings: Settings, topic: str, limit: int) -> None:
        self._topic = topic
        self._limit = limit
        self._servers = ", ".join(settings.kafka.servers)
        try:
            self._producer = _Producer(
                **kafka_python_options(settings),
                acks="all",
                enable_idempotence=True,
                compression_type="lz4",
                linger_ms=5,
                batch_size=min(_BATCH_BYTES, max(limit // 2, 1)),
                max_request_size=limit,
                max_block_ms=_DELIVERY_SECONDS * 1000,
                delivery_timeout_ms=_DELIVERY_SECONDS * 1000,
                allow_auto_create_topics=False,
            )
        except (KafkaError, OSError) as error:
            raise self._failed(error) from error

    def send(self, message: RawMessage) -> Callable[[], str]:
        try:
            future = self._producer.send(
                self._topic, key=message.key, value=message.value, headers=list(message.headers)
            )
        except _TOO_LARGE:
            return self._too_large
        except (KafkaError, OSError) as error:
            raise self._failed(error) from error

        def outcome() -> str:
            try:
                future.get(timeout=_DELIVERY_SECONDS)
            except _TOO_LARGE:
                return self._too_large()
            except (KafkaError, OSError) as error:
                raise self._failed(error) from error
            return ""

        return outcome

    def close(self) -> None:
        """Without waiting for what was not acknowledged: whoever sent it knows."""
        self._producer.close(timeout=0)

    def _too_large(self) -> str:
        return (
            f"too_long: more than the {self._limit:,} bytes that topic {self._topic} takes; raise "
            "COACHLM_MAX_RECORD_BYTES and run `coachlm topics --create`"
        )

    def _failed(self, error: Exception) -> StreamError:
        return StreamError(
            f"the Kafka broker at {self._servers} takes no messages for {self._topic}: {error!r}; is it running?"
        )


@dataclass(frozen=True, slots=True)
class Destination:
    """A topic as the broker has it."""

    topic: str
    cluster: str  # the cluster's id: a new one has nothing of what an old one took
    limit: int  # bytes of its largest message

    @property
    def name(self) -> str:
        return f"{self.cluster}/{self.topic}"


def find_destination(settings: Settings, topic: str) -> Destination:
    """Raises: StreamError, when the broker can't be reached or has no such topic; SettingsError."""
    with administration(settings) as admin:
        if not described_topics(admin, [topic]):
            raise StreamError(f"topic {topic} does not exist; create it: coachlm topics --create")
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": ""})
        found = patiently(lambda: admin.describe_configs([resource], config_filter="all"))
        cluster = patiently(admin.describe_cluster)
    return Destination(topic, str(cluster["cluster_id"]), int(found["topic"][topic]["max.message.bytes"]["value"]))


def raw_message(records: Sequence[RawRecord], format: str | None) -> RawMessage:
    """Records as they are, each on a line of its own where there are several. The key depends on the first record's
    place alone, so that a repeat goes where the original went.

    Raises: ValueError, for a decoded value that JSON can't hold.
    """
    position = records[0].position
    headers = [(FILE_HEADER, position.source.encode()), (RECORD_HEADER, str(position.record).encode())]
    if format is not None:
        headers.append((FORMAT_HEADER, format.encode()))
    value = _bytes(records[0]) if len(records) == 1 else b"\n".join(map(_line, records))
    key = xxhash.xxh3_64_hexdigest(f"{position.source}\n{position.record}".encode()).encode()
    return RawMessage(key, value, tuple(headers))


def _bytes(record: RawRecord) -> bytes:
    if isinstance(record.data, bytes):
        return record.data
    try:
        return orjson.dumps(record.data, default=_plain, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # lone surrogates, numbers beyond 64 bits
        pass
    try:
        return json.dumps(record.data, default=_plain).encode()
    except (TypeError, RecursionError) as error:
        raise ValueError(f"the value can't be written as JSON: {error}") from error


def _line(record: RawRecord) -> bytes:
    data = _bytes(record).removeprefix(_BOM).strip()
    if b"\n" not in data:
        return data
    try:
        return orjson.dumps(orjson.loads(data))
    except (orjson.JSONDecodeError, TypeError):
        return json.dumps(json.loads(data.decode("utf-8", "surrogatepass"), strict=False)).encode()


def _plain(value: object) -> object:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
