"""A topic that is deleted and made anew under the same name, on a real broker: a clear stop, and nothing lost."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient

from coachlm.protocols.streams import Topic
from coachlm.settings import Settings, load_settings
from coachlm.testing import FakeStreamStore
from storage.engine.database import open_database
from storage.streams.dead_letters import DeadLetters, LetterChoice
from streams.broker.topics.remade import remade_topics
from streams.broker.topics.topics import ensure_topics, topic_name
from tests.command_line import main
from tests.databases import Databases
from tests.streams.broker.messages import chat_bytes
from tests.streams.broker.worker_processes import WorkerProcess, worker

pytestmark = pytest.mark.broker


@pytest.fixture
def settings(
    kafka_server: str, kafka_prefix: str, sqlite_databases: Databases, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Settings:
    monkeypatch.chdir(tmp_path)
    given = {
        "kafka_servers": kafka_server,
        "kafka_prefix": kafka_prefix,
        "kafka_partitions": "1",
        "database_url": sqlite_databases.new(),
        "stream_driver": "aiokafka",
        "session_seconds": "6",
        "watchdog_seconds": "10",  # it looks every second
    }
    for name, value in given.items():
        monkeypatch.setenv(f"COACHLM_{name.upper()}", value)
    made = load_settings()
    ensure_topics(made)
    return made


def produce(settings: Settings, *values: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=list(settings.kafka.servers))
    for value in values:
        producer.send(topic_name(settings, Topic.RAW), value=value)
    producer.flush()
    producer.close()


def make_anew(settings: Settings) -> None:
    admin = KafkaAdminClient(bootstrap_servers=list(settings.kafka.servers))
    admin.delete_topics([topic_name(settings, Topic.RAW)])
    admin.close()
    ensure_topics(settings)


def handled(process: WorkerProcess, settings: Settings, letters: int) -> list[bytes | None]:
    """The values of the dead letters, once there are so many."""
    database = open_database(settings.database.url.get_secret_value())
    try:
        dead = DeadLetters(database)
        while len(found := dead.page(LetterChoice())) < letters:
            process.await_state("started")
        return [dead.show(one.number).letter.message.value for one in found]
    finally:
        database.close()


def test_the_broker_tells_them_apart(settings: Settings) -> None:
    store, names = FakeStreamStore(), [topic_name(settings, topic) for topic in Topic]
    assert remade_topics(settings, store, names) is None
    make_anew(settings)
    problem = remade_topics(settings, store, names) or ""
    assert problem.startswith(f"{names[0]}: deleted and made anew")
    assert f"coachlm topics --made-anew {names[0]}" in problem


def test_workers_end_and_nothing_of_the_new_topic_is_lost(settings: Settings) -> None:
    raw = topic_name(settings, Topic.RAW)
    made_anew = ["topics", "--made-anew", raw, "--json"]
    produce(settings, chat_bytes(1), b"{first")
    with worker(settings, "stream", "intake") as process:
        assert handled(process, settings, 1) == [b"{first"]
        refused = CliRunner().invoke(main, made_anew)
        assert refused.exit_code == 1
        assert "stop all stream workers" in refused.output
        make_anew(settings)
        assert process.wait() == 1
        assert process.said("stopped")
    produce(settings, chat_bytes(2), b"{second", chat_bytes(3))
    answer = CliRunner().invoke(main, made_anew)
    assert answer.exit_code == 0, answer.output
    with worker(settings, "stream", "intake") as process:
        assert handled(process, settings, 2) == [b"{first", b"{second"]
        assert process.end() == 0
    result = CliRunner().invoke(main, ["reconcile", "--json"])
    assert json.loads(result.stdout)["totals"]["produced"] == 3
    assert json.loads(result.stdout)["balances"]


def test_a_topic_that_nobody_read_is_named(settings: Settings) -> None:
    result = CliRunner().invoke(main, ["topics", "--made-anew", "no.such"])
    assert result.exit_code == 1
    assert "no.such" in result.output
