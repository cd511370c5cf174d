"""`coachlm serve`, `people` and `review` as a person or a supervisor runs them."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from api.client.client import Client, UnauthorisedError
from coachlm.desk.work import PersonRole
from coachlm.pairs import InstructionPair
from storage.engine.database import open_database
from tests.command_line import main
from tests.processes import running
from tests.storage.factories import Clock, Desk, fill_queue

pytestmark = pytest.mark.slow


@pytest.fixture
def url(sqlite_databases):
    yield sqlite_databases.new()
    sqlite_databases.drop()


def _run(*words: str, fails: bool = False) -> dict:
    result = CliRunner().invoke(main, [*words, "--json"])
    assert (result.exit_code != 0) == fails, result.output
    return json.loads(result.stdout)


@pytest.fixture
def served(url):
    """A service in a process of its own; its address comes from its first line."""
    command = [sys.executable, "-m", "coachlm", "serve", "--port", "0", "--db", url, "--json"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with running(command, env={**os.environ, "COACHLM_SWEEP_SECONDS": "1"}, **pipes) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate(timeout=30)[1]
        yield process, json.loads(line)["url"]


def test_from_an_empty_database_to_the_first_request(served, url):
    process, address = served
    made = _run("people", "add", "root", "--role", "admin", "--db", url)
    with Client(address, made["token"]) as root:
        assert root.me().role is PersonRole.ADMIN
        _run("people", "add", "ada", "--unit", "qa", "--db", url)
        assert [person.name for person in root.people.all()] == ["ada", "root"]
        fresh = _run("people", "token", "root", "--db", url)["token"]
        with pytest.raises(UnauthorisedError):
            root.me()
    with Client(address, fresh) as root:
        assert root.me().name == "root"
    process.send_signal(signal.SIGTERM)
    _out, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "coachlm people add NAME --role admin" in said
    assert made["token"] not in said
    assert "Traceback" not in said


def test_sigterm_lets_a_request_finish(served, url):
    process, address = served
    token = _run("people", "add", "ines", "--role", "ingest", "--db", url)["token"]
    host, port = address.removeprefix("http://").split(":")
    line = b'{"instruction": "Name three fruits.", "input": "", "output": "Apples, pears, plums."}\n'
    head = (
        f"POST /v1/logs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {2 * len(line)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(head.encode() + line)
        assert httpx.get(f"{address}/healthz", trust_env=False, timeout=60).status_code == 200
        process.send_signal(signal.SIGTERM)
        connection.sendall(line)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 200")
    assert b'"lines":2,"ok":2' in answer
    assert process.wait(60) == 0


def test_a_taken_port_is_said(url):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = _run("serve", "--port", str(taken.getsockname()[1]), "--db", url, fails=True)
    assert "choose another --port" in result["error"]


def test_people_are_added_listed_changed_and_let_go(url):
    added = _run("people", "add", "ada", "--unit", "qa", "--subject", "ada@example.com", "--db", url)
    assert added["token"].startswith("clm_")
    assert added["person"]["seniority"] == "newcomer"
    assert "is taken" in _run("people", "add", "ada", "--db", url, fails=True)["error"]
    changed = _run("people", "change", "ada", "--unit", "every", "--seniority", "senior", "--db", url)["person"]
    assert (changed["unit"], changed["seniority"], changed["role"]) == (None, "senior", "annotator")
    assert "nothing to change" in _run("people", "change", "ada", "--db", url, fails=True)["error"]
    assert not _run("people", "deactivate", "ada", "--db", url)["person"]["is_active"]
    assert "not active" in _run("people", "token", "ada", "--db", url, fails=True)["error"]
    assert _run("people", "change", "ada", "--active", "--db", url)["person"]["is_active"]
    assert [one["name"] for one in _run("people", "list", "--db", url)["people"]] == ["ada"]
    assert "unknown person" in _run("people", "token", "ben", "--db", url, fails=True)["error"]
    assert "token" not in _run("people", "add", "ben", "--no-token", "--db", url)


def test_the_token_alone_is_on_standard_output(url):
    result = CliRunner().invoke(main, ["people", "add", "ada", "--db", url])
    assert result.stdout.startswith("clm_")
    assert len(result.stdout.splitlines()) == 1
    assert "shown this once" in result.stderr


@pytest.fixture
def edited(url, monkeypatch, tmp_path):
    """Three post-edits that wait for olga; the ids of their pairs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COACHLM_PERSON", "olga")
    database = open_database(url)
    clock = Clock()
    ids = fill_queue(database, 3, clock)
    desk = Desk(database, clock)
    for number in range(3):
        item = desk.claim()
        desk.submit(item, key=f"key-{number}", response=f"Red {number}.")
    yield ids
    database.close()


def test_owners_approve_fix_and_return_from_a_terminal(edited, url):
    first = _run("review", "next", "--db", url)
    assert first["pair"] == edited[0]
    assert _run("review", "approve", first["file"], "--db", url)["decision"] == "approve"
    second = _run("review", "next", "--db", url)
    assert second["pair"] == edited[1]
    file = Path(second["file"])
    file.write_text(file.read_text().replace("Red 1.", "Red 1, mostly."))
    assert "review fix" in _run("review", "approve", second["file"], "--db", url, fails=True)["error"]
    assert _run("review", "fix", second["file"], "--db", url)["decision"] == "fix"
    third = _run("review", "next", "--db", url)
    _run("review", "return", third["file"], "--comment", "Which red?", "--db", url)
    assert _run("review", "next", "--db", url)["file"] is None
    _run("review", "return", third["file"], "--comment", "again", "--db", url, fails=True)
    database = open_database(url)
    from storage.desk.pair_views import PairViews

    views = [PairViews(database).pair(pair_id) for pair_id in edited]
    database.close()
    assert [view.status for view in views] == ["approved", "approved", "returned"]
    assert views[1].final == InstructionPair("Name the colour of this fruit.", "", "Red 1, mostly.")


def test_a_stranger_reviews_nothing(edited, url, tmp_path):
    assert "owner" in _run("review", "next", "--person", "ada", "--db", url, fails=True)["error"]
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("no work file")
    assert "not a work file" in _run("review", "approve", str(wrong), "--db", url, fails=True)["error"]
