"""The lag that the service shows: summed by consumer group, asked for without holding anybody up."""

import time
from collections.abc import Callable

import pytest
from kafka import KafkaProducer

from coachlm.protocols.doors import GroupLag, StreamLag
from coachlm.protocols.streams import Topic
from coachlm.settings import Settings, load_settings
from devtools.servers.process import free_ports
from streams.broker.topics.lag import BrokerLagProbe
from streams.broker.topics.topics import ensure_topics, intake_group, revise_group, topic_name
from streams.broker.wire import admin

pytestmark = pytest.mark.broker


def settings_for(server: str, prefix: str = "") -> Settings:
    return load_settings(kafka_servers=server, kafka_prefix=prefix, kafka_partitions=2)  # type: ignore[call-arg, arg-type]


def awaited(probe: BrokerLagProbe, what: Callable[[StreamLag], bool]) -> StreamLag:
    for _ in range(600):
        found = probe.latest()
        if what(found):
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within 30 s: {probe.latest()}")


def test_messages_that_no_group_has_committed_are_its_lag(kafka_server: str, kafka_prefix: str) -> None:
    settings = settings_for(kafka_server, kafka_prefix)
    ensure_topics(settings)
    probe = BrokerLagProbe(settings, keep_seconds=0)
    assert probe.latest() == StreamLag()
    assert {one.messages for one in awaited(probe, lambda found: found.at is not None).groups} == {0}
    producer = KafkaProducer(bootstrap_servers=[kafka_server])
    for number in range(7):
        producer.send(topic_name(settings, Topic.RAW), b"{}", partition=number % 2)
    producer.flush()
    producer.close()
    found = awaited(probe, lambda found: any(one.messages for one in found.groups))
    assert found.groups == (
        GroupLag(intake_group(settings), "intake", 7),
        GroupLag(revise_group(settings), "revise", 0),
    )
    assert found.problem == ""


def test_a_broker_that_is_away_is_a_problem_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "CONNECT_SECONDS", 2)
    (port,) = free_ports(1)
    probe = BrokerLagProbe(settings_for(f"127.0.0.1:{port}"))
    assert probe.latest() == StreamLag()  # at once, long before the broker is given up
    assert "no Kafka broker answers" in awaited(probe, lambda found: bool(found.problem)).problem
