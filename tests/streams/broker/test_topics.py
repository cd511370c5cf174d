"""Topics against a real broker: made before anything subscribes, checked, and their lag."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.structs import OffsetAndMetadata

from coachlm.errors import StreamError
from coachlm.protocols.streams import Topic
from coachlm.settings import Settings, load_settings
from devtools.servers.kafka import KafkaCluster
from devtools.servers.process import free_ports
from streams.broker.topics.lag import lags
from streams.broker.topics.topics import (
    ensure_topics,
    intake_group,
    max_message_bytes,
    topic_name,
    topic_states,
    wanted_topics,
)
from streams.broker.wire import admin
from tests.command_line import main

pytestmark = pytest.mark.broker


@pytest.fixture
def settings(kafka_server: str, kafka_prefix: str) -> Settings:
    return _settings(kafka_server, kafka_prefix, kafka_partitions=3)


def _settings(server: str, prefix: str, **more: object) -> Settings:
    return load_settings(kafka_servers=server, kafka_prefix=prefix, **more)  # type: ignore[arg-type]


def _admin(settings: Settings) -> KafkaAdminClient:
    return KafkaAdminClient(bootstrap_servers=list(settings.kafka.servers))


def _changed(settings: Settings, **change: object) -> Settings:
    return settings.replaced(**change)


def test_missing_topics_are_made_as_wanted(settings: Settings) -> None:
    assert not any(state.exists for state in topic_states(settings))
    states = ensure_topics(settings)
    assert {state.wanted.name for state in states} == {topic_name(settings, topic) for topic in Topic}
    for state in states:
        assert (state.partitions, state.replication, state.differences) == (3, 1, ())
        assert state.settings["message.timestamp.type"] == "LogAppendTime"
    assert ensure_topics(settings) == topic_states(settings) == states


def test_a_topic_that_is_missing_among_others_is_made(settings: Settings) -> None:
    ensure_topics(settings)
    client = _admin(settings)
    client.delete_topics([topic_name(settings, Topic.ACCEPTED)])
    client.close()
    assert all(state.exists for state in ensure_topics(settings))


def test_topics_that_faust_reads_are_not_compacted(settings: Settings) -> None:
    policies = {topic.name: topic.settings["cleanup.policy"] for topic in wanted_topics(settings)}
    assert policies[topic_name(settings, Topic.RAW)] == policies[topic_name(settings, Topic.ACCEPTED)] == "delete"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kafka_partitions": 5}, "3 partitions instead of 5"),
        ({"kafka_replication": 2}, "1 copies instead of 2"),
        ({"kafka_retention_hours": 2000}, "retention.ms=604800000 instead of 7200000000"),
        ({"max_record_bytes": 30_000_000}, "max.message.bytes=17000000 instead of 31000000"),
    ],
)
def test_a_topic_unlike_the_settings_is_refused(settings: Settings, change: dict[str, int], words: str) -> None:
    ensure_topics(settings)
    with pytest.raises(StreamError) as raised:
        ensure_topics(_changed(settings, **change))
    message = str(raised.value)
    assert topic_name(settings, Topic.RAW) in message
    assert words in message
    assert "coachlm topics --create" in message


def test_more_than_wanted_is_fine(settings: Settings) -> None:
    ensure_topics(settings)
    assert ensure_topics(_changed(settings, kafka_partitions=1, max_record_bytes=1_000_000))


def test_repair_brings_topics_to_the_settings(settings: Settings) -> None:
    ensure_topics(settings)
    other = _changed(settings, kafka_partitions=5, kafka_retention_hours=2000)
    assert {state.partitions for state in ensure_topics(other, repair=True)} == {5}
    assert not any(state.differences for state in topic_states(other))


def test_a_longer_retention_suits_and_is_lowered_by_force_alone(settings: Settings) -> None:
    ensure_topics(settings)
    shorter = _changed(settings, kafka_retention_hours=2)
    for repair in (False, True):
        states = {state.wanted.name: state for state in ensure_topics(shorter, repair=repair)}
        assert states[topic_name(settings, Topic.RAW)].settings["retention.ms"] == "604800000"
    assert _command("--force").exit_code == 2
    ensure_topics(shorter, repair=True, lower=True)
    assert not any(state.generous_settings for state in topic_states(shorter))


def test_messages_that_are_kept_for_ever_suit(settings: Settings) -> None:
    ensure_topics(settings)
    name = topic_name(settings, Topic.RAW)
    client = _admin(settings)
    client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {"retention.ms": "-1"})])
    client.close()
    assert not any(state.differences for state in ensure_topics(settings, repair=True))


def test_more_copies_than_brokers_is_one_clear_error(settings: Settings) -> None:
    with pytest.raises(StreamError, match=r"logs\.raw could not be created.*COACHLM_KAFKA_REPLICATION"):
        ensure_topics(_changed(settings, kafka_replication=7))


def test_no_broker_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "CONNECT_SECONDS", 1)
    server = f"127.0.0.1:{free_ports(1)[0]}"
    with pytest.raises(
        StreamError, match=rf"no Kafka broker answers.*{server}: Connection refused.*COACHLM_KAFKA_SERVERS"
    ):
        ensure_topics(_settings(server, ""))


def test_the_largest_record_fits(settings: Settings) -> None:
    """Through producer and broker; one byte over the broker's limit does not, so the limit is the topic's."""
    settings = _changed(settings, max_record_bytes=200_000)
    ensure_topics(settings)
    producer = KafkaProducer(bootstrap_servers=list(settings.kafka.servers), max_request_size=100_000_000)
    try:
        name = topic_name(settings, Topic.RAW)
        producer.send(name, b"x" * settings.intake.max_record_bytes).get(20)
        with pytest.raises(Exception, match="MessageSizeTooLarge"):
            producer.send(name, b"x" * (max_message_bytes(settings) + 1)).get(20)
    finally:
        producer.close()


def test_lag_counts_what_a_group_has_not_committed(settings: Settings) -> None:
    assert lags(settings) == []
    ensure_topics(settings)
    raw = topic_name(settings, Topic.RAW)
    producer = KafkaProducer(bootstrap_servers=list(settings.kafka.servers))
    for number in range(10):
        producer.send(raw, b"{}", partition=number % 2)
    producer.close()
    consumer = KafkaConsumer(bootstrap_servers=list(settings.kafka.servers), group_id=intake_group(settings))
    consumer.commit({TopicPartition(raw, 0): OffsetAndMetadata(3, "", -1)})
    consumer.close()
    found = {(lag.topic, lag.partition): (lag.committed, lag.messages) for lag in lags(settings)}
    accepted = topic_name(settings, Topic.ACCEPTED)
    assert found == {
        (raw, 0): (3, 2),
        (raw, 1): (None, 5),
        (raw, 2): (None, 0),
        **{(accepted, n): (None, 0) for n in range(3)},
    }


def test_the_command_shows_creates_and_judges(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COACHLM_KAFKA_SERVERS", ",".join(settings.kafka.servers))
    monkeypatch.setenv("COACHLM_KAFKA_PREFIX", settings.kafka.prefix)
    missing = _command("--json")
    assert missing.exit_code == 1
    assert not any(topic["exists"] for topic in json.loads(missing.output)["topics"])
    created = _command("--create", "--json")
    assert created.exit_code == 0
    answer = json.loads(created.output)
    assert [topic["differences"] for topic in answer["topics"]] == [[]] * 5
    assert {row["lag"] for row in answer["lag"]} == {0}
    monkeypatch.setenv("COACHLM_KAFKA_RETENTION_HOURS", "5000")
    other = _command()
    assert other.exit_code == 1
    assert "coachlm topics --create" in other.output
    assert "18000000000" in other.output


def _command(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["topics", *arguments])


def test_a_cluster_that_lost_a_node_still_serves_its_topics(kafka_cluster: KafkaCluster) -> None:
    settings = _settings(kafka_cluster.bootstrap, "three.", kafka_partitions=4, kafka_replication=3)
    states = ensure_topics(settings)
    assert {state.settings["min.insync.replicas"] for state in states} == {"2"}
    kafka_cluster.kill_node(1)
    assert all(state.exists for state in ensure_topics(settings))
    raw = topic_name(settings, Topic.RAW)
    producer = KafkaProducer(bootstrap_servers=kafka_cluster.bootstrap.split(","), acks="all")
    sent = [producer.send(raw, b"{}", partition=number % 4).get(30) for number in range(8)]
    producer.close()
    assert {one.partition for one in sent} == {0, 1, 2, 3}
    assert sum(lag.messages for lag in lags(settings) if lag.topic == raw) == 8
    kafka_cluster.start()
