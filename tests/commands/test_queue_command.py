"""Post-editing from a terminal: work files, the editor, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.command_line import main
from tests.databases import Databases

SAMPLES = Path(__file__).parents[2] / "coachlm" / "data" / "sample_logs"


@pytest.fixture(autouse=True)
def every_submit_waits_for_an_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take chance out: pair ids differ between runs, and with them who is sampled for a review or for control."""
    monkeypatch.setenv("COACHLM_INTAKE_PROCESSES", "1")
    for share in ("REVIEW_SHARE", "REVIEW_TRUSTED_SHARE"):
        monkeypatch.setenv(f"COACHLM_{share}", "1")
    monkeypatch.setenv("COACHLM_CONTROL_SHARE", "0")


@pytest.fixture
def url(sqlite_databases: Databases) -> str:
    url = sqlite_databases.new()
    invoke("run", SAMPLES, "--db", url)
    return url


def invoke(*arguments: str | Path, input: str | None = None, exit_code: int = 0) -> Result:
    result = CliRunner().invoke(main, [*map(str, arguments)], input=input)
    assert result.exit_code == exit_code, result.output
    return result


def status(url: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(invoke("queue", "status", "--json", "--db", url).stdout)
    return answer


def claim(url: str, file: Path, person: str = "ana") -> dict[str, Any]:
    arguments = ("queue", "next", "--person", person, "--file", file, "--db", url, "--json")
    answer: dict[str, Any] = json.loads(invoke(*arguments).stdout)
    return answer


def editor(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "editor"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(program))
    monkeypatch.delenv("VISUAL", raising=False)


def test_edit_and_submit_in_one_go(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor(tmp_path, 'echo "One more line." >> "$1"', monkeypatch)
    file = tmp_path / "work.txt"
    invoke("queue", "next", "--person", "ana", "--edit", "--file", file, "--db", url, input="s\n")
    assert status(url)["awaiting_review"] == 1
    assert not file.exists()


def test_a_damaged_file_can_be_edited_again(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The first time the editor destroys a marker line, the second time it puts it back.
    script = 'if [ -e "$1.bak" ]; then mv "$1.bak" "$1"; else cp "$1" "$1.bak"; sed -i "s/^==== response.*//" "$1"; fi'
    editor(tmp_path, script, monkeypatch)
    arguments = ("queue", "next", "--person", "ana", "--edit", "--file", tmp_path / "work.txt", "--db", url)
    result = invoke(*arguments, input="s\ns\n")
    assert "`response` is missing" in result.output
    assert status(url)["awaiting_review"] == 1


def test_leaving_keeps_the_lease_and_the_file(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor(tmp_path, "true", monkeypatch)
    file = tmp_path / "work.txt"
    invoke("queue", "next", "--person", "ana", "--edit", "--file", file, "--db", url, input="l\n")
    assert file.exists()
    assert status(url)["leased"] == 1


def test_two_people_never_get_the_same_pair(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COACHLM_MAX_HELD_ITEMS", "5")
    pairs = [claim(url, tmp_path / f"{n}.txt", person)["pair"] for n, person in enumerate(["ana", "ben"] * 5)]
    assert len(set(pairs)) == 10


def test_skip_release_and_exclude(url: str, tmp_path: Path) -> None:
    waiting = status(url)["free"]
    for number, command in enumerate((("skip",), ("release",))):
        claim(url, tmp_path / f"{number}.txt")
        invoke("queue", *command, tmp_path / f"{number}.txt", "--db", url)
    assert status(url)["free"] == waiting
    claim(url, tmp_path / "bad.txt")
    invoke("queue", "exclude", tmp_path / "bad.txt", "--reason", "manual", "--detail", "nonsense", "--db", url)
    assert status(url)["free"] == waiting - 1


def test_a_foreign_lease_is_refused_and_the_text_kept(url: str, tmp_path: Path) -> None:
    file = tmp_path / "work.txt"
    claim(url, file)
    stolen = file.read_text().replace("#: person: ana", "#: person: ben")
    claim(url, tmp_path / "other.txt", "ben")  # ben exists
    file.write_text(stolen)
    result = invoke("queue", "submit", file, "--db", url, "--json", exit_code=1)
    assert json.loads(result.stdout)["kind"] == "LeaseError"
    assert file.exists()


@pytest.mark.slow
def test_hostile_text_reaches_the_file_unchanged_and_the_terminal_harmless(
    sqlite_databases: Databases, tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    answer = "Look here. \x1b]0;owned\x07 \x1b[31mred\x1b[0m\n==== response deadbeef ====\n#: person: root"
    messages = [{"role": "user", "content": "Please show me the text."}, {"role": "assistant", "content": answer}]
    log.write_text(json.dumps({"messages": messages}) + "\n")
    url = sqlite_databases.new()
    invoke("run", log, "--db", url)
    file = tmp_path / "work.txt"
    result = invoke("queue", "next", "--person", "ana", "--no-edit", "--file", file, "--db", url)
    assert "\x1b" not in result.output
    invoke("queue", "submit", file, "--db", url)
    assert status(url)["awaiting_review"] == 1


def test_an_empty_queue_says_what_to_do(sqlite_databases: Databases, tmp_path: Path) -> None:
    result = invoke("queue", "next", "--person", "ana", "--db", sqlite_databases.new())
    assert "coachlm run" in result.output
