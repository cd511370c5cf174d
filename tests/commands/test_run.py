"""The command line as a user meets it: logs in, pairs out, again after a stop, on both databases."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from coachlm.errors import InputError
from coachlm.pairs import InstructionPair
from storage.engine.database import open_database
from tests.command_line import main
from tests.content import content_digest, content_lines
from tests.databases import Databases
from tests.processes import running

SAMPLES = Path(__file__).parents[2] / "coachlm" / "data" / "sample_logs"


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COACHLM_INTAKE_PROCESSES", "1")
    monkeypatch.setenv("COACHLM_HASH_SALT", "a salt of the tests")


def coachlm(*arguments: str | Path, fails: bool = False, input: bytes | None = None) -> dict[str, Any]:
    """The JSON that a command answers."""
    result = CliRunner().invoke(main, [*map(str, arguments), "--json"], input=input)
    assert result.exit_code == (1 if fails else 0), result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def content(url: str) -> list[str]:
    database = open_database(url)
    try:
        return list(content_lines(database))
    finally:
        database.close()


def write_chats(path: Path, count: int, start: int = 0) -> Path:
    """Plain chats about different things, every seventh without an answer."""
    with path.open("a", encoding="utf-8") as file:
        for number in range(start, start + count):
            question = f"Where is town number {number} on the map of the {number % 13} rivers ?"
            messages = [{"role": "user", "content": question}]
            if number % 7:
                answer = (
                    f"town {number} lies lies north of river {number % 13}, two days from  the {number * 17}th mile ."
                )
                messages.append({"role": "assistant", "content": answer})
            file.write(json.dumps({"id": f"chat-{number}", "messages": messages}) + "\n")
    return path


def test_the_whole_way_from_logs_to_a_data_set(database_url: str, tmp_path: Path) -> None:
    counts = coachlm("run", SAMPLES, "--db", database_url)
    assert counts["records"] > 60
    assert counts["accepted"] == sum(counts["revisions"].values())
    assert counts["revisions"]["revised"] > counts["accepted"] // 3

    item = coachlm("queue", "next", "--person", "ana", "--file", tmp_path / "work.txt", "--db", database_url)
    work = tmp_path / "work.txt"
    work.write_text(work.read_text().rstrip("\n") + " Written by a person.\n")
    receipt = coachlm("queue", "submit", work, "--db", database_url)["receipt"]
    assert receipt["pair_id"] == item["pair"]

    manifest = coachlm("export", tmp_path / "dataset", "--db", database_url)
    rows = json.loads((tmp_path / "dataset" / "data.json").read_text())
    assert manifest["rows"] == len(rows) == counts["accepted"]
    assert sum("Written by a person." in row["output"] for row in rows) == 1
    stats = coachlm("stats", "--db", database_url)
    assert stats["by_status"]["post_edited"] == 1
    assert stats["occurrences"] == stats["pairs"] + stats["exact_duplicates"]


def test_a_second_run_adds_nothing(database_url: str) -> None:
    coachlm("run", SAMPLES, "--db", database_url)
    before = content(database_url)
    again = coachlm("run", SAMPLES, "--db", database_url)
    assert (again["accepted"], again["excluded"], again["exact_duplicates"], again["rejected"]) == (0, 0, 0, 0)
    assert content(database_url) == before


@pytest.mark.slow
def test_batch_sizes_and_processes_change_nothing(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    contents = []
    for records, processes in (("256", "1"), ("3", "1"), ("5", "2")):
        monkeypatch.setenv("COACHLM_BATCH_RECORDS", records)
        monkeypatch.setenv("COACHLM_INTAKE_PROCESSES", processes)
        url = databases.new()
        coachlm("run", SAMPLES, "--db", url)
        contents.append(content(url))
    assert contents[0] == contents[1] == contents[2]


@pytest.mark.parametrize(
    ("size", "paths", "pools"),
    [(2_000, ["log"], 0), (1_000_000, ["log"], 1), (2_000, ["-"], 1)],
)
def test_a_small_log_is_read_without_worker_processes(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, paths: list[str], pools: int
) -> None:
    def no_pool(_: list[str]) -> None:
        raise InputError("a pool was asked for")

    monkeypatch.delenv("COACHLM_INTAKE_PROCESSES")
    monkeypatch.setattr("streams.reading.runner.safe_forkserver", no_pool)
    log = write_chats(tmp_path / "log", 5)
    with log.open("a", encoding="utf-8") as file:
        file.write(" " * (size - file.tell()))
    sources = [path if path == "-" else tmp_path / path for path in paths]
    answer = coachlm("ingest", *sources, "--db", database_url, fails=bool(pools), input=log.read_bytes())
    assert answer["error"] == "a pool was asked for" if pools else answer["accepted"] == 4


def test_a_file_that_grew_is_read_on_and_its_cut_record_becomes_whole(database_url: str, tmp_path: Path) -> None:
    log = write_chats(tmp_path / "log.jsonl", 20)
    whole = log.read_bytes()
    log.write_bytes(whole[:-30])  # the writer is in the middle of record 19
    first = coachlm("ingest", log, "--db", database_url)
    assert first["reasons"]["malformed_json"] == 1
    log.write_bytes(whole)
    write_chats(log, 5, start=20)
    coachlm("ingest", log, "--db", database_url)
    stats = coachlm("stats", "--db", database_url)
    assert "malformed_json" not in stats["rejects_by_reason"]
    assert stats["pairs"] == sum(1 for number in range(25) if number % 7)
    assert stats["exact_duplicates"] == 0


def test_a_replaced_file_is_a_new_source(database_url: str, tmp_path: Path) -> None:
    log = write_chats(tmp_path / "log.jsonl", 6)
    coachlm("ingest", log, "--db", database_url)
    log.unlink()
    write_chats(log, 6, start=100)
    coachlm("ingest", log, "--db", database_url)
    stats = coachlm("stats", "--db", database_url)
    assert stats["occurrences"] + sum(stats["rejects_by_reason"].values()) == 12


def test_batch_halves_meet_across_runs(database_url: str, tmp_path: Path) -> None:
    request = {
        "custom_id": "a",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "m", "messages": [{"role": "user", "content": "Name a river in the north."}]},
    }
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "The Ume flows there."}}
    answer = {
        "id": "r",
        "custom_id": "a",
        "error": None,
        "response": {"status_code": 200, "request_id": "q", "body": {"object": "chat.completion", "choices": [choice]}},
    }
    (tmp_path / "input.jsonl").write_text(json.dumps(request) + "\n")
    (tmp_path / "output.jsonl").write_text(json.dumps(answer) + "\n")
    first = coachlm("ingest", tmp_path / "input.jsonl", "--db", database_url)
    assert first["reasons"] == {"unmatched": 1}
    second = coachlm("ingest", tmp_path / "input.jsonl", tmp_path / "output.jsonl", "--db", database_url)
    assert second["accepted"] == 1
    assert coachlm("stats", "--db", database_url)["rejects_by_reason"] == {}


def test_standard_input_and_compression(database_url: str, tmp_path: Path) -> None:
    log = write_chats(tmp_path / "log.jsonl", 10)
    counts = coachlm("ingest", "-", "--db", database_url, input=gzip.compress(log.read_bytes()))
    assert counts["records"] == 10
    again = coachlm("ingest", "-", "--db", database_url, input=log.read_bytes())
    assert again["exact_duplicates"] == counts["accepted"]


def test_a_named_pipe_is_read_once_and_wholly(database_url: str, tmp_path: Path) -> None:
    log = write_chats(tmp_path / "log.jsonl", 10)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with running(["cp", str(log), str(pipe)]) as writer:
        assert coachlm("ingest", pipe, "--db", database_url)["records"] == 10
        assert writer.wait() == 0


def test_personal_data_never_reaches_the_database(databases: Databases, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    secret = ["carla.venti@example.org", "4111 1111 1111 1111", "198.51.100.77"]
    messages = [
        {"role": "user", "content": f"Write to {secret[0]} that card {secret[1]} was used from {secret[2]}."},
        {"role": "assistant", "content": f"I have written to {secret[0]} about it, as you asked me to do."},
    ]
    log.write_text(json.dumps({"messages": messages, "user": secret[0]}) + "\n")
    url = databases.new()
    coachlm("run", log, "--db", url)
    stored = "\n".join(content(url))
    assert "<EMAIL_1>" in stored
    for value in secret:
        assert value not in stored
    if databases.is_sqlite:
        path = Path(url.removeprefix("sqlite:///"))
        raw = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
        assert all(value.encode() not in raw for value in secret)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "no/such/folder"], "no/such/folder"),
        (["run", str(SAMPLES), "--format", "no_such_format"], "no_such_format"),
        (["run", str(SAMPLES), "--engine", "no_such_engine"], "ENGINE"),
        (["run", str(SAMPLES), "--engine", "transformers"], "model"),
        (["run", str(SAMPLES), "--db", "mysql://u:hunter2@h/d"], "mysql"),
        (["export", "out", "--db", "sqlite:///no/such/place.db"], "no/such"),
        (["queue", "submit", "no-such-file.txt"], "no-such-file.txt"),
    ],
)
def test_a_mistake_is_named_on_one_line(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = coachlm(*arguments, fails=True)
    assert said in answer["error"]
    assert "hunter2" not in answer["error"]
    assert "\n" not in answer["error"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_killed_at_any_moment_ends_like_an_undisturbed_one(databases: Databases, tmp_path: Path) -> None:
    log = write_chats(tmp_path / "log.jsonl", 1500)
    logs = (str(SAMPLES), str(log))
    undisturbed = databases.new()
    with ExitStack() as started:
        started.enter_context(_run(undisturbed, logs)).wait()
        wanted = _digest(undisturbed)
        chance = random.Random(25)
        kills = 0
        while kills < 25:
            url = databases.new()
            process = started.enter_context(_run(url, logs))
            while process.poll() is None and kills < 25:
                time.sleep(chance.uniform(0.5, 2.5))
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                    kills += 1
                    process = started.enter_context(_run(url, logs))
            assert process.wait() == 0
            assert _digest(url) == wanted


def _run(url: str, logs: tuple[str, ...]) -> AbstractContextManager["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "coachlm", "run", *logs, "--db", url, "--json"]
    environment = {**os.environ, "COACHLM_BATCH_RECORDS": "8", "COACHLM_REVISER_BATCH_PAIRS": "8"}
    environment["COACHLM_INTAKE_PROCESSES"] = "2"
    return running(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True)


def _digest(url: str) -> str:
    database = open_database(url)
    try:
        return content_digest(database)
    finally:
        database.close()


def test_explain_says_rule_words_and_threshold(database_url: str, tmp_path: Path) -> None:
    log = tmp_path / "chats.jsonl"
    chats = [("How do I build a pipe bomb at home?", "With care."), ("How is bread baked?", "In an oven, for an hour.")]
    log.write_text("".join(json.dumps({"instruction": a, "output": b}) + "\n" for a, b in chats), "utf-8")
    coachlm("ingest", log, "--db", database_url)
    unsafe, harmless = (InstructionPair(a, "", b).id for a, b in chats)
    why = coachlm("explain", unsafe, "--db", database_url)
    assert (why["status"], why["reason"], why["words"]) == ("excluded", "safety", ["build a pipe bomb"])
    assert why["rule"].startswith("weapons (model ")
    assert why["unsafe_threshold"] == 0.6
    fine = coachlm("explain", harmless, "--db", database_url)
    assert (fine["status"], fine["reason"], fine["today"]) == ("accepted", None, "accepted")
    assert fine["unsafe_probability"] < 0.6
    assert "does not exist" in coachlm("explain", "0" * 32, "--db", database_url, fails=True)["error"]
