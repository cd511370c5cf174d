"""`select` and `duplicates`: what they write, what they leave alone, and what is refused."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.command_line import main
from tests.databases import Databases


def invoke(*arguments: str | Path, exit_code: int = 0) -> Result:
    result = CliRunner().invoke(main, [*map(str, arguments)])
    assert result.exit_code == exit_code, result.output
    return result


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def rated(tmp_path: Path) -> Path:
    path = tmp_path / "rated.jsonl"
    records = [
        {"instruction": f"Explain step {number}", "output": "So.", "score": number / 2, "category": "qa"}
        for number in range(11)
    ]
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return path


def test_the_filtering_baseline_is_one_command(rated: Path, tmp_path: Path) -> None:
    invoke("select", tmp_path / "out", "--from", rated, "--min-score", "4.5")
    assert {row["instruction"] for row in lines(tmp_path / "out" / "data.jsonl")} == {
        "Explain step 9",
        "Explain step 10",
    }


def test_the_best_share_and_a_diverse_part_of_it(rated: Path, tmp_path: Path) -> None:
    answer = invoke("select", tmp_path / "a", "--from", rated, "--top", "0.5", "--count", "2", "--json")
    summary = json.loads(answer.stdout)
    assert (summary["candidates"], summary["chosen"], summary["signals"]) == (6, 2, ["score"])
    why = lines(tmp_path / "a" / "selection.jsonl")
    assert [row["rank"] for row in why] == [1, 2]
    assert "score 1.00" in str(why[0]["why"])


def test_quotas_and_errors_name_the_remedy(rated: Path, tmp_path: Path) -> None:
    invoke("select", tmp_path / "a", "--from", rated, "--quota", "template:*=1")
    assert len(lines(tmp_path / "a" / "data.jsonl")) == 1
    assert "--overwrite" in invoke("select", tmp_path / "a", "--from", rated, exit_code=1).stderr
    rated.write_text('{"instruction": "a", "output": "b", "score": "much"}\n')
    assert "no number" in invoke("select", tmp_path / "b", "--from", rated, exit_code=1).stderr


def test_of_the_waiting_the_chosen_are_named_and_the_others_keep_waiting(
    sqlite_databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COACHLM_INTAKE_PROCESSES", "1")
    url, log = sqlite_databases.new(), tmp_path / "log.jsonl"
    asked = ("How do I bake bread?", "Where is the old harbour?", "Who painted this fence?")
    talks = [
        [{"role": "user", "content": text}, {"role": "assistant", "content": f"{text[:-1]}, that is told here."}]
        for text in asked
    ]
    log.write_text("".join(f"{json.dumps({'messages': talk})}\n" for talk in talks))
    invoke("ingest", log, "--db", url)
    summary = json.loads(invoke("select", tmp_path / "out", "--count", "2", "--first", "--db", url, "--json").stdout)
    assert (summary["candidates"], summary["chosen"], summary["moved"]) == (3, 2, 0)
    assert json.loads(invoke("stats", "--db", url, "--json").stdout)["by_status"] == {"accepted": 3}
    assert json.loads(invoke("duplicates", "--db", url, "--json").stdout) == {"links": []}
    assert "--model" in invoke("duplicates", "--semantic", "--db", url, exit_code=1).stderr
