"""Rating sheets are blind, random and sealed; filled ones give the paper's tables, and bad rows cost themselves."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from coachlm.desk.ratings import RatingTask, Score, Sheet
from coachlm.desk.rubric import Part
from coachlm.pairs import InstructionPair
from evaluation.ratings.people import human_ratings, read_sheet
from tests.command_line import main

Fill = Callable[[str, str, int], tuple[object, object]]
"""(rater, source, item) → instruction score, response score."""


def run(*arguments: object, fails: bool = False) -> dict[str, Any]:
    result = CliRunner().invoke(main, ["evaluate", "ratings", *map(str, arguments), "--json"])
    assert result.exit_code == (1 if fails else 0), result.output
    return json.loads(result.stdout)


@pytest.fixture
def sheets(tmp_path: Path) -> Path:
    texts = {
        "original": [InstructionPair(f"=Name {n}", "", f"plain {n}") for n in range(10)],
        "revised": [InstructionPair(f"=Name {n}" + "!" * (n < 4), "", f"better {n}") for n in range(10)],
    }
    for name, pairs in texts.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(pair.as_dict()) + "\n" for pair in pairs))
    sources = [text for name in texts for text in ("--source", f"{name}={tmp_path / name}.jsonl")]
    answer = run("make", tmp_path / "sheets", *sources, "--count", 8, "--seed", 3)
    assert answer["tasks"] == 16
    return tmp_path / "sheets"


def rows_of(sheet: Path) -> list[dict[str, str]]:
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def fill(folder: Path, how: Fill, raters: tuple[str, ...] = ("R1", "R2", "R3"), delimiter: str = ",") -> None:
    key = json.loads((folder / "key.json").read_text())["tasks"]
    for rater in raters:
        rows = rows_of(folder / f"{rater}.csv")
        for row in rows:
            source, item, _ = key[row["task"].removeprefix("t-")]
            row["instruction_score"], row["response_score"] = map(str, how(rater, source, item))
        save(folder / f"{rater}.csv", rows, delimiter)


def save(path: Path, rows: list[dict[str, str]], delimiter: str = ",") -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def test_sheets_are_blind_and_every_rater_has_an_order_of_her_own(sheets: Path):
    orders = [[row["task"] for row in rows_of(sheets / f"{rater}.csv")] for rater in ("R1", "R2", "R3")]
    assert sorted(orders[0]) == sorted(orders[1]) == sorted(orders[2])
    assert len({tuple(order) for order in orders}) == 3
    for rater in ("R1", "R2", "R3"):
        text = (sheets / f"{rater}.csv").read_text()
        assert "original" not in text
        assert "revised" not in text
        assert all(row["instruction"].startswith("'=") for row in rows_of(sheets / f"{rater}.csv"))  # no formulas
    assert "Dimension" not in (sheets / "rubric.md").read_text()
    assert "humanization" in (sheets / "rubric.md").read_text()


def test_tables_gains_and_agreement(sheets: Path):
    fill(
        sheets, lambda rater, source, item: (70 + item, 60 + item + (10 if source == "revised" else 0) + int(rater[1]))
    )
    found = run("read", sheets, "--html", sheets / "page.html")
    key = json.loads((sheets / "key.json").read_text())["tasks"]
    items = {item for _, item, _ in key.values()}
    table = found["tables"]["all pairs"]["response"]
    mean = sum(items) / len(items)
    assert table["original"]["by_rater"] == {f"R{n}": pytest.approx(60 + mean + n) for n in (1, 2, 3)}
    assert table["revised"]["average"] == pytest.approx(72 + mean)
    gain = found["gains"]["all pairs"]["response"]["revised"]
    assert (gain["value"], gain["low"], gain["high"]) == (pytest.approx(10),) * 3
    assert found["gains"]["all pairs"]["instruction"]["revised"]["value"] == 0
    assert found["alpha"]["instruction"] == pytest.approx(1)
    assert 0.9 < found["alpha"]["response"] < 1
    modified = {item for source, item, differs in key.values() if differs}
    assert found["modified"] == len(modified) > 0
    scores = found["tables"]["pairs with a modified instruction"]["response"]["original"]["scores"]
    assert scores == 3 * len(modified)
    assert "Krippendorff" in (sheets / "page.html").read_text()


def test_agreement_is_that_of_the_library_with_gaps():
    import krippendorff
    import numpy as np

    table = [[1, 2, 3, None, 5], [1, 2, 4, 4, None], [None, 3, 3, 4, None]]
    tasks = {str(n): RatingTask(str(n), "a", n, False) for n in range(5)}
    found = human_ratings(
        [
            Sheet(
                f"R{r}", tuple(Score(f"R{r}", tasks[str(n)], Part.RESPONSE, v) for n, v in enumerate(row) if v), 0, ()
            )
            for r, row in enumerate(table)
        ],
        tasks,
    )
    expected = krippendorff.alpha(reliability_data=np.array(table, float), level_of_measurement="interval")
    assert found.alpha["response"] == pytest.approx(expected)
    assert found.alpha["instruction"] is None


def test_a_flaw_caps_from_above_and_nothing_else(sheets: Path):
    fill(sheets, lambda rater, source, item: (85, 25 if source == "original" else 95))
    for rater in ("R1", "R2", "R3"):
        rows = rows_of(sheets / f"{rater}.csv")
        for row in rows:
            row["flaws"] = "correctness" if row["response_score"] == "25" else ""
        save(sheets / f"{rater}.csv", rows)
    found = run("read", sheets)
    assert found["problems"] == {}
    table = found["tables"]["all pairs"]["response"]
    assert (table["original"]["average"], table["revised"]["average"]) == (25, 95)


def test_bad_rows_are_named_and_cost_themselves_alone(sheets: Path):
    fill(sheets, lambda rater, source, item: (90, 85))
    rows = rows_of(sheets / "R1.csv")
    rows[0]["response_score"] = "good"
    rows[1]["response_score"] = "101"
    rows[2]["flaws"] = "correctness"  # 85 is more than a basic flaw allows
    rows[3]["flaws"] = "charm"
    rows[4]["instruction_score"] = rows[4]["response_score"] = ""
    rows[5]["task"] = "t-nobody"
    rows[7]["task"] = rows[6]["task"]
    rows[8]["response_score"] = "85,5"
    save(sheets / "R1.csv", rows)
    found = run("read", sheets)
    problems = " | ".join(found["problems"]["R1"])
    for word in (
        "row 1: response_score 'good'",
        "row 2",
        "row 3: response_score 85",
        "'charm'",
        "row 6: no such task",
        "row 7: the task stands there twice",
        "row 8",
        "2 tasks are not in the sheet",
    ):
        assert word in problems
    assert "R2" not in found["problems"]
    assert found["unrated"]["R1"] == 2 + 4
    table = found["tables"]["all pairs"]["response"]
    assert sum(table[source]["scores"] for source in table) == 2 * 16 + 16 - 8
    assert table["original"]["by_rater"]["R2"] == 85


def test_semicolons_and_absent_raters(sheets: Path):
    fill(sheets, lambda rater, source, item: (90, 85 + item), ("R1",), delimiter=";")
    (sheets / "R3.csv").unlink()
    found = run("read", sheets)
    assert found["raters"] == ["R1", "R2"]
    assert found["unrated"] == {"R1": 0, "R2": 32}
    assert found["alpha"] == {"instruction": None, "response": None}  # nobody to agree with


def test_empty_sheets_are_no_ratings(sheets: Path):
    assert "holds a score yet" in run("read", sheets, fails=True)["error"]


def test_a_key_that_was_changed_is_refused(sheets: Path):
    text = (sheets / "key.json").read_text()
    (sheets / "key.json").write_text(text.replace('"original"', '"other"', 1))
    assert "seal" in run("read", sheets, fails=True)["error"]
    (sheets / "key.json").write_text("{")
    assert "holds no key" in run("read", sheets, fails=True)["error"]


def test_no_sheet(tmp_path: Path, sheets: Path):
    (sheets / "R1.csv").write_text("a,b\n1,2\n")
    assert "lacks the column" in run("read", sheets, fails=True)["error"]
    (sheets / "R1.csv").write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in run("read", sheets, fails=True)["error"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--source", "a=FILE"], "at least two"),
        (["--source", "a=FILE", "--source", "a=FILE"], "named a"),
        (["--source", "a=FILE", "--source", "b=SHORT"], "row by row"),
        (["--source", "a=FILE", "--source", "b=FILE", "--count", "99"], "99"),
        (["--source", "FILE"], "NAME=DATA"),
        (["--source", "a=FILE", "--source", "b=FILE", "--rater", "../x"], "rater"),
        (["--source", "a=FILE", "--source", "b=sqlite:///x#best"], "#best"),
    ],
)
def test_what_makes_no_sheets_is_said(tmp_path: Path, arguments: list[str], says: str):
    for name, count in (("FILE", 5), ("SHORT", 4)):
        (tmp_path / name).write_text('{"instruction": "a", "output": "b"}\n' * count)
    given = [
        each.replace("FILE", str(tmp_path / "FILE")).replace("SHORT", str(tmp_path / "SHORT")) for each in arguments
    ]
    assert says in run("make", tmp_path / "new", "--count", 2, *given, fails=True)["error"]


def test_sheets_are_not_made_twice_over_filled_ones(sheets: Path, tmp_path: Path):
    sources = ["--source", f"a={tmp_path / 'original.jsonl'}", "--source", f"b={tmp_path / 'revised.jsonl'}"]
    assert "already" in run("make", sheets, "--count", 2, *sources, fails=True)["error"]
    assert read_sheet(sheets / "R1.csv", "R1", {}).scores == ()
