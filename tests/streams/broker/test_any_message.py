"""Whatever Kafka can carry: any bytes as key, value and headers, null ones too, and transactions of either end."""

import asyncio
from collections.abc import Sequence

import pytest
from aiokafka import AIOKafkaProducer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kafka import KafkaProducer

from coachlm.protocols.streams import StreamMessage, Topic
from coachlm.settings import Settings, load_settings
from storage.streams.headers import message_headers, stored_headers
from streams.broker.producing.replay import replay
from streams.broker.topics.lag import lags
from streams.broker.topics.topics import ensure_topics, intake_group, topic_name
from streams.broker.wire.raw_messages import header
from streams.broker.worker.driver import Driver
from tests.streams.broker.test_drivers import DRIVERS, Committed, build, running, until

KAFKA = [
    pytest.mark.broker,
    pytest.mark.filterwarnings("ignore:unclosed event loop:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
]
NAMES = st.binary(max_size=6).map(lambda name: name.decode("utf-8", "surrogateescape"))
HEADERS = st.lists(st.tuples(NAMES, st.none() | st.binary(max_size=6)), max_size=4).map(tuple)
ODD = (
    (None, b"plain", ()),
    (b"\xff\x00", b"", (("traceparent", None),)),
    (b"", None, (("coachlm-format", None), ("coachlm-format", b"\xff"))),
    (
        None,
        b"\xfe\xff" * 9,
        ((b"\xff\xfe name".decode("utf-8", "surrogateescape"), b"\x00"), ("", b""), ("\x00", None)),
    ),
    (b"k", b"after", (("ключ", "значение".encode()), ("twice", b"1"), ("twice", b"2"))),
)
NULL = (("coachlm-format", b"old"), ("coachlm-format", None), ("traceparent", None))


class Kept(Committed):
    """Keeps the messages as they came."""

    def __init__(self) -> None:
        super().__init__(self.seen)
        self.messages: list[StreamMessage] = []

    def seen(self, messages: Sequence[StreamMessage]) -> None:
        self.messages += messages


@pytest.fixture
def one_partition(kafka_server: str, kafka_prefix: str) -> Settings:
    made = load_settings(  # pyright: ignore[reportCallIssue]
        kafka_servers=kafka_server, kafka_prefix=kafka_prefix, kafka_partitions=1, drain_seconds=10
    )
    ensure_topics(made)
    return made


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(HEADERS)
def test_the_database_keeps_any_headers(headers: tuple[tuple[str, bytes | None], ...]) -> None:
    stored = stored_headers(headers)
    assert message_headers(stored) == headers
    for name, *_ in stored:
        assert name is not None
        assert "\0" not in name
        name.encode()  # text to every database: raises, were it no text


def contents(messages: Sequence[StreamMessage]) -> list[tuple[object, ...]]:
    return [(message.key, message.value, message.headers) for message in messages]


@pytest.mark.parametrize("kind", DRIVERS)
@pytest.mark.parametrize("mark", [pytest.param(None, marks=KAFKA)])
def test_every_message_is_read_as_it_was_written(kind: type[Driver], one_partition: Settings, mark: None) -> None:
    topic = topic_name(one_partition, Topic.RAW)
    written = [(key, value, tuple((name, held or b"") for name, held in headers)) for key, value, headers in ODD]
    letters = [
        (number, StreamMessage(topic, 0, number, key, value, headers))
        for number, (key, value, headers) in enumerate(ODD)
    ]
    assert [why for _, why in replay(one_partition, letters)] == [None] * len(ODD)
    handler = Kept()

    async def main() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=list(one_partition.kafka.servers))
        await producer.start()
        try:
            await producer.send_and_wait(topic, b"null", headers=list(NULL))  # pyright: ignore[reportArgumentType]
        finally:
            await producer.stop()
        async with running(build(kind, one_partition, handler)):
            await until(lambda: len(handler.messages) > len(ODD))

    asyncio.run(main())
    wanted = [
        (key, value, (*headers, ("coachlm-dead-letter", str(number).encode())))
        for number, (key, value, headers) in enumerate(written)
    ]
    assert contents(handler.messages) == [*wanted, (None, b"null", NULL)]
    assert header(handler.messages[-1], "coachlm-format") is None


@pytest.mark.parametrize("kind", DRIVERS)
@pytest.mark.parametrize("mark", [pytest.param(None, marks=KAFKA)])
def test_what_was_aborted_is_no_message_and_markers_are_no_lag(
    kind: type[Driver], one_partition: Settings, mark: None
) -> None:
    topic = topic_name(one_partition, Topic.RAW)
    handler = Kept()

    async def transaction(value: bytes, end: str) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=list(one_partition.kafka.servers), transactional_id=f"{topic}-{kind.__name__}"
        )
        await producer.start()
        try:
            await producer.begin_transaction()
            for _ in range(3):
                await producer.send_and_wait(topic, value)
            await getattr(producer, end)()
        finally:
            await producer.stop()

    async def main() -> None:
        await transaction(b"committed", "commit_transaction")
        await transaction(b"aborted", "abort_transaction")
        async with running(build(kind, one_partition, handler)):
            await until(lambda: len(handler.messages) >= 3)
            await until(lambda: behind(one_partition) == 0)

    asyncio.run(main())
    assert [message.value for message in handler.messages] == [b"committed"] * 3
    producer = KafkaProducer(bootstrap_servers=list(one_partition.kafka.servers))
    producer.send(topic, b"one more")
    producer.flush()
    producer.close()
    assert behind(one_partition) >= 1  # what can be read counts as ever


def behind(settings: Settings) -> int:
    return sum(one.messages for one in lags(settings) if one.group == intake_group(settings))
