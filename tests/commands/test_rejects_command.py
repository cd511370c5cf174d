"""`rejects`, and choosing by what logs say about their answers, from a terminal."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.command_line import main
from tests.databases import Databases

PLUM, PEAR = "A mirabelle is a small yellow plum.", "A conference pear is a long green pear."
LINES = (
    '{"messages": [{"role": "user", "content": "Name a fruit."}, {"role": "assistant", "content": " "}]}',
    '{"prompt": "Mail jane.doe@example.com", "reply": "Which mail do you mean?"}',
    json.dumps({"instruction": "Name a plum, please.", "output": PLUM, "thumbs": "up"}),
    json.dumps({"instruction": "Name a pear, please.", "output": PEAR, "score": 0.2}),
    '=HYPERLINK("x")\x1b[31m cut',
)


@pytest.fixture
def url(sqlite_databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COACHLM_CONTROL_SHARE", "0")
    Path("odd.jsonl").write_text("\n".join(LINES), encoding="utf-8")
    url = sqlite_databases.new()
    invoke("run", "odd.jsonl", "--db", url)
    return url


def invoke(*arguments: str, exit_code: int = 0) -> Result:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == exit_code, result.output
    return result


def answer(*arguments: str) -> dict[str, Any]:
    return json.loads(invoke(*arguments, "--json").stdout)


def test_list_names_place_reason_and_keys(url: str) -> None:
    lines = invoke("rejects", "list", "--db", url).stdout.splitlines()
    assert [line.split("  ")[:2] for line in lines] == [
        ["odd.jsonl:1", "empty"],
        ["odd.jsonl:2", "no_response"],
        ["odd.jsonl:5", "malformed_json"],
    ]
    assert "texts stand under `reply`" in lines[1]
    assert "<EMAIL_1>" in lines[1]
    assert "jane" not in lines[1]
    assert "plain text, not JSON" in lines[2]
    assert "\x1b" not in lines[2]
    found = answer("rejects", "list", "--db", url, "--limit", "1")
    assert found["counts"] == {"empty": 1, "malformed_json": 1, "no_response": 1}
    following = answer("rejects", "list", "--db", url, "--after", found["next"])["rejects"]
    assert [one["record"] for one in following] == [1, 4]
    assert answer("rejects", "list", "--db", url, "--reason", "empty", "--source", "nowhere")["rejects"] == []


def test_show_says_what_can_be_done(url: str) -> None:
    told = invoke("rejects", "show", "odd.jsonl:2", "--db", url).stdout
    assert "Log the answers too" in told
    assert "Mail <EMAIL_1>" in told
    for place, said in (("odd.jsonl:3", "nothing of odd.jsonl:3"), ("odd.jsonl", "FILE:RECORD"), ("a:0", "from 1")):
        assert said in invoke("rejects", "show", place, "--db", url, exit_code=1).stderr


def test_export_writes_all_as_lines_or_as_a_table(url: str) -> None:
    assert answer("rejects", "export", "r.jsonl", "--db", url) == {"file": "r.jsonl", "rejects": 3}
    lines = [json.loads(line) for line in Path("r.jsonl").read_text("utf-8").splitlines()]
    assert [one["place"] for one in lines] == ["odd.jsonl:1", "odd.jsonl:2", "odd.jsonl:5"]
    invoke("rejects", "export", "r.csv", "--db", url, "--reason", "malformed_json")
    (row,) = csv.DictReader(Path("r.csv").read_text("utf-8").splitlines())
    assert row["excerpt"].startswith("'=HYPERLINK")
    for name in ("odd.jsonl/x.csv", "odd.jsonl/x.jsonl"):
        assert "can't be written" in invoke("rejects", "export", name, "--db", url, exit_code=1).stderr


def test_signals_select_pairs_of_an_export(url: str) -> None:
    invoke("export", "set", "--format", "jsonl", "--text", "raw", "--where", "signal:score<0.5", "--db", url)
    (row,) = map(json.loads, Path("set/data.jsonl").read_text("utf-8").splitlines())
    assert row["output"] == PEAR
    manifest = json.loads(Path("set/manifest.json").read_text("utf-8"))
    assert (manifest["selection"], manifest["rows"]) == ({"where": "signal:score<0.5"}, 1)
    assert manifest["left_out_because"] == {"not chosen: where": 1}
    refused = invoke("export", "set", "--where", "score<0.5", "--db", url, exit_code=1)
    assert "signal:NAME or a field" in refused.stderr


def test_signals_order_the_queue_and_can_be_overruled(url: str) -> None:
    first = answer("queue", "next", "--person", "ada", "--file", "1.txt", "--db", url)
    assert PEAR in Path("1.txt").read_text("utf-8")  # it came later, but the plum has a thumbs up
    invoke("queue", "release", "1.txt", "--db", url)
    assert answer("queue", "prioritise", "--where", "mark=good", "--priority", "1", "--db", url)["changed"] == 1
    second = answer("queue", "next", "--person", "ada", "--file", "2.txt", "--db", url)
    assert second["pair"] != first["pair"]
    assert "#: the log calls this answer good (thumbs: up)" in Path("2.txt").read_text("utf-8")
