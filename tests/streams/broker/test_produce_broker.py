"""Producing to a real broker: what stream intake makes of it equals `coachlm ingest`, and a kill loses nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

from coachlm.protocols.streams import Topic
from coachlm.settings import Settings, load_settings
from storage.engine.database import open_database
from streams.broker.producing.log_door import KafkaLogDoor
from streams.broker.topics.lag import lags
from streams.broker.topics.topics import ensure_topics, intake_group, topic_name
from tests.content import content_lines
from tests.processes import running
from tests.streams.broker.messages import chat_bytes
from tests.streams.broker.test_raw_topics import envelope, span

pytestmark = pytest.mark.broker
SAMPLES = Path(__file__).parents[3] / "coachlm" / "data" / "sample_logs"
_SECONDS = 60


@pytest.fixture
def settings(kafka_server: str, kafka_prefix: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """Also in the environment, for the commands; the working folder is the test's own."""
    made = load_settings(kafka_servers=kafka_server, kafka_prefix=kafka_prefix, kafka_partitions=1)  # type: ignore[call-arg, arg-type]
    for name, value in {
        "KAFKA_SERVERS": kafka_server,
        "KAFKA_PREFIX": kafka_prefix,
        "KAFKA_PARTITIONS": "1",
        "INTAKE_PROCESSES": "1",
        "HASH_SALT": "a salt of the tests",
        "STREAM_DRIVER": "aiokafka",
    }.items():
        monkeypatch.setenv(f"COACHLM_{name}", value)
    monkeypatch.chdir(tmp_path)
    ensure_topics(made)
    return made


def started(*arguments: str | Path) -> AbstractContextManager["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "coachlm", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    return running(command, stdout=subprocess.PIPE, text=True, env=environment)


def coachlm(*arguments: str | Path, fails: bool = False) -> dict[str, Any]:
    with started(*arguments, "--json") as process:
        output, _ = process.communicate(timeout=_SECONDS)
    assert process.returncode == int(fails), output
    answer: dict[str, Any] = json.loads(output)
    return answer


def messages(settings: Settings) -> list[Any]:
    """Everything in the topic of raw records."""
    consumer: Any = KafkaConsumer(bootstrap_servers=list(settings.kafka.servers), enable_auto_commit=False)
    try:
        part = TopicPartition(topic_name(settings, Topic.RAW), 0)
        consumer.assign([part])
        consumer.seek_to_beginning(part)
        end = consumer.end_offsets([part])[part]
        found: list[Any] = []
        while consumer.position(part) < end:
            found += consumer.poll(timeout_ms=500).get(part, [])
        return found
    finally:
        consumer.close()


def test_the_database_holds_what_ingest_would_have_put_there(settings: Settings, tmp_path: Path) -> None:
    direct, streamed = (f"sqlite:///{tmp_path / name}.db" for name in ("direct", "streamed"))
    coachlm("ingest", SAMPLES, "--db", direct)
    produced = coachlm("produce", SAMPLES)
    assert produced["records"] == 118
    assert produced["sent"] + sum(produced["rejected"].values()) == 118
    take_in(settings, streamed)
    expected, found = content(direct), content(streamed)
    only_ingest = expected - found
    assert sorted(map(repr, found - expected)) == []
    # The rejects of what is no record at all stay with whoever reads the files.
    assert {line[0] for line in only_ingest} == {"reject"}
    assert only_ingest.total() == sum(produced["rejected"].values())

    again = coachlm("produce", SAMPLES)
    assert again["records"] == 0
    assert len(messages(settings)) == produced["messages"]


def take_in(settings: Settings, url: str) -> None:
    """A stream worker until it has taken in everything."""
    with started("stream", "intake", "--db", url) as worker:
        end = time.monotonic() + _SECONDS
        while any(lag.messages for lag in lags(settings) if lag.group == intake_group(settings)):
            assert worker.poll() is None
            assert time.monotonic() < end, "the worker takes nothing in"
            time.sleep(0.3)
        worker.terminate()
        worker.communicate(timeout=_SECONDS)
        assert worker.returncode == 0


def content(url: str) -> Counter[tuple[Any, ...]]:
    """The database's content, without where each record stood."""
    database = open_database(url)
    try:
        lines = [json.loads(line) for line in content_lines(database)]
    finally:
        database.close()
    return Counter(tuple(_placeless(line)) for line in lines if line[0] != "position")


def _placeless(line: list[Any]) -> list[Any]:
    if line[0] == "reject":
        _, _, _, _, *rest = line
        return ["reject", *rest]
    if line[0] == "occurrence":
        _, _, pair, _, _, *rest = line
        return ["occurrence", pair, *map(_without_file, rest)]
    return line


def _without_file(cell: Any) -> Any:
    if not isinstance(cell, str) or not cell.startswith("{"):
        return cell
    extra = {name: value for name, value in json.loads(cell).items() if name not in ("file", "file_record")}
    return json.dumps(extra) if extra else None


def test_a_killed_producer_goes_on_where_it_was(settings: Settings, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    count = 30_000
    log.write_bytes(b"".join(chat_bytes(number) + b"\n" for number in range(count)))
    resume = tmp_path / ".coachlm-produce.json"
    with started("produce", log, "--json") as process:
        end = time.monotonic() + _SECONDS
        while not resume.exists():
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    rest = coachlm("produce", log)
    assert 0 < rest["records"] < count
    sent = Counter(message.value for message in messages(settings))
    assert sent.keys() == {chat_bytes(number) for number in range(count)}
    assert sent.total() - count <= 5_000


def test_records_over_the_limit_are_counted_and_garbage_is_no_abort(settings: Settings, tmp_path: Path) -> None:
    limit = settings.intake.max_record_bytes + 1_000_000
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"\n".join([chat_bytes(1), b'"' + b"x" * (limit + 10) + b'"', b"{broken", chat_bytes(2)]))
    answer = coachlm("produce", log, tmp_path / "absent")
    assert (answer["sent"], answer["rejected"]) == (3, {"too_long": 1})
    assert list(answer["failed"]) == [str(tmp_path / "absent")]
    assert len(messages(settings)) == 3
    assert "no such file" in coachlm("produce", tmp_path / "absent", fails=True)["failed"][str(tmp_path / "absent")]
    assert "does not exist" in coachlm("produce", log, "--topic", "elsewhere", fails=True)["error"]


def test_posted_lines_reach_the_topic(settings: Settings) -> None:
    found = list(KafkaLogDoor(settings).accept([chat_bytes(1), b"{broken"], request_id="r1"))
    assert [verdict.ok for verdict in sorted(found, key=lambda verdict: verdict.line)] == [True, False]
    assert {message.value for message in messages(settings)} == {chat_bytes(1), b"{broken"}


@pytest.mark.parametrize("driver", ["faust", "aiokafka"])
def test_a_worker_reads_topics_that_others_fill(
    settings: Settings, tmp_path: Path, driver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = f"{settings.kafka.prefix}spans"
    monkeypatch.setenv("COACHLM_STREAM_DRIVER", driver)
    monkeypatch.setenv("COACHLM_KAFKA_EXTRA_TOPICS", f"{topic}=otlp")
    admin: Any = KafkaAdminClient(bootstrap_servers=list(settings.kafka.servers))
    admin.create_topics({topic: {"num_partitions": 2, "replication_factor": 1}})
    admin.wait_for_topics([topic])
    admin.close()
    producer: Any = KafkaProducer(bootstrap_servers=list(settings.kafka.servers))
    for number in range(6):
        producer.send(
            topic, json.dumps(envelope(span(2 * number), span(2 * number + 1))).encode(), partition=number % 2
        )
    producer.send(topic_name(settings, Topic.RAW), chat_bytes(1))
    producer.close()
    url = f"sqlite:///{tmp_path / 'streamed'}.db"
    take_in(settings.replaced(kafka_extra_topics=(f"{topic}=otlp",)), url)
    stats = coachlm("stats", "--db", url)
    assert stats["occurrences_by_format"] == {"otel_genai": 12, "chat": 1}
