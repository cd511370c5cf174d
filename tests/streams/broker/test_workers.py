"""The workers as processes, on a real broker and a real database: the whole way, and whatever happens on it."""

import json
import os
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from sqlalchemy import text

from coachlm.protocols.streams import Topic
from coachlm.settings import Settings, load_settings
from devtools.servers.postgres import PostgresServer
from devtools.servers.process import free_ports
from storage.engine.database import open_database
from storage.engine.schema import upgrade
from streams.broker.topics.lag import lags
from streams.broker.topics.topics import ensure_topics, intake_group, revise_group, topic_name
from streams.broker.wire import admin
from streams.broker.wire.codec import SCHEMAS, json_schema
from tests.command_line import main
from tests.databases import Databases
from tests.streams.broker.messages import accepted, chat_bytes
from tests.streams.broker.wire import PAIR
from tests.streams.broker.worker_processes import WAIT_SECONDS, worker

pytestmark = pytest.mark.broker
DRIVERS = ["faust", "aiokafka"]


@pytest.fixture
def build_settings(kafka_server: str, kafka_prefix: str) -> Callable[..., Settings]:
    def build(driver: str, url: str, *, with_topics: bool = True, **more: object) -> Settings:
        made = load_settings(
            kafka_servers=kafka_server,
            kafka_prefix=kafka_prefix,
            kafka_partitions=4,  # type: ignore
            stream_driver=driver,
            database_url=url,
            drain_seconds=15,
            session_seconds=6,  # type: ignore
            max_record_bytes=20_000,
            **more,  # type: ignore
        )
        if with_topics:
            ensure_topics(made)
        return made

    return build


@pytest.fixture(params=DRIVERS)
def driver(request: pytest.FixtureRequest) -> str:
    return request.param


def produce(settings: Settings, values: list[bytes | None], topic: Topic = Topic.RAW, **options: Any) -> None:
    producer = KafkaProducer(bootstrap_servers=list(settings.kafka.servers))
    for number, value in enumerate(values):
        producer.send(topic_name(settings, topic), key=b"any", value=value, partition=number % 4, **options)
    producer.flush()
    producer.close()


def rows(settings: Settings, query: str) -> list[Any]:
    database = open_database(settings.database.url.get_secret_value())
    try:
        with database.reading() as connection:
            return list(connection.execute(text(query)).all())
    finally:
        database.close()


def count(settings: Settings, table: str) -> int:
    return rows(settings, f"SELECT count(*) FROM {table}")[0][0]


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def lag(settings: Settings, group: str) -> int:
    return sum(one.messages for one in lags(settings) if one.group == group)


def published(settings: Settings, topic: Topic, wanted: int) -> list[dict[str, Any]]:
    consumer = KafkaConsumer(bootstrap_servers=list(settings.kafka.servers), auto_offset_reset="earliest")
    consumer.assign([TopicPartition(topic_name(settings, topic), number) for number in range(4)])
    found: list[dict[str, Any]] = []
    end = time.monotonic() + WAIT_SECONDS
    while len(found) < wanted and time.monotonic() < end:
        for records in consumer.poll(timeout_ms=500).values():
            found += [json.loads(record.value) for record in records if record.value.startswith(b"{")]
    consumer.close()
    return found


def test_from_logs_to_the_queue(
    driver: str,
    sqlite_databases: Databases,
    postgres_databases: Databases,
    build_settings: Callable[..., Settings],
) -> None:
    databases = sqlite_databases if driver == "aiokafka" else postgres_databases
    settings = build_settings(driver, databases.new())
    good = [chat_bytes(number) for number in range(60)]
    bad = [b"{", None, b"\xff\x00", b"x" * 20_001]
    produce(settings, [*good, *bad, *good[:10]])  # ten come twice, from other offsets
    produce(settings, [chat_bytes(100)], timestamp_ms=4_000_000_000_000)  # a clock in the year 2096
    newer = (accepted(0, PAIR).value or b"").replace(b'"version":1', b'"version":2')
    produce(settings, [newer, b"garbage"], Topic.ACCEPTED)
    with worker(settings, "stream", "intake") as intake, worker(settings, "stream", "revise") as revise:
        until(lambda: count(settings, "revisions") == 61 and count(settings, "dead_letters") == 6)
        assert (intake.end(), revise.end()) == (0, 0)
        assert intake.await_state("started")["driver"] == driver
        assert intake.await_state("stopped")["messages"] == 75
    assert count(settings, "pairs") == 61
    assert count(settings, "occurrences") == 71
    assert count(settings, "outbox") == 0
    assert (lag(settings, intake_group(settings)), lag(settings, revise_group(settings))) == (0, 0)
    reasons = sorted(reason for (reason,) in rows(settings, "SELECT reason FROM dead_letters"))
    assert reasons == ["newer_version", "too_large", "unreadable", "unreadable", "unreadable", "wrong_schema"]
    for topic, number in ((Topic.REVISED, 61), (Topic.DEAD, 6)):
        messages = published(settings, topic, number)
        assert len(messages) == number
        for message in messages:
            jsonschema.validate(message, json_schema(topic))
    for message in published(settings, Topic.ACCEPTED, 62):
        if message["version"] == 1:
            jsonschema.validate(message, json_schema(Topic.ACCEPTED))


def test_topics_that_are_missing_at_start_are_made_and_read(
    driver: str, sqlite_databases: Databases, build_settings: Callable[..., Settings]
) -> None:
    settings = build_settings(driver, sqlite_databases.new(), with_topics=False)
    with worker(settings, "stream", "intake") as intake:
        until(lambda: any(len(one["partitions"]) == 4 for one in intake.said("assigned")))
        produce(settings, [chat_bytes(number) for number in range(8)])
        until(lambda: count(settings, "pairs") == 8)


def test_exceptions_in_a_worker_lose_nothing(
    driver: str, postgres_databases: Databases, build_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAULT", "raise")
    settings = build_settings(driver, postgres_databases.new())
    produce(settings, [chat_bytes(number) for number in range(300)])
    more = {"stream_batch_messages": 25, "stream_tries": 50}
    with worker(settings, "stream", "intake", module="tests.streams.broker.faulty_worker", **more) as faulty:
        until(lambda: count(settings, "pairs") == 300)
        assert faulty.end() == 0
    assert count(settings, "dead_letters") == 0
    assert lag(settings, intake_group(settings)) == 0


def test_a_killed_worker_loses_nothing(
    driver: str, postgres_databases: Databases, build_settings: Callable[..., Settings]
) -> None:
    settings = build_settings(driver, postgres_databases.new())
    produce(settings, [chat_bytes(number) for number in range(1500)])
    with worker(settings, "stream", "intake", stream_batch_messages=40) as victim:
        until(lambda: count(settings, "pairs") >= 200)
        victim.signal(signal.SIGKILL)
        assert victim.wait() == -signal.SIGKILL
    with worker(settings, "stream", "intake"):
        until(lambda: count(settings, "pairs") == 1500)
        until(lambda: count(settings, "outbox") == 0)
    assert count(settings, "occurrences") == 1500


def test_sigterm_finishes_the_batch_and_exits_with_0(
    driver: str, postgres_databases: Databases, build_settings: Callable[..., Settings]
) -> None:
    settings = build_settings(driver, postgres_databases.new())
    produce(settings, [chat_bytes(number) for number in range(3000)])
    with worker(settings, "stream", "intake", stream_batch_messages=100) as process:
        until(lambda: count(settings, "pairs") > 0)
        assert process.end() == 0
        done = process.await_state("stopped")["messages"]
    assert 0 < done < 3000
    assert count(settings, "pairs") == done
    assert lag(settings, intake_group(settings)) == 3000 - done


@pytest.fixture
def own_postgres() -> Iterator[PostgresServer]:
    server = PostgresServer(durable=True)
    try:
        server.start()
        database = open_database(server.url)
        upgrade(database)
        database.close()
        yield server
    finally:
        server.remove()


def test_the_database_goes_away_and_comes_back(
    driver: str, own_postgres: PostgresServer, build_settings: Callable[..., Settings]
) -> None:
    settings = build_settings(driver, own_postgres.url, watchdog_seconds=5)
    with worker(settings, "stream", "intake") as process:
        process.await_state("assigned")
        own_postgres.crash()
        produce(settings, [chat_bytes(number) for number in range(200)])
        assert "server" in process.await_state("waiting")["why"]
        time.sleep(6)  # longer than the watchdog allows a worker that doesn't know what it waits for
        own_postgres.start()
        process.await_state("working")
        until(lambda: count(settings, "pairs") == 200)
        assert process.end() == 0
    assert count(settings, "dead_letters") == 0


def test_the_watchdog_ends_a_worker_that_hangs(
    driver: str, postgres_databases: Databases, build_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAULT", "hang")
    settings = build_settings(driver, postgres_databases.new(), watchdog_seconds=5)
    produce(settings, [chat_bytes(number) for number in range(4)])
    with worker(settings, "stream", "intake", module="tests.streams.broker.faulty_worker") as process:
        assert process.wait() == 75
        assert "no progress for 5 s" in process.await_state("stalled")["why"]
    assert lag(settings, intake_group(settings)) == 4


def test_a_second_signal_ends_a_worker_at_once(
    postgres_databases: Databases, build_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAULT", "hang")
    settings = build_settings("aiokafka", postgres_databases.new())
    produce(settings, [chat_bytes(1)])
    with worker(settings, "stream", "intake", module="tests.streams.broker.faulty_worker") as process:
        process.await_state("assigned")
        time.sleep(1)
        process.signal(signal.SIGTERM)
        process.await_state("draining")
        process.signal(signal.SIGTERM)
        assert process.wait() == 128 + signal.SIGTERM


def test_the_workers_metrics(postgres_databases: Databases, build_settings: Callable[..., Settings]) -> None:
    (port,) = free_ports(1)
    settings = build_settings("aiokafka", postgres_databases.new(), watchdog_seconds=5)
    produce(settings, [chat_bytes(1), b"{"])
    with worker(settings, "stream", "intake", "--metrics-port", str(port)):

        def shown() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                return answer.read().decode()

        until(lambda: count(settings, "dead_letters") == 1)
        for series in (  # each is counted by a thread of its own, in its own time
            'messages_total{worker="intake"} 2.0',
            'pairs_total{outcome="accepted",worker="intake"} 1.0',
            'dead_letters_total{reason="unreadable",worker="intake"} 1.0',
            'published_total{worker="intake"} 2.0',
            "lag_messages{",
            'outbox_rows{worker="intake"}',
            'assigned_partitions{worker="intake"} 4.0',
        ):
            until(lambda series=series: f"coachlm_stream_{series}" in shown())


def test_all_restarts_what_ends(sqlite_databases: Databases, build_settings: Callable[..., Settings]) -> None:
    settings = build_settings("aiokafka", sqlite_databases.new())
    produce(settings, [chat_bytes(number) for number in range(20)])
    flags = {  # every flag that a worker takes reaches both of them
        "--db": settings.database.url.get_secret_value(),
        "--servers": ",".join(settings.kafka.servers),
        "--driver": "aiokafka",
        "--engine": "rules",
        "--metrics-port": "0",
    }
    elsewhere = {"kafka_servers": "127.0.0.1:1", "database_url": "sqlite:///nowhere.db", "stream_driver": "faust"}
    with worker(settings, "stream", "all", *chain.from_iterable(flags.items()), **elsewhere) as everything:
        until(lambda: count(settings, "revisions") == 20)
        first = next(one for one in everything.said("started") if one["worker"] == "intake")
        os.kill(first["pid"], signal.SIGKILL)
        everything.await_state("starting again")
        everything.await_state("started", 3)
        produce(settings, [chat_bytes(number) for number in range(20, 40)])
        until(lambda: count(settings, "revisions") == 40)
        assert everything.end() == 0
        assert len(everything.said("stopped")) == 2


def run(settings: Settings, *arguments: str) -> tuple[int, str]:
    url = settings.database.url.get_secret_value()
    servers = ",".join(settings.kafka.servers)
    result = CliRunner().invoke(main, ["stream", *arguments, "--db", url, "--servers", servers, "--json"])
    return result.exit_code, json.loads(result.stdout)["error"]


def test_a_broker_that_does_not_answer_is_named(sqlite_databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "CONNECT_SECONDS", 1)
    (port,) = free_ports(1)
    settings = load_settings(kafka_servers=f"127.0.0.1:{port}", database_url=sqlite_databases.new())  # type: ignore
    code, said = run(settings, "intake")
    assert code == 1
    assert f"127.0.0.1:{port}" in said


def test_a_second_worker_on_sqlite_is_refused(
    sqlite_databases: Databases, build_settings: Callable[..., Settings]
) -> None:
    settings = build_settings("aiokafka", sqlite_databases.new())
    with worker(settings, "stream", "intake") as first:
        first.await_state("started")
        code, said = run(settings, "intake")
    assert code == 1
    assert "PostgreSQL" in said


def test_a_port_that_is_taken_is_named(postgres_databases: Databases, build_settings: Callable[..., Settings]) -> None:
    (port,) = free_ports(1)
    settings = build_settings("aiokafka", postgres_databases.new())
    with worker(settings, "stream", "revise", "--metrics-port", str(port)) as first:
        first.await_state("started")
        with worker(settings, "stream", "revise", "--metrics-port", str(port)) as second:
            assert second.wait() == 1
            assert f"127.0.0.1:{port}" in second.states[-1]["error"]


def test_schemas_are_printed() -> None:
    answer = json.loads(CliRunner().invoke(main, ["stream", "schemas"]).stdout)
    assert set(answer) == {str(topic) for topic in SCHEMAS}
    published = Path(__file__).parents[3] / "docs" / "schemas" / "pairs.dead.json"
    one = json.loads(CliRunner().invoke(main, ["stream", "schemas", "pairs.dead"]).stdout)
    assert one == json.loads(published.read_text())
    assert CliRunner().invoke(main, ["stream", "schemas", "pairs"]).exit_code == 1
