"""Both drivers on a real broker: whatever fails or moves, each message is handled, and acknowledged only then."""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from kafka import KafkaProducer

from coachlm.protocols.streams import DeadLetter, StreamMessage, Topic
from coachlm.settings import Settings, load_settings
from streams.broker.topics.lag import lags
from streams.broker.topics.topics import ensure_topics, intake_group, topic_name
from streams.broker.worker.aiokafka_driver import AiokafkaDriver
from streams.broker.worker.batches import Batches, Stopped
from streams.broker.worker.driver import Driver, Place, Subscription
from streams.broker.worker.faust_app import FaustDriver
from streams.broker.worker.handler import Handler, Observer

pytestmark = [
    pytest.mark.broker,
    # Faust 0.15 leaves these behind when its consumer thread ends.
    pytest.mark.filterwarnings("ignore:unclosed event loop:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
]
DRIVERS: list[type[Driver]] = [FaustDriver, AiokafkaDriver]
Step = Callable[[Sequence[StreamMessage]], None]


class Committed(Handler):
    """What the database would hold; `step` runs before each commit."""

    def __init__(self, step: Step = lambda messages: None) -> None:
        self.rows: Counter[bytes] = Counter()
        self.batches: list[int] = []
        self.step = step

    def handle(self, messages: Sequence[StreamMessage]) -> None:
        self.step(messages)
        self.batches.append(len(messages))
        self.rows.update(message.value or b"" for message in messages)

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        self.rows.update(letter.message.value or b"" for letter in letters)

    def is_healthy(self) -> bool:
        return True


@pytest.fixture
def settings(kafka_server: str, kafka_prefix: str) -> Settings:
    made = load_settings(  # pyright: ignore[reportCallIssue]
        kafka_servers=kafka_server,
        kafka_prefix=kafka_prefix,
        kafka_partitions=4,
        drain_seconds=10,
    )
    ensure_topics(made)
    return made


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    yield
    left = [thread for thread in threading.enumerate() if thread.name == "handler"]
    for thread in left:
        thread.join(20)


def produce(settings: Settings, count: int, first: int = 0) -> set[bytes]:
    values = [b"message %d" % number for number in range(first, first + count)]
    producer = KafkaProducer(bootstrap_servers=list(settings.kafka.servers))
    for number, value in enumerate(values):
        producer.send(topic_name(settings, Topic.RAW), value=value, partition=number % settings.kafka.partitions)
    producer.flush()
    producer.close()
    return set(values)


def build(kind: type[Driver], settings: Settings, handler: Handler, batch: int = 50) -> Driver:
    subscription = Subscription(
        settings, topic_name(settings, Topic.RAW), intake_group(settings), batch, session_seconds=6
    )
    return kind(subscription, Batches(handler, 3, Observer(), first_pause_seconds=0.01), lambda places: None)


@asynccontextmanager
async def running(driver: Driver) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(driver.run())
    try:
        yield task
    finally:
        driver.stop()
        with suppress(Stopped):
            await asyncio.wait_for(task, 30)


async def until(true: Callable[[], bool], seconds: float = 40.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.05)


def lag(settings: Settings) -> int:
    return sum(one.messages for one in lags(settings) if one.group == intake_group(settings))


@pytest.mark.parametrize("kind", DRIVERS)
def test_every_message_is_handled_once_and_acknowledged(kind: type[Driver], settings: Settings) -> None:
    sent = produce(settings, 1000)
    handler = Committed()

    async def main() -> None:
        async with running(build(kind, settings, handler)):
            await until(lambda: handler.rows.total() >= 1000)

    asyncio.run(main())
    assert handler.rows == Counter(dict.fromkeys(sent, 1))
    assert max(handler.batches) <= 50
    assert lag(settings) == 0  # the end of a worker commits what it did


@pytest.mark.parametrize("kind", DRIVERS)
def test_exceptions_of_every_kind_lose_nothing(kind: type[Driver], settings: Settings) -> None:
    sent = produce(settings, 400)
    chance = random.Random(7)

    def step(messages: Sequence[StreamMessage]) -> None:
        if chance.random() < 0.3:
            raise chance.choice([ValueError, KeyError, OSError, MemoryError, RecursionError])

    handler = Committed(step)

    async def main() -> None:
        async with running(build(kind, settings, handler, batch=20)):
            await until(lambda: len(handler.rows) >= 400)

    asyncio.run(main())
    assert handler.rows == Counter(dict.fromkeys(sent, 1))
    assert lag(settings) == 0


@pytest.mark.parametrize("kind", DRIVERS)
def test_an_exception_that_ends_the_worker_acknowledges_nothing_of_its_batch(
    kind: type[Driver], settings: Settings
) -> None:
    sent = produce(settings, 300)
    handler = Committed()
    driver = build(kind, settings, handler)
    whole = driver._batches.run

    def run(messages: Sequence[StreamMessage]) -> None:
        if handler.rows.total() >= 100:
            raise SystemError("a fault of the program itself")
        whole(messages)

    driver._batches.run = run  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(SystemError):
        asyncio.run(asyncio.wait_for(driver.run(), 40))
    done = handler.rows.total()
    assert lag(settings) >= 300 - done

    async def main() -> None:
        async with running(build(kind, settings, handler)):
            await until(lambda: len(handler.rows) >= 300)

    asyncio.run(main())
    assert set(handler.rows) == sent
    assert lag(settings) == 0


@pytest.mark.parametrize("kind", DRIVERS)
def test_the_end_waits_for_the_batch_in_hand_and_for_no_other(kind: type[Driver], settings: Settings) -> None:
    produce(settings, 500)
    began = threading.Event()
    handler = Committed(lambda messages: began.set() or time.sleep(0.5))

    async def main() -> None:
        async with running(build(kind, settings, handler, batch=30)):
            await until(began.is_set)

    asyncio.run(main())
    assert len(handler.batches) == 1
    assert lag(settings) == 500 - handler.batches[0]


@pytest.mark.parametrize("kind", DRIVERS)
def test_workers_come_and_go_and_nothing_is_lost(kind: type[Driver], settings: Settings) -> None:
    sent = produce(settings, 2000)
    handler = Committed(lambda messages: time.sleep(0.02))

    async def main() -> None:
        async with running(build(kind, settings, handler)):
            await until(lambda: handler.rows.total() >= 300)
            async with running(build(kind, settings, handler)):
                await until(lambda: handler.rows.total() >= 1000)
            # What the one that left had not acknowledged comes again, and then is.
            await until(lambda: len(handler.rows) >= 2000 and lag(settings) == 0)

    asyncio.run(main())
    assert set(handler.rows) == sent


@pytest.mark.parametrize("kind", DRIVERS)
def test_a_batch_longer_than_the_session_is_not_repeated(kind: type[Driver], settings: Settings) -> None:
    sent = produce(settings, 20)
    slow = [8.0]

    def step(messages: Sequence[StreamMessage]) -> None:
        if slow:
            time.sleep(slow.pop())

    handler = Committed(step)

    async def main() -> None:
        async with running(build(kind, settings, handler)):
            await until(lambda: len(handler.rows) >= 20)
            await asyncio.sleep(1.5)  # a repeat would come now

    asyncio.run(main())
    assert handler.rows == Counter(dict.fromkeys(sent, 1))


def test_slow_batches_fit_the_settings() -> None:
    settings = load_settings(watchdog_seconds=300, drain_seconds=30)  # pyright: ignore[reportCallIssue]
    subscription = Subscription(settings, "t", "g", 10)
    assert subscription.longest_batch_seconds > settings.streams.watchdog_seconds
    assert subscription.rebalance_seconds > settings.worker.drain_seconds


def test_a_rebalance_waits_for_the_batch_in_hand(settings: Settings) -> None:
    produce(settings, 400)
    handler = Committed(lambda messages: time.sleep(0.4))

    async def main() -> None:
        async with running(build(AiokafkaDriver, settings, handler)):
            await until(lambda: handler.rows.total() > 0)
            async with running(build(AiokafkaDriver, settings, handler)):
                await until(lambda: len(handler.rows) >= 400)

    asyncio.run(main())
    assert handler.rows.total() == 400


@pytest.mark.parametrize("kind", DRIVERS)
def test_partitions_share_a_batch(kind: type[Driver], settings: Settings) -> None:
    produce(settings, 400)
    seen: list[set[Place]] = []
    handler = Committed(lambda messages: seen.append({(one.topic, one.partition) for one in messages}))

    async def main() -> None:
        async with running(build(kind, settings, handler, batch=40)):
            await until(lambda: len(handler.rows) >= 400)

    asyncio.run(main())
    assert len(seen[1]) > 1
    assert max(map(len, seen)) == 4
