"""Expert revisions find the pair that they revise, or are refused: a raw pair never stays beside its revision."""

import gzip
import json
from pathlib import Path

import pytest

from coachlm.errors import InputError
from coachlm.pairs import InstructionPair
from evaluation.students.merging import merged

RIVER = InstructionPair("Name a river in Europe that is long.", "", "The Danube is a long river in Europe.")
BREAD = InstructionPair("How is bread made?", "", "Mix flour, water, salt and yeast; let it rise; bake it.")
BETTER = InstructionPair("Name a long river in Europe.", "", "The Volga is the longest river in Europe.")


def run(
    pairs: list[InstructionPair], raw: InstructionPair, limit: int = 0
) -> tuple[list[InstructionPair], dict[str, int]]:
    counts: dict[str, int] = {}
    return list(merged(pairs, limit, {raw.id: (raw, BETTER)}, counts)), counts


def test_the_raw_pair_by_its_content() -> None:
    found, counts = run([RIVER, BREAD, RIVER], RIVER)
    assert found == [BETTER, BREAD, BETTER]
    assert counts == {"by_experts": 2, "by_experts_added": 0}


def test_a_raw_pair_that_is_written_otherwise_is_found_by_edit_distance() -> None:
    other = InstructionPair("Name a river", "in Europe that is long", "The Danube is a long river in europe")
    found, counts = run([BREAD, RIVER], other)
    assert found == [BREAD, BETTER]
    assert (counts["by_experts"], counts["by_experts_matched_by_distance"], counts["by_experts_added"]) == (1, 1, 0)


def test_a_raw_pair_beyond_the_limit_leaves_its_revision_at_the_end() -> None:
    found, counts = run([BREAD, RIVER], RIVER, limit=1)
    assert found == [BREAD, BETTER]
    assert counts["by_experts_added"] == 1


@pytest.mark.parametrize(
    "pairs",
    [[BREAD], [InstructionPair(f"Name a river in Europe that is long{end}", "", RIVER.response) for end in "!?"]],
    ids=["none is alike", "two are alike"],
)
def test_a_revision_of_no_pair_of_the_data_is_refused(pairs: list[InstructionPair]) -> None:
    with pytest.raises(InputError, match=r"revises no pair of the data.*give the data that was revised"):
        run(pairs, RIVER)


def test_the_papers_revisions_find_their_pair(data_dir: Path) -> None:
    with gzip.open(data_dir / "alpaca/alpaca_52k.jsonl.gz") as file:
        pairs = [InstructionPair(row["instruction"], row["input"], row["output"]) for row in map(json.loads, file)]
    rows = map(json.loads, (data_dir / "coachlm/expert_revisions.jsonl").read_text("utf-8").splitlines())
    sides = [
        [InstructionPair(*(row[f"{side} {text}"] for text in ("Instruction", "Input", "Response"))) for side in SIDES]
        for row in rows
    ]
    known = {pair.id for pair in pairs}
    odd = [raw.id for raw, _ in sides if raw.id not in known][:5]  # written otherwise than in Alpaca
    counts: dict[str, int] = {}
    chosen = {raw.id: (raw, after) for raw, after in sides if raw.id in known or raw.id in odd}
    assert len(list(merged(pairs, 0, chosen, counts))) == len(pairs)
    assert (counts["by_experts"], counts["by_experts_matched_by_distance"]) == (len(chosen), 5)


SIDES = ("Raw", "Revised")
