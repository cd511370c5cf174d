"""The recipe of the bundled coach: same batches whenever asked, resumed to the same weights, limits within bounds."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein

from coachlm.coaching.lessons import UNKNOWN
from coachlm.pairs import InstructionPair
from recipes.coach.adapter import damaged
from recipes.coach.corpora import Part, part_of
from recipes.coach.corruption import Damage
from recipes.coach.make import shortcomings
from reviser.coach.bundle import read_bundle
from reviser.coach.tagger import EditKind
from reviser.coach.teaching.calibration import Worth, changed, tune
from tests.reviser.coach_texts import CLEAN

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

GOOD = {
    "edit_distance_reduction": 0.6,
    "base_edit_distance_reduction": 0.58,
    "base_mixed_edit_distance_reduction": 0.48,
    "base_exact_copy_share": 1.0,
    "base_clean_changed_share": 0.02,
    "base_clean_changed_share_others": 0.003,
    "base_invalid_share": 0.0,
    "rules_edit_distance_reduction": 0.5,
    "mixed_edit_distance_reduction": 0.5,
    "rules_mixed_edit_distance_reduction": 0.4,
    "clean_changed_share": 0.02,
    "rules_clean_changed_share": 0.05,
    "clean_changed_share_others": 0.003,
    "rules_clean_changed_share_others": 0.007,
    "exact_copy_share": 1.0,
    "rules_exact_copy_share": 1.0,
    "invalid_share": 0.0,
    "rules_invalid_share": 0.0,
}


@pytest.mark.slow
def test_batches_are_the_same_whenever_asked_and_resuming_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recipes.coach import model, train
    from recipes.coach.batches import BatchMaker, pieces

    monkeypatch.setattr(train, "SAVE_EVERY", 2)
    monkeypatch.setattr(model, "HIDDEN", 32)
    monkeypatch.setattr(model, "LAYERS", 1)
    lexicon = read_bundle().lexicon
    maker = BatchMaker(pieces([CLEAN] * 3), lexicon, Damage(lexicon, {"thier": "their"}))
    once, again = maker.make(7), maker.make(7)
    assert np.array_equal(once.ids, again.ids)
    assert np.array_equal(once.word, again.word)
    assert (once.word > 0).any()
    assert (once.word == UNKNOWN).any()

    def weights(work: Path, *stops: int) -> dict[str, Any]:
        work.mkdir()
        for steps in stops:
            torch.manual_seed(0)
            train.run(model.new_model(len(lexicon)), maker, [once], work, last=steps, steps=4)
        return torch.load(work / "checkpoint.pt", weights_only=True)["model"]

    straight, resumed = weights(tmp_path / "straight", 4), weights(tmp_path / "resumed", 2, 4)
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)
    assert len((tmp_path / "resumed" / "losses.jsonl").read_text().splitlines()) == 2


@pytest.mark.slow
def test_pairs_for_the_adapter_are_the_same_whenever_made_and_none_is_kept_back() -> None:
    from trainer.tuning.tagger import is_for_limits

    makes = Damage(read_bundle().lexicon, {"there": "their"})
    pairs = [InstructionPair(f"{CLEAN} {n}", "", CLEAN) for n in range(60)]
    pairs = [pair for pair in pairs if not is_for_limits(pair.instruction)]
    made, again = ([damaged(pair, makes, rng) for pair in pairs] for rng in (random.Random(3), random.Random(3)))
    assert made == again
    assert not any(is_for_limits(raw.instruction) for raw in made)
    assert 0 < sum(raw.instruction != pair.instruction for raw, pair in zip(made, pairs, strict=True)) < len(pairs) / 2
    distances = sorted(Levenshtein.distance(raw.response, CLEAN) for raw in made)
    assert distances[3] <= 6  # a word
    assert distances[-3] >= 10  # and many


def test_limits_keep_the_allowance_and_take_what_is_worth_most() -> None:
    damaged = [Worth(text, EditKind.TYPO, 0.95, 2) for text in range(100)]
    damaged += [Worth(text, EditKind.DELETE, 0.95, -5) for text in range(100)]
    clean = [Worth(text, EditKind.TYPO, 0.6, -2) for text in range(30)]
    limits = tune(damaged, clean, pairs=1000, allowance=0.01)
    assert 0.6 < limits.first[EditKind.TYPO] <= 0.95
    assert limits.first[EditKind.DELETE] > 0.95
    assert changed(clean, limits.first) == 0
    assert limits.further[EditKind.TYPO] <= limits.first[EditKind.TYPO]
    assert limits.further[EditKind.DELETE] > 0.95


@pytest.mark.parametrize(
    ("worse", "says"),
    [
        ({"edit_distance_reduction": 0.29}, "reduction below 30 %"),
        ({"edit_distance_reduction": 0.49}, "rules better at edit_distance_reduction"),
        ({"mixed_edit_distance_reduction": 0.3}, "rules better at mixed_edit_distance_reduction"),
        ({"clean_changed_share": 0.031}, "more than 3 % of clean pairs changed"),
        ({"rules_clean_changed_share": 0.01}, "rules better at clean_changed_share"),
        ({"edit_distance_reduction": 0.57}, "base better at edit_distance_reduction"),
        ({"clean_changed_share_others": 0.005}, "base better at clean_changed_share_others"),
        ({"exact_copy_share": 0.99}, "facts lost"),
        ({"invalid_share": 0.03}, "invalid outputs"),
    ],
)
def test_a_coach_that_misses_the_bar_is_not_bundled(worse: dict[str, float], says: str) -> None:
    assert shortcomings(GOOD) == []
    assert says in shortcomings({**GOOD, **worse})


def test_parts_are_by_document() -> None:
    assert part_of("What is a  mill?") == part_of("what is a mill?\n")
    parts = [part_of(f"document {number}") for number in range(1000)]
    assert parts.count(Part.TRAIN) > 700
    assert min(parts.count(Part.TUNE), parts.count(Part.TEST)) > 50
