"""Dead letters from the command line: hostile bytes, confirmations, replay through a real broker."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from coachlm.protocols.streams import DeadLetter, DeadReason, StreamMessage
from storage.engine.database import open_database
from storage.streams.store import DatabaseStreamStore
from tests.command_line import main
from tests.databases import Databases

HOSTILE = b'{"x": "\x1b]0;owned\x07[bold]hi[/bold]\xff'


@pytest.fixture
def url(sqlite_databases: Databases) -> str:
    url = sqlite_databases.new()
    bury(url, "logs.raw", [(4, HOSTILE), (5, b"{}"), (6, None)])
    return url


def bury(url: str, topic: str, messages: list[tuple[int, bytes | None]]) -> None:
    database = open_database(url)
    letters = [
        DeadLetter(
            StreamMessage(topic, 0, offset, b"k\x1b", value, (("coachlm-format", b"\x1bx"), ("empty", b""))),
            DeadReason.UNREADABLE,
            "malformed_json: [red]no\x1b value[/red]",
        )
        for offset, value in messages
    ]
    DatabaseStreamStore(database).save_stream_revisions([], letters)
    database.close()


def invoke(*arguments: str | Path, exit_code: int = 0, input: str | None = None) -> Result:
    result = CliRunner().invoke(main, ["dead", *map(str, arguments)], input=input)
    assert result.exit_code == exit_code, result.output
    return result


def listed(url: str, *options: str) -> list[dict[str, Any]]:
    return json.loads(invoke("list", "--db", url, "--json", *options).stdout)["letters"]


def test_list(url: str) -> None:
    result = invoke("list", "--db", url)
    assert "logs.raw:0:4" in result.stdout
    assert "[red]no\\x1b value[/red]" in result.stdout.replace("\n", "")
    assert "\x1b" not in result.output
    assert [one["offset"] for one in listed(url)] == [4, 5, 6]
    assert listed(url, "--topic", "other") == listed(url, "--until", "2020-01-01") == listed(url, "--since", "0s") == []
    assert len(listed(url, "--since", "1h", "--limit", "2")) == 2
    invoke("list", "--db", url, "--since", "yesterday", exit_code=2)


def test_show_obeys_no_control_characters(url: str, tmp_path: Path) -> None:
    result = invoke("show", "1", "--db", url)
    assert "\x1b" not in result.output
    assert '{"x": "\\x1b]0;owned\\x07[bold]hi[/bold]\\xff' in result.stdout
    assert "header coachlm-format: \\x1bx" in result.stdout
    file = tmp_path / "message"
    answer = json.loads(invoke("show", "1", "--db", url, "--output", file, "--json").stdout)
    assert file.read_bytes() == HOSTILE
    assert (answer["file"], answer["headers"][1]) == (str(file), ["empty", ""])
    assert "tombstone" in invoke("show", "3", "--db", url).stdout


def test_show_says_what_it_can_not_do(url: str, tmp_path: Path) -> None:
    assert "coachlm dead list" in invoke("show", "9", "--db", url, exit_code=1).output
    assert "no bytes" in invoke("show", "3", "--db", url, "--output", tmp_path / "x", exit_code=1).output
    assert "can't write" in invoke("show", "1", "--db", url, "--output", tmp_path / "no/x", exit_code=1).output


def test_discard_asks_unless_told_which(url: str) -> None:
    invoke("discard", "--db", url, exit_code=1)
    invoke("discard", "1", "--all", "--db", url, exit_code=1)
    invoke("discard", "--all", "--db", url, "--json", exit_code=1)
    invoke("discard", "--all", "--db", url, input="n\n", exit_code=1)
    assert len(listed(url)) == 3
    assert json.loads(invoke("discard", "2", "--db", url, "--json").stdout) == {"discarded": 1}
    invoke("discard", "--reason", "unreadable", "--db", url, input="y\n")
    assert listed(url) == []
    assert len(listed(url, "--state", "discarded")) == 3


@pytest.mark.parametrize("command", [["discard"], ["replay", "--again"]])
def test_unknown_numbers_are_named_and_nothing_is_done(url: str, command: list[str]) -> None:
    output = invoke(*command, "2", "77", str(2**70), "77", "--db", url, exit_code=1).output
    assert f"dead letter 77, {2**70} does not exist" in " ".join(output.split())
    assert len(listed(url)) == 3


def test_purge(url: str) -> None:
    assert json.loads(invoke("purge", "--db", url, "--json").stdout) == {"discarded": 0}
    assert json.loads(invoke("purge", "--days", "0", "--db", url, "--json").stdout) == {"discarded": 3}


def test_replay_refuses_what_it_can_not_do(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--all" in invoke("replay", "--db", url, exit_code=1).output
    monkeypatch.delenv("COACHLM_KAFKA_SERVERS", raising=False)
    assert "COACHLM_KAFKA_SERVERS" in invoke("replay", "--all", "--db", url, exit_code=1).output
    assert len(listed(url)) == 3


@pytest.mark.broker
def test_replay_produces_the_same_bytes_and_marks_them(
    sqlite_databases: Databases, kafka_server: str, kafka_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kafka import KafkaConsumer
    from kafka.structs import TopicPartition

    from coachlm.settings import load_settings
    from streams.broker.topics.topics import ensure_topics

    monkeypatch.setenv("COACHLM_KAFKA_SERVERS", kafka_server)
    monkeypatch.setenv("COACHLM_KAFKA_PREFIX", kafka_prefix)
    monkeypatch.setenv("COACHLM_KAFKA_PARTITIONS", "1")
    ensure_topics(load_settings())
    url, topic = sqlite_databases.new(), f"{kafka_prefix}logs.raw"
    bury(url, topic, [(4, HOSTILE), (5, b""), (6, None)])
    bury(url, f"{kafka_prefix}gone", [(1, b"x")])

    answer = json.loads(invoke("replay", "--topic", topic, "--db", url, "--json").stdout)
    assert answer == {"replayed": 3, "refused": []}
    assert json.loads(invoke("replay", "--topic", topic, "--db", url, "--json").stdout)["replayed"] == 0
    assert "--again" in invoke("replay", "1", "--db", url, exit_code=1).output
    assert json.loads(invoke("replay", "1", "--again", "--db", url, "--json").stdout)["replayed"] == 1

    consumer: Any = KafkaConsumer(bootstrap_servers=[kafka_server], auto_offset_reset="earliest")
    try:
        consumer.assign([TopicPartition(topic, 0)])
        found = []
        while len(found) < 4:
            for records in consumer.poll(timeout_ms=1000).values():
                found += records
    finally:
        consumer.close()
    assert [record.value for record in found] == [HOSTILE, b"", None, HOSTILE]
    assert {record.key for record in found} == {b"k\x1b"}
    headers = [("coachlm-format", b"\x1bx"), ("empty", b"")]
    assert list(found[1].headers) == [*headers, ("coachlm-dead-letter", b"2")]
    assert listed(url, "--topic", topic) == []
