"""`evaluate ratings` with a study in the database: made, rated, closed, and read as sheets are."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from coachlm.desk.ratings import Rating
from coachlm.desk.rubric import Dimension
from coachlm.desk.work import PersonRole
from coachlm.pairs import InstructionPair
from storage.desk.queue import PostEditQueue
from storage.engine.database import Database, open_database
from storage.people.accounts import Accounts
from storage.studies.desk import RatingDesk
from tests.command_line import main
from tests.storage.factories import Clock, fill_queue, make_pair, make_revision

RATERS = ("ada", "ben", "cleo")
ROWS = 6


def run(*arguments: object, fails: bool = False) -> dict[str, Any]:
    result = CliRunner().invoke(main, ["evaluate", "ratings", *map(str, arguments), "--json"])
    assert result.exit_code == (1 if fails else 0), result.output
    return json.loads(result.stdout)


@pytest.fixture
def database(database_url: str):
    database = open_database(database_url)
    for name in RATERS:
        Accounts(database).add(name)
    Accounts(database).add("olga", PersonRole.OWNER)
    yield database
    database.close()


@pytest.fixture
def sources(tmp_path: Path) -> list[str]:
    texts = {
        "original": [InstructionPair(f"Name {n}", "", f"plain {n}") for n in range(ROWS)],
        "revised": [InstructionPair(f"Name {n}" + "!" * (n < 3), "", f"better {n}") for n in range(ROWS)],
    }
    for name, pairs in texts.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(pair.as_dict()) + "\n" for pair in pairs))
    return [part for name in texts for part in ("--source", f"{name}={tmp_path / name}.jsonl")]


def scores(rater: str, response: str) -> tuple[int, int, str]:
    """What the rater gives for this text: instruction, response, flaw."""
    number = int(response.split()[1])
    if response.startswith("better"):
        return 85 + RATERS.index(rater), 90 + number, ""
    return 75, 70 + number - 3 * RATERS.index(rater), "correctness"


def rated(database: Database, name: str, rater: str, places: int = 2 * ROWS) -> None:
    desk = RatingDesk(database)
    for place in range(1, places + 1):
        instruction, response, flaw = scores(rater, desk.task(rater, name, place).text.response)
        flaws = frozenset({Dimension(flaw)} if flaw else ())
        desk.save(rater, name, place, Rating(instruction, response, flaws), version=0, key=f"{name}-{place}")


def filled(sheet: Path, rater: str) -> None:
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["instruction_score"], row["response_score"], row["flaws"] = map(str, scores(rater, row["response"]))
    with sheet.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def test_a_study_gives_the_tables_that_sheets_give(
    database: Database, database_url: str, sources: list[str], tmp_path: Path
):
    raters = [part for name in RATERS for part in ("--rater", name)]
    made = run("make", "--study", "spring", "--db", database_url, *sources, *raters, "--count", ROWS)
    assert made["items"] == ROWS
    assert [(each["rater"], each["tasks"]) for each in made["raters"]] == [(name, 2 * ROWS) for name in RATERS]
    run("make", tmp_path / "sheets", *sources, *raters, "--count", ROWS)
    for name in RATERS:
        rated(database, "spring", name)
        filled(tmp_path / "sheets" / f"{name}.csv", name)
    [study] = run("list", "--db", database_url)["studies"]
    assert [each["rated"] for each in study["raters"]] == [2 * ROWS] * 3
    assert run("close", "--study", "spring", "--db", database_url)["closed_at"]
    page = tmp_path / "table8.html"
    found = run("read", "--study", "spring", "--db", database_url, "--html", page)
    on_sheets = run("read", tmp_path / "sheets")
    for part, value in on_sheets.pop("alpha").items():
        assert found["alpha"].pop(part) == pytest.approx(value)
    del found["alpha"]
    assert found == on_sheets
    assert found["gains"]["all pairs"]["response"]["revised"]["value"] > 20
    assert "Krippendorff" in page.read_text()


def test_what_is_not_rated_is_counted(database: Database, database_url: str, sources: list[str]):
    run("make", "--study", "spring", "--db", database_url, *sources, "--count", ROWS, "--owner", "olga")
    assert "nobody has rated" in run("read", "--study", "spring", "--db", database_url, fails=True)["error"]
    rated(database, "spring", "ben", places=5)
    found = run("read", "--study", "spring", "--db", database_url)
    assert found["unrated"] == {"ada": 24, "ben": 14, "cleo": 24}
    assert found["alpha"] == {"instruction": None, "response": None}
    shown = CliRunner().invoke(main, ["evaluate", "ratings", "read", "--study", "spring", "--db", database_url])
    assert "ben: 14 scores missing" in shown.stderr
    listed = CliRunner().invoke(main, ["evaluate", "ratings", "list", "--db", database_url])
    assert "ben 5/12" in listed.stdout


def test_pairs_of_the_database_are_kept_from_its_raters(database: Database, database_url: str):
    """Whatever text of them is rated: neither version here is the raw one."""
    ids = fill_queue(database, 3, Clock())
    given = [f"--source={name}={database_url}#{text}" for name, text in (("coach", "revised"), ("people", "final"))]
    run("make", "--study", "spring", "--db", database_url, *given, "--count", 3, "--rater", "ada")
    text = RatingDesk(database).task("ada", "spring", 1).text
    assert text in [make_revision(make_pair(number)).revised for number in range(3)]
    queue = PostEditQueue(database)
    assert queue.claim("ada") is None
    item = queue.claim("ben")
    assert item is not None
    assert item.pair_id in ids


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["make", "--source", "a=x", "--source", "b=x"], "either a FOLDER"),
        (["make", "FOLDER", "--study", "s", "--source", "a=x"], "either a FOLDER"),
        (["read"], "either a FOLDER"),
        (["read", "--study", "winter"], "no study 'winter'"),
        (["close", "--study", "winter"], "no study 'winter'"),
        (["make", "--study", "s", "--rater", "dora", "ONE", "TWO"], "'dora'"),
        (["make", "--study", "s", "--owner", "ada", "ONE", "TWO"], "annotator"),
    ],
)
def test_what_can_not_be_done_is_said(
    database: Database, database_url: str, sources: list[str], arguments: list[str], says: str, tmp_path: Path
):
    names = {"ONE": f"--source={sources[1]}", "TWO": f"--source={sources[3]}", "FOLDER": str(tmp_path / "sheets")}
    given = [names.get(each, each) for each in arguments]
    count = ["--count", "2"] if arguments[0] == "make" else []
    assert says in run(*given, *count, "--db", database_url, fails=True)["error"]
