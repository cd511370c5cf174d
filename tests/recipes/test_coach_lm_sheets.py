"""Sheets hide which response is the candidate, and labels find their way back to it."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from coachlm.acceptance.labels import Label, read_labels
from coachlm.pairs import InstructionPair
from recipes.coach_lm import labels as labels_command
from recipes.coach_lm import sheets as sheets_command
from recipes.coach_lm.labels import labelled, summary
from recipes.coach_lm.pairs import drawn, read_pairs
from recipes.coach_lm.sheets import sheets

RAW = {"instruction": "Name a river.", "input": "", "output": "A river is the Rhine."}


def row(pair: int, candidate: str, outcome: str = "revised", instruction: str = "Name a river.") -> dict[str, Any]:
    revised = {"instruction": instruction, "input": "", "output": f"{candidate} {pair}"}
    return {
        "pair": f"p{pair}",
        "candidate": f"{candidate}{pair}",
        "origin": "greedy" if candidate == "x" else "rules",
        "outcome": outcome,
        "reason": None,
        "raw": RAW,
        "revised": revised,
    }


ROWS = [row(pair, candidate) for pair in range(100) for candidate in "xyz"]


def test_the_order_tells_nothing_and_every_text_is_there() -> None:
    sheet, key = sheets(ROWS, seed=0, most=3)
    assert len(sheet) == 300
    assert [seen["id"] for seen in sheet] == [each["id"] for each in key]
    assert len({seen["id"] for seen in sheet}) == 300
    sides = Counter(each["side"] for each in key)
    assert 100 < sides["A"] < 200
    for seen, each in zip(sheet, key, strict=True):
        assert set(seen) == {"id", "instruction", "input", "A", "B"}, "nothing else may be seen"
        assert seen[each["side"]] == each["revised"]["output"]
        assert seen["BA"["AB".index(each["side"])]] == RAW["output"]
    apart = sum(one["pair"] == other["pair"] for one, other in pairwise(key))
    assert apart < 20, "the candidates of a pair don't stand together"


def test_only_revisions_are_read_each_text_once_and_so_many_a_pair() -> None:
    rows = [row(1, "x"), row(1, "x"), row(1, "y", "fallback_invalid"), row(2, "x"), row(2, "y"), row(2, "z")]
    assert Counter(each["pair"] for each in sheets(rows, 0, 2)[1]) == {"p1": 1, "p2": 2}


def test_a_changed_request_is_shown_on_both_sides() -> None:
    (seen,), (key,) = sheets([row(1, "x", instruction="Name a long river.")], 0, 1)
    other = "BA"["AB".index(key["side"])]
    assert seen[f"{key['side']}_asks"] == "Name a long river."
    assert seen[f"{other}_asks"] == "Name a river."


def test_answers_become_labels_of_candidates() -> None:
    _, key_rows = sheets(ROWS, 0, 3)
    key = {each["id"]: each for each in key_rows}
    answers = [
        {"id": each["id"], "label": "same" if each["candidate"][0] == "z" else each["side"], "reader": reader}
        for each in key_rows
        for reader in ("one", "two")
    ]
    answers[1]["label"] = "same" if answers[0]["label"] != "same" else "A"
    labels = labelled(key, answers)
    assert Counter(each.label for each in labels if each.reader == "one") == {Label.BETTER: 200, Label.SAME: 100}
    found = summary(key, labels)
    assert found["candidates"] == 300
    assert found["by_origin"]["greedy"]["better"] == 100
    assert found["agreement"] == pytest.approx(299 / 300, abs=1e-3)
    with pytest.raises(ValueError, match="no row"):
        labelled(key, [{"id": "unknown", "label": "A", "reader": "one"}])
    with pytest.raises(ValueError, match="is A, B or same"):
        labelled(key, [{"id": key_rows[0]["id"], "label": "better", "reader": "one"}])


def test_pairs_are_read_in_all_three_forms(tmp_path: Path) -> None:
    own = {"id": "a-1", "raw": RAW, "revised": {**RAW, "output": "The Rhine."}}
    later = {**own, "id": "a-2", "earlier": [{"role": "user", "content": "Hi"}]}
    papers = {f"{side} {name}": "text" for side in ("Raw", "Revised") for name in ("Instruction", "Input", "Response")}
    path = tmp_path / "some.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in (own, later, papers, {**RAW, "input": "of Europe"})))
    found = list(read_pairs([path]))
    assert [each.name for each in found] == ["a-1", "some-2", "some-3"]
    assert found[0].final == InstructionPair("Name a river.", "", "The Rhine.")
    assert [each.final is None for each in found] == [False, False, True]
    assert {each.name for each in drawn(found, None, 0)} <= {"a-1", "some-2", "some-3"}
    assert len(drawn(found, None, 0)) == 2, "one an instruction"
    assert drawn(found, 1, 0) == drawn(found, None, 0)[:1]


@pytest.mark.slow
def test_the_command_goes_on_where_it_stopped(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from tests.reviser.reciting import WORDS, raw_pair, save_reciting_model, save_word_adapter

    base = save_reciting_model(tmp_path / "base")
    adapter = save_word_adapter(base, tmp_path / "adapter", WORDS[0])
    pairs, output = tmp_path / "pairs.jsonl", tmp_path / "out"
    lines = [
        json.dumps(raw_pair(number).as_dict() | {"instruction": f"Name a river of {number} lands."})
        for number in range(3)
    ]
    command = [str(pairs), "--output", str(output), "--base", str(base), "--adapter", str(adapter)]
    command += ["--samples", "1", "--float32", "--max-new-tokens", "256"]
    for count in (2, 3):
        pairs.write_text("\n".join(lines[:count]))
        sheets_command.main(command)
    made = [json.loads(line) for line in (output / "candidates.jsonl").read_text().splitlines()]
    assert Counter(each["origin"] for each in made) == dict.fromkeys(
        ("greedy", "prefilled", "prefilled_sampled", "copy_edited", "rules"), 3
    )
    sheet = [json.loads(line) for line in (output / "sheet.jsonl").read_text().splitlines()]
    key = {each["id"]: each for each in map(json.loads, (output / "key.jsonl").read_text().splitlines())}
    assert sheet
    assert {each["id"] for each in sheet} == set(key)
    answers = tmp_path / "answers.jsonl"
    answers.write_text(json.dumps({"id": sheet[0]["id"], "label": "A", "reader": "r"}))
    labels = tmp_path / "labels.jsonl"
    labels_command.main([str(output / "key.jsonl"), str(answers), "--output", str(labels)])
    (label,) = read_labels(labels)
    assert label.label is (Label.BETTER if key[sheet[0]["id"]]["side"] == "A" else Label.WORSE)
