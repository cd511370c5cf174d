"""The local scorer: what it promises of any text, plain cases, and its quality on public data."""

import asyncio
import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coachlm.pairs import InstructionPair
from evaluation.judges.judging import Comparison, Verdict
from evaluation.judges.local import LocalJudge
from evaluation.scorer.scorer import PairScorer
from evaluation.scorer.text_features import LENGTH_MEASURES, measures
from recipes.scorer.corpora import expert_preferences

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=300)  # lone surrogates too
ANY_PAIR = st.builds(InstructionPair, ANY_TEXT, ANY_TEXT, ANY_TEXT)
QUESTION = "How do I keep basil alive on a window sill?"
BARE = InstructionPair(QUESTION, "", "water and sun")
FULL = InstructionPair(
    QUESTION,
    "",
    "Here are a few tips to keep basil alive on a window sill:\n\n"
    "1. Light: give it at least six hours of sun a day.\n\n"
    "2. Water: keep the soil moist, because dry roots make the leaves fall.\n\n"
    "3. Harvest: pinch off the tips, so that the plant grows bushy.",
)


@pytest.fixture(params=[False, True], ids=["full", "length_free"])
def scorer(request: pytest.FixtureRequest) -> PairScorer:
    return PairScorer.load(length_free=request.param)


@settings(deadline=None)
@given(ANY_PAIR, ANY_PAIR)
def test_any_text_gets_probabilities_that_add_up(one: InstructionPair, other: InstructionPair):
    for length_free in (False, True):
        scorer = PairScorer.load(length_free=length_free)
        assert all(0 <= share <= 1 for share in scorer.score([one, other]))
        assert scorer.prefer(one, other) + scorer.prefer(other, one) == pytest.approx(1)
        assert scorer.prefer(one, one) == 0.5


@settings(deadline=None)
@given(ANY_PAIR)
def test_measures_are_finite_and_always_the_same_ones(pair: InstructionPair):
    found = measures(pair)
    assert list(found) == list(measures(BARE))
    assert all(math.isfinite(value) for value in found.values())
    assert set(LENGTH_MEASURES) <= found.keys()


def test_a_full_answer_beats_a_bare_one(scorer: PairScorer):
    assert scorer.prefer(FULL, BARE) > 0.9
    bare, full = scorer.score([BARE, FULL])
    assert bare < 0.5 < full
    assert scorer.score([FULL]) == [full]
    assert scorer.score([]) == []


def test_a_huge_answer_is_scored_by_its_beginning(scorer: PairScorer):
    huge = InstructionPair("Repeat.", "", "word " * 400_000)
    assert 0 <= scorer.score([huge])[0] <= 1


def test_the_local_judge_ties_what_is_close():
    judge = LocalJudge(PairScorer.load())
    comparisons = [
        Comparison(QUESTION, "", FULL.response, BARE.response),
        Comparison(QUESTION, "", BARE.response, FULL.response),
        Comparison(QUESTION, "", FULL.response, FULL.response),
    ]
    assert asyncio.run(judge.verdicts(comparisons)) == [Verdict.WIN, Verdict.LOSE, Verdict.TIE]


def test_no_instruction_is_learnt_and_measured(data_dir: Path):
    parts = expert_preferences(data_dir)
    assert len(parts.train) + len(parts.held_out) <= 2044
    learnt = {side.instruction + side.input for each in parts.train for side in (each.raw, each.revised)}
    measured = {side.instruction + side.input for each in parts.held_out for side in (each.raw, each.revised)}
    assert not learnt & measured
    assert len(parts.valid) > 150
    assert len(parts.unlisted) > 150


def test_held_out_experts_agree(data_dir: Path, scorer: PairScorer):
    held_out = expert_preferences(data_dir).held_out
    right = [scorer.prefer(each.revised, each.raw) > 0.5 for each in held_out]
    assert sum(right) / len(right) >= 0.88
    alike = [found for found, each in zip(right, held_out, strict=True) if each.length_matched()]
    assert sum(alike) / len(alike) >= 0.7


def test_a_request_that_is_measured_is_not_learnt(tmp_path: Path):
    rivers, tides, moon = ("Name a river!", "The Oder"), ("Explain tides", "The moon pulls."), ("NAME a river", "Elbe.")
    records = []
    for request, response in (rivers, tides, moon):
        raw = {"Raw Instruction": request, "Raw Input": "", "Raw Response": response}
        revised = {"Revised Instruction": request, "Revised Input": "", "Revised Response": f"Here it is:\n{response}"}
        records.append(json.dumps(raw | revised))
    (tmp_path / "coachlm").mkdir()
    (tmp_path / "coachlm/expert_revisions.jsonl").write_text("\n".join(records))
    (tmp_path / "quality").mkdir()
    for part, listed in {"train": (rivers, tides), "valid": (moon,)}.items():
        rows = "".join(f'"Instruction: {request} Response: {response}",0\n' for request, response in listed)
        (tmp_path / f"quality/expert_preference_{part}.csv").write_text("src,score\n" + rows)
    parts = expert_preferences(tmp_path)
    assert [each.raw.instruction for each in parts.train] == ["Explain tides"]
    assert [each.raw.instruction for each in parts.valid] == ["NAME a river"]
    assert not parts.unlisted
