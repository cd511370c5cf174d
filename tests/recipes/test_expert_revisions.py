"""The project's own expert revisions, as they ship: whole, by the rules, and without a request on both sides."""

import json
from collections import Counter
from importlib import resources
from typing import Any

import pytest

from coachlm.desk.categories import RevisionCategory
from coachlm.desk.rubric import Dimension
from coachlm.pairs import TaskClass
from recipes.expert_revisions.build import TEST_PAIRS, draw_test, request_of, without_repeats, wrong
from trainer.plan.revisions import file_source

_TEXTS = ("instruction", "input", "output")


def _rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (resources.files("coachlm") / "data" / name).read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def training() -> list[dict[str, Any]]:
    return _rows("expert_revisions.jsonl")


@pytest.fixture(scope="module")
def test_set() -> list[dict[str, Any]]:
    return _rows("own_200.jsonl")


def test_every_row_says_what_was_changed_and_why(
    training: list[dict[str, Any]], test_set: list[dict[str, Any]]
) -> None:
    rows = training + test_set
    assert len(test_set) == TEST_PAIRS
    assert len({row["id"] for row in rows}) == len(rows)
    for row in rows:
        assert set(row["changes"]) <= set(RevisionCategory), row["id"]
        assert set(row["flaws"]) <= set(Dimension), row["id"]
        same = all(row["raw"][name].strip() == row["revised"][name].strip() for name in _TEXTS)
        assert same == (not row["changes"]), row["id"]
        assert row["revised"]["output"].strip(), row["id"]
        assert min(row["score_after"].values()) >= 95, row["id"]
    assert {row["task_class"] for row in rows} == set(TaskClass)
    assert len({row["domain"] for row in rows}) == 10


def test_a_fifth_of_what_is_trained_on_stays_as_it_is(training: list[dict[str, Any]]) -> None:
    unchanged = [row for row in training if not row["changes"]]
    assert len(training) >= 1500
    assert 0.2 <= len(unchanged) / len(training) <= 0.3


def test_no_request_stands_on_both_sides(training: list[dict[str, Any]], test_set: list[dict[str, Any]]) -> None:
    asked = {request_of(row).casefold() for row in training}
    assert [row["id"] for row in test_set if request_of(row).casefold() in asked] == []


def test_training_reads_the_file(training: list[dict[str, Any]]) -> None:
    with resources.as_file(resources.files("coachlm") / "data" / "expert_revisions.jsonl") as path:
        rejects: Counter[str] = Counter()
        found = list(file_source(path).revisions(rejects))
    assert not rejects
    assert [revision.revised.response for revision in found] == [row["revised"]["output"] for row in training]


def test_the_builder_leaves_out_what_breaks_a_rule() -> None:
    raw = {"id": "x", "instruction": "Add 2 and 2.", "input": "", "response": "5", "ended": True}
    good = {
        "id": "x",
        "instruction": "Add 2 and 2.",
        "input": "",
        "response": "4",
        "changes": ["response_facts"],
        "flaws": ["correctness"],
        "score_after": {"instruction": 96, "response": 97},
    }
    assert wrong(good, raw) is None
    assert wrong(good, None) == "no raw side"
    assert wrong(good, raw | {"ended": False}) == "the raw answer has no end"
    assert wrong(good | {"response": " "}, raw) == "a text is missing"
    assert wrong(good | {"changes": ["magic"]}, raw) == "an unknown category or dimension"
    assert wrong(good | {"response": "5"}, raw) == "texts and categories disagree"
    assert wrong(good | {"score_after": {"instruction": 96, "response": 90}}, raw) == "revised, but below 95"


def test_requests_that_repeat_are_kept_once_and_the_test_set_is_drawn_by_class() -> None:
    import random

    rows = [
        {
            "id": f"{kind}{number}",
            "task_class": kind,
            "earlier": [],
            "raw": {"instruction": f"{kind} {word} asks for something else {number}", "input": ""},
        }
        for kind in TaskClass
        for number, word in enumerate(f"{chr(97 + place % 26)}{place}" for place in range(200))
    ]
    left_out: Counter[str] = Counter()
    kept = list(without_repeats([*rows[:3], rows[0] | {"id": "again"}], left_out))
    assert [row["id"] for row in kept] == [row["id"] for row in rows[:3]]
    assert left_out == {"a request twice": 1}
    drawn = draw_test(rows, random.Random(150))
    assert len(drawn) == TEST_PAIRS
    by_class = Counter(row["task_class"] for row in rows if row["id"] in drawn)
    assert max(by_class.values()) - min(by_class.values()) <= 2
