"""What a log says about its answers decides on pairs, as long as the settings want it."""

import json

import pytest

from coachlm.pairs import ExcludeReason, Position
from coachlm.protocols.intake import IntakePair
from coachlm.settings import load_settings
from streams.reading.sources.records import ParseOptions, RawRecord
from streams.reading.stages import IntakeStages

RECORDS = [
    {"query": "Which herb stands frost?", "answer": "Basil stands frost.", "feedback": {"rating": "dislike"}},
    {"query": "Which herb smells of lemon?", "answer": "Lemon balm does.", "feedback": {"rating": "like"}},
    {"query": "Which herb is a tree?", "answer": "<think>My mail is ann@example.org</think>Bay laurel is a tree."},
]


def taken_in() -> list[IntakePair]:
    settings = load_settings()
    stages = IntakeStages(settings, ParseOptions.from_settings(settings), b"salt")
    records = [RawRecord(Position("log", n), json.dumps(record).encode()) for n, record in enumerate(RECORDS)]
    return stages.process(records).pairs


def test_a_bad_mark_excludes_and_names_what_says_so() -> None:
    bad, good, unmarked = taken_in()

    assert bad.exclusion is not None
    assert (bad.exclusion.reason, bad.exclusion.detail) == (ExcludeReason.MARKED_BAD, "the log says so: feedback")
    assert good.exclusion is None
    assert good.sourced.provenance.extra["mark"] == "good"
    assert unmarked.exclusion is None


def test_marks_can_be_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COACHLM_EXCLUDE_REASONS", "refusal")

    assert [item.exclusion for item in taken_in()] == [None, None, None]


def test_personal_data_in_reasoning_is_replaced() -> None:
    assert taken_in()[2].sourced.provenance.extra["reasoning"] == "My mail is <EMAIL_1>"
