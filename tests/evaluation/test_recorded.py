"""Judgements recorded by other tools, read as they write them, and revisions and answers as their tools write them."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from coachlm.errors import InputError
from evaluation.judges.judging import Verdict
from evaluation.judges.recorded import read_recorded
from tests.command_line import main

WIN, TIE, LOSE = Verdict.WIN, Verdict.TIE, Verdict.LOSE
TURNS_A = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a long answer"}]
TURNS_B = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "short"}]


def written(folder: Path, *records: dict[str, Any]) -> Path:
    path = folder / "recorded.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


@pytest.mark.parametrize(
    ("record", "verdict"),
    [
        ({"instruction": "q", "output_1": "x", "output_2": "y", "annotator": "gpt4", "preference": 2}, WIN),
        ({"instruction": "q", "output_1": "x", "output_2": "y", "preference": 1.49}, LOSE),
        ({"instruction": "q", "output_1": "x", "output_2": "y", "preference": None}, None),
        ({"question_id": "1", "model": "m", "games": [{"score": "B>>A"}, {"score": "A>B"}]}, WIN),
        ({"question_id": "1", "model": "m", "games": [{"score": "A>B"}, {"score": "A=B"}]}, LOSE),
        ({"question_id": "1", "model": "m", "games": [{"score": "A>B"}, {"score": None}]}, None),
        ({"question_id": 1, "g1_winner": "model_1", "g2_winner": "model_2", "judge": ["gpt-4", "pair-v2"]}, TIE),
        ({"question_id": 1, "winner": "model_b", "conversation_a": TURNS_A, "conversation_b": TURNS_B}, LOSE),
        ({"question_id": 1, "winner": "tie (bothbad)", "conversation_a": TURNS_A, "conversation_b": TURNS_B}, TIE),
        ({"idx": 1, "pandalm_result": 1, "pandalm_reason": ""}, WIN),
        ({"idx": 1, "gpt_result": "2"}, LOSE),
        ({"instruction": "q", "response1": "x", "response2": "y", "annotator1": 1, "annotator2": 1}, WIN),
        ({"review_id": "r", "question_id": 1, "text": "8 9\nAssistant 2 is better."}, LOSE),
        ({"review_id": "r", "question_id": 1, "text": "error"}, None),
    ],
)
def test_each_tool_writes_verdicts_in_its_own_way(tmp_path: Path, record: dict[str, Any], verdict: Verdict | None):
    [found] = read_recorded(written(tmp_path, record))
    assert found.verdict is verdict


def test_other_records_are_refused_with_their_place(tmp_path: Path):
    with pytest.raises(InputError, match=r"record 1.*no recorded judgement"):
        read_recorded(written(tmp_path, {"instruction": "q", "output": "a"}))


def test_the_command_takes_a_file_of_judgements_alone(tmp_path: Path):
    record = {"instruction": "q", "output_1": "x", "output_2": "y y", "annotator": "gpt4"}
    path = written(tmp_path, *({**record, "preference": 1 if n < 3 else 2} for n in range(10)))
    result = CliRunner().invoke(main, ["evaluate", "judge", str(path), "--json"])
    assert result.exit_code == 0, result.output
    [found] = json.loads(result.stdout)["judges"]
    assert (found["judge"], found["rates"]["wins"], found["rates"]["losses"]) == ("gpt4", 7, 3)
    assert found["rates"]["wr2"]["low"] < 0.7 < found["rates"]["wr2"]["high"]
    assert found["length"]["longer_won"] == 7


REVISION = {
    "Raw Instruction": "Name river.",
    "Raw Input": "",
    "Raw Response": "Oder",
    "Revised Instruction": "Name a river.",
    "Revised Input": "",
    "Revised Response": "The Oder is a river.",
}
OWN = {
    "raw": {"instruction": "Name river.", "input": "", "output": "Oder"},
    "revised": {"instruction": "Name a river.", "input": "", "output": "The Oder is a river."},
}


@pytest.mark.parametrize("record", [REVISION, OWN], ids=["the paper's", "ours"])
def test_a_file_of_revisions_is_both_sides(tmp_path: Path, record: dict[str, Any]):
    path = written(tmp_path, record)
    result = CliRunner().invoke(main, ["evaluate", "compare-sets", str(path), "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["statistics"]["all"]["changed"] == 1
    assert (found["before"]["texts"]["response"]["mean"], found["after"]["texts"]["response"]["mean"]) == (1, 5)
    assert len({each["sha256"] for each in found["made_of"]["sets"]}) == 2


@pytest.mark.parametrize(
    "answer",
    [
        {"question_id": 81, "model_id": "m", "choices": [{"index": 0, "turns": ["The Oder.", "Again."]}]},
        {"question_id": 81, "model_id": "m", "answer_id": "a", "text": "The Oder."},
    ],
    ids=["FastChat", "Vicuna"],
)
def test_answers_by_question_are_joined_to_the_questions(tmp_path: Path, answer: dict[str, Any]):
    (tmp_path / "question.jsonl").write_text(
        json.dumps({"question_id": 81, "category": "writing", "turns": ["Name a river.", "Again."]}) + "\n"
    )
    other = tmp_path / "other.jsonl"
    other.write_text(json.dumps({"instruction": "Name a river.", "output": "It is the Elbe."}) + "\n")
    arguments = ["judge", written(tmp_path, answer), other, "--judge", "longer", "--json"]
    without = CliRunner().invoke(main, ["evaluate", *map(str, arguments)])
    assert without.exit_code == 1
    assert "--questions" in without.stdout
    arguments += ["--questions", tmp_path / "question.jsonl"]
    result = CliRunner().invoke(main, ["evaluate", *map(str, arguments)])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["judges"][0]["rates"]["losses"] == 1
