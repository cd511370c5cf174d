"""Whole conversations, preferences, selections and splits: what stands in a row, and where everything else went."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from coachlm.context import Context, ContextMessage, Role
from coachlm.desk.dataset import DatasetRow, TextChoice, TurnTexts
from coachlm.desk.rubric import Scores
from coachlm.desk.studies import RatedVersions
from coachlm.errors import ExportError
from coachlm.pairs import ExcludeReason, InstructionPair
from coachlm.status import Status
from evaluation.sets.pair_records import pair_of
from exports.choices.export_formats import ExportFormat, Rejected, Rows, TrainOn
from exports.choices.selection import Selection, SignalTest
from exports.export import ExportOptions, export_dataset
from exports.shapes.service_rules import broken_rule
from tests.dataset_rows import counts_of, make_row

FIRST = InstructionPair("Who are you?", "", "i am Bo", Context("Be a pirate."))
FINAL = InstructionPair("Who are you?", "", "Arr, I am Bo.")


def _turn(question: str, answer: str, before: InstructionPair, **fields: Any) -> DatasetRow:
    assert before.context is not None
    said = (*before.context.messages, ContextMessage(Role.USER, before.instruction),
            ContextMessage(Role.ASSISTANT, before.response))  # fmt: skip
    row = make_row(InstructionPair(question, "", answer, replace(before.context, messages=said)), **fields)
    return replace(row, told=(TurnTexts(FIRST, None, FINAL, 1),), provenance=_named(row, 2))


def _named(row: DatasetRow, turn: int):
    return replace(row.provenance, conversation="c" * 32, turn=turn, extra={"reasoning": f"thought {turn}"})


def _conversation() -> list[DatasetRow]:
    first = make_row(FIRST, status=Status.APPROVED, final=FINAL)
    first = replace(first, provenance=_named(first, 1))
    return [first, _turn("And the tavern?", "It is shut.", FIRST), _turn("And the ship?", "It sank.", FIRST)]


def _export(folder: Path, pairs, rated=(), **options):
    return export_dataset(pairs, counts_of(pairs), folder / "set", ExportOptions(**options), rated)


def _records(folder: Path, manifest) -> list[dict]:
    text = (folder / "set" / manifest.files[0].name).read_text()
    return json.loads(text) if manifest.files[0].name.endswith(".json") else list(map(json.loads, text.splitlines()))


def test_all_turns_stand_in_one_row_and_say_which_were_edited(tmp_path):
    manifest = _export(tmp_path, _conversation(), format=ExportFormat.CHAT, rows=Rows.CONVERSATIONS)
    one, other = _records(tmp_path, manifest)
    assert [(m["role"], m["content"], m.get("weight"), m.get("edited")) for m in one["messages"]] == [
        ("system", "Be a pirate.", None, None),
        ("user", "Who are you?", None, None),
        ("assistant", "Arr, I am Bo.", one["messages"][2]["weight"], one["messages"][2]["edited"]),
        ("user", one["messages"][3]["content"], None, None),
        ("assistant", one["messages"][4]["content"], 1, False),
    ]
    shared = [row["messages"][2] for row in (one, other)]
    assert sorted((each["weight"], each["edited"]) for each in shared) == [(0, False), (1, True)]  # learned once
    assert (manifest.rows, manifest.pairs) == (2, 3)


def test_edited_turns_alone_can_be_learned_and_what_has_none_is_counted(tmp_path):
    manifest = _export(tmp_path, _conversation(), format=ExportFormat.MESSAGES, train_on=TrainOn.EDITED)
    (record,) = _records(tmp_path, manifest)
    assert [m["weight"] for m in record["messages"] if m["role"] == "assistant"] == [1, 0]
    assert broken_rule(record) is None
    assert manifest.left_out_because == {"no turn was edited": 1}


@pytest.mark.parametrize("format", [ExportFormat.CHAT, ExportFormat.SHAREGPT])
def test_reasoning_is_written_only_when_asked_for(tmp_path, format):
    for asked in (False, True):
        manifest = _export(tmp_path, _conversation(), format=format, with_reasoning=asked)
        assert ("thought 2" in json.dumps(_records(tmp_path, manifest))) is asked
    with pytest.raises(ExportError, match="no place for reasoning"):
        ExportOptions(format=ExportFormat.MESSAGES, with_reasoning=True)


@pytest.mark.parametrize("format", [ExportFormat.CHAT, ExportFormat.SHAREGPT, ExportFormat.MESSAGES, ExportFormat.DPO])
def test_the_set_reader_takes_the_last_exchange_in_its_context(tmp_path, format):
    rows = _conversation()[:2]
    rows[1] = replace(rows[1], final=InstructionPair("And the tavern?", "", "Shut."))
    record = _records(tmp_path, _export(tmp_path, rows, format=format))[-1]
    found = pair_of(record)
    assert isinstance(found, InstructionPair)
    assert found.id == rows[1].text(TextChoice.FINAL).id


def test_preferences_set_the_final_text_against_the_answers_asked_for(tmp_path):
    row = make_row(("Q", "", "raw"), ("Q", "", "coach"), Status.APPROVED, final=InstructionPair("Q", "", "final"))
    row = replace(row, provenance=replace(row.provenance, extra={"rejected": ["lost", "final"]}))
    same = make_row(("Q2", "", "raw"), status=Status.APPROVED, final=InstructionPair("Q2", "", "raw"))
    asked = frozenset({Rejected.RAW, Rejected.COACH, Rejected.LOG})
    manifest = _export(tmp_path, [row, same], format=ExportFormat.DPO, rejected=asked)
    found = _records(tmp_path, manifest)
    assert {(r["chosen"][0]["content"], r["rejected"][0]["content"]) for r in found} == {
        ("final", "raw"), ("final", "coach"), ("final", "lost"),
    }  # fmt: skip
    assert manifest.rows_by_rejected == {"raw": 1, "coach": 1, "log": 1}
    assert manifest.left_out_because == {"no other answer": 1}


def test_an_edited_question_can_be_left_out_of_preferences(tmp_path):
    row = make_row(("q", "", "raw"), status=Status.APPROVED, final=InstructionPair("Q?", "", "final"))
    assert _export(tmp_path, [row], format=ExportFormat.DPO).rows == 1
    manifest = _export(tmp_path, [row], format=ExportFormat.DPO, same_question=True)
    assert (manifest.rows, manifest.left_out_because) == (0, {"the question was edited": 1})


def test_answers_that_the_log_marks_as_bad_are_unwanted(tmp_path):
    good = make_row(("Q", "", "raw"), status=Status.APPROVED, final=InstructionPair("Q", "", "final"))
    bad = make_row(("R", "", "bad"), status=Status.EXCLUDED, exclude_reason=ExcludeReason.MARKED_BAD)
    rejected = frozenset({Rejected.LOG})
    manifest = _export(tmp_path, [good, bad], format=ExportFormat.KTO, rejected=rejected)
    assert {(r["completion"][0]["content"], r["label"]) for r in _records(tmp_path, manifest)} == {
        ("final", True), ("bad", False),
    }  # fmt: skip


def test_raters_preferences_become_rows(tmp_path):
    versions = ((InstructionPair("Q", "", "poor"), 40.0), (InstructionPair("Q", "", "rich"), 90.0))
    rated = [RatedVersions("spring", 1, versions), RatedVersions("spring", 2, versions[:1])]
    manifest = _export(tmp_path, [], rated, format=ExportFormat.DPO, rejected=frozenset({Rejected.RATINGS}))
    (record,) = _records(tmp_path, manifest)
    assert (record["chosen"][0]["content"], record["rejected"][0]["content"]) == ("rich", "poor")
    assert manifest.rated_pairs == 1


def test_revisions_have_the_papers_names(tmp_path):
    manifest = _export(tmp_path, _conversation(), format=ExportFormat.REVISIONS)
    (record,) = _records(tmp_path, manifest)
    assert (record["Raw Response"], record["Revised Response"], record["Distance"]) == ("i am Bo", "Arr, I am Bo.", 7)


MOMENT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("selection", "reason"),
    [
        ({"sources": ("*.jsonl",)}, None),
        ({"sources": ("other*",)}, "source"),
        ({"since": MOMENT}, None),
        ({"until": MOMENT}, "time"),
        ({"units": ("qa",)}, None),
        ({"units": ("creative",)}, "unit"),
        ({"min_score": 95}, "score"),
        ({"min_distance": 4, "max_distance": 9}, None),
        ({"min_distance": 99}, "distance"),
        ({"adapters": ("a1",)}, None),
        ({"adapters": ("b",)}, "adapter"),
        ({"signals": (SignalTest.parse("rating >= 4"), SignalTest.parse("mark=good"))}, None),
        ({"signals": (SignalTest.parse("thumbs_up"),)}, "signal"),
    ],
)
def test_pairs_are_selected_by_where_they_come_from_and_what_was_made_of_them(tmp_path, selection, reason):
    row = make_row(
        ("Q", "", "raw"), ("Q", "", "coach"), Status.APPROVED, adapter="a1b2", final=InstructionPair("Q", "", "final"),
        annotator="ada", unit="qa", scores=Scores(90, 90),
    )  # fmt: skip
    extra = {"signals": {"rating": 4}, "mark": "good"}
    row = replace(row, provenance=replace(row.provenance, timestamp=MOMENT, extra=extra))
    manifest = _export(tmp_path, [row], selection=Selection(**selection))
    assert manifest.left_out_because == ({} if reason is None else {f"not chosen: {reason}": 1})


def test_a_conversation_is_in_one_split_even_where_its_turns_come_from_several_sessions(tmp_path):
    begun = make_row(record=7).provenance
    rows = [
        replace(make_row((f"Q{n}", "", "A"), session=f"s{n}", record=n), beginning=begun if n < 50 else None)
        for n in range(200)
    ]
    options = {"format": ExportFormat.JSONL, "test_share": 0.3, "validation_share": 0.3}
    splits = {}
    for seed in ("", "other"):
        manifest = _export(tmp_path, rows, split_seed=seed, **options)
        assert [file.split for file in manifest.files] == ["train", "validation", "test"]
        assert all(file.rows > 20 for file in manifest.files)
        for file in manifest.files:
            for line in (tmp_path / "set" / file.name).read_text().splitlines():
                splits[seed, json.loads(line)["instruction"]] = file.split
    assert all(len({splits[seed, f"Q{n}"] for n in range(50)}) == 1 for seed in ("", "other"))
    assert any(splits["", f"Q{n}"] != splits["other", f"Q{n}"] for n in range(200))


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        ([{"role": "user", "content": "x"}], "no answer at the end"),
        ([{"role": "bot", "content": "x"}], "unknown role"),
        ([{"role": "user", "content": "x", "weight": 1}], "a key that user messages have not"),
        ([{"role": "user", "content": "x"}, {"role": "assistant", "content": "y", "weight": 0}], "nothing to learn"),
        ([{"role": "user", "content": "x"}, {"role": "assistant", "content": " "}], "blank message"),
        ([{"role": "user", "content": "x"}, {"role": "tool", "content": "1", "tool_call_id": "c"},
          {"role": "assistant", "content": "y"}], "tool result without a call"),
    ],
)  # fmt: skip
def test_rows_that_services_refuse_are_known(messages, problem):
    assert broken_rule({"messages": messages}) == problem
