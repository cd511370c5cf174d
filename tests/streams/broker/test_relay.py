"""The outbox goes to its topics, and stays while it can't."""

import gc
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from coachlm.errors import StoreError, StreamError
from coachlm.machine.waiting import Backoff
from coachlm.protocols.streams import DeadReason, Topic
from coachlm.settings import Settings, load_settings
from coachlm.testing import FakeStreamStore
from devtools.servers.process import free_ports
from streams.broker.producing import relay as module
from streams.broker.producing.relay import Relay
from streams.broker.topics.topics import ensure_topics, topic_name
from streams.broker.wire.codec import Refused, decode
from tests.streams.broker.wire import PAIR, announcement

pytestmark = pytest.mark.broker


@pytest.fixture
def settings(kafka_server: str, kafka_prefix: str) -> Settings:
    made = load_settings(  # pyright: ignore[reportCallIssue]
        kafka_servers=kafka_server,
        kafka_prefix=kafka_prefix,
        kafka_partitions=1,
        max_record_bytes=5_000,
    )
    ensure_topics(made)
    return made


def store_with(*topics: Topic, **changes: object) -> FakeStreamStore:
    store = FakeStreamStore()
    store.outbox += [announcement(topic, **changes) for topic in topics]
    return store


def relay(store: FakeStreamStore, settings: Settings, said: list[str | None] | None = None) -> Relay:
    return Relay(store, settings, lambda number: None, (said if said is not None else []).append)


def read(settings: Settings, topic: Topic) -> list[tuple[bytes, bytes]]:
    consumer = KafkaConsumer(bootstrap_servers=list(settings.kafka.servers), auto_offset_reset="earliest")
    part = TopicPartition(topic_name(settings, topic), 0)
    consumer.assign([part])
    found: list[tuple[bytes, bytes]] = []
    end = consumer.end_offsets([part])[part]
    while consumer.position(part) < end:
        for records in consumer.poll(timeout_ms=500).values():
            found += [(record.key, record.value) for record in records]
    consumer.close()
    return found


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_each_announcement_goes_to_its_topic_under_its_key(settings: Settings) -> None:
    topics = [topic for topic in Topic if topic is not Topic.RAW]
    store = store_with(*topics)
    publisher = relay(store, settings)
    assert publisher.publish_all() == 4
    publisher._close()
    assert store.outbox == []
    for topic in topics:
        ((key, value),) = read(settings, topic)
        assert key.decode() == announcement(topic).key
        assert not isinstance(decode(topic, value), Refused)
        assert topic is Topic.DEAD or key.decode() == PAIR.id


def test_while_no_broker_answers_the_outbox_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_DELIVERY_SECONDS", 1)
    (port,) = free_ports(1)
    settings = load_settings(kafka_servers=f"127.0.0.1:{port}")  # pyright: ignore[reportCallIssue]
    store = store_with(Topic.ACCEPTED)
    with pytest.raises(StreamError, match=str(port)):
        relay(store, settings).publish_all()
    assert len(store.outbox) == 1
    gc.collect()  # sockets that were left open would be warned of now


def test_an_outage_is_said_once_and_waited_out(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BACKOFF", Backoff(0.01))
    store = store_with(Topic.ACCEPTED)
    store.failing = StoreError("the database is away")
    said: list[str | None] = []
    stop = threading.Event()
    thread = threading.Thread(target=relay(store, settings, said).run, args=(stop,))
    thread.start()
    until(lambda: len(said) == 1)
    time.sleep(0.2)  # several more tries
    store.failing = None
    until(lambda: store.outbox == [])
    stop.set()
    thread.join(30)
    assert said == ["the database is away", None]


def test_what_is_left_is_published_at_the_end(settings: Settings) -> None:
    store = store_with(Topic.ACCEPTED)
    stop = threading.Event()
    stop.set()
    relay(store, settings).run(stop)
    assert store.outbox == []
    assert len(read(settings, Topic.ACCEPTED)) == 1


def test_an_announcement_that_no_topic_takes_becomes_a_dead_letter_and_holds_up_no_other(settings: Settings) -> None:
    store = store_with(Topic.ACCEPTED, response="x" * 2_000_000)
    store.outbox += [announcement(Topic.EXCLUDED)]
    publisher = relay(store, settings)
    assert publisher.publish_all() == 3  # the third is the news of the dead letter
    publisher._close()
    assert read(settings, Topic.ACCEPTED) == []
    assert len(read(settings, Topic.EXCLUDED)) == len(read(settings, Topic.DEAD)) == 1
    (letter,) = store.dead.values()
    assert (letter.message.topic, letter.reason) == (topic_name(settings, Topic.ACCEPTED), DeadReason.TOO_LARGE)
    assert letter.message.key == PAIR.id.encode()
    assert "COACHLM_MAX_RECORD_BYTES" in letter.error
    assert json.loads(letter.message.value or b"")["response"] == "x" * 2_000_000


def test_a_broker_of_a_lower_limit_refuses_what_is_too_large_and_nothing_else(settings: Settings) -> None:
    """Together the small ones are over the limit, too: a batch of a producer counts as one."""
    limit_messages(settings, Topic.ACCEPTED, 4_000)
    store = FakeStreamStore()
    store.outbox += [announcement(Topic.ACCEPTED, response=text * 1_000) for text in ("ab", "cd", "ef", "ghijk", "lm")]
    publisher = relay(store, settings)
    assert publisher.publish_all() == 6
    publisher._close()
    published = [json.loads(value)["response"][:2] for _, value in read(settings, Topic.ACCEPTED)]
    assert set(published) == {"ab", "cd", "ef", "lm"}
    (letter,) = store.dead.values()
    assert json.loads(letter.message.value or b"")["response"] == "ghijk" * 1_000
    assert store.outbox == []


def limit_messages(settings: Settings, topic: Topic, limit: int) -> None:
    admin: Any = KafkaAdminClient(bootstrap_servers=list(settings.kafka.servers))
    changes = {"max.message.bytes": str(limit), "compression.type": "uncompressed"}
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic_name(settings, topic), changes)])
    admin.close()
