"""The gate lets better coaches pass and refuses those that a poisoned set of post-edits makes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.errors import TrainingError
from coachlm.pairs import InstructionPair
from coachlm.revision import Field, Flag, FlagKind, Outcome, Revision
from trainer.gate import BASE, Coached, GateReport, HeldOutPair, Margins, judge_candidate

CLEAN = "The harbour opens at six, and the first ferry leaves twenty minutes later from the northern pier."


def damaged(number: int) -> str:
    words = CLEAN.split()
    words[number % len(words)] = "teh"
    return " ".join([*words, str(number)])


PAIRS = [
    HeldOutPair(
        InstructionPair(f"Tell me when ferry {number} leaves.", "", damaged(number)),
        InstructionPair(f"Tell me when ferry {number} leaves.", "", f"{CLEAN} {number}"),
    )
    for number in range(200)
]


def coach(answer, share: float = 1.0, outcome: Outcome = Outcome.REVISED) -> Coached:
    """Answers the first share of the pairs with `answer(pair)` and copies the others."""
    revisions = []
    for place, pair in enumerate(PAIRS):
        if place < share * len(PAIRS):
            text = answer(pair)
            revisions.append(Revision(pair.raw.id, replace(pair.raw, response=text), outcome, "test"))
        else:
            revisions.append(Revision(pair.raw.id, pair.raw, Outcome.UNCHANGED, "test"))
    return Coached(revisions)


def perfect(pair: HeldOutPair) -> str:
    return pair.final.response


def test_a_coach_that_leaves_less_to_edit_passes_against_raw_pairs():
    report = judge_candidate(PAIRS, coach(perfect), None)
    assert report.passed
    assert report.against == "raw"
    left = report.figures[0]
    assert (left.name, left.candidate) == ("edit_distance_left", 0)
    assert left.high < 0
    assert "100%" in report.reason


def test_a_better_one_replaces_the_one_in_force_and_never_the_other_way_round():
    better, worse = coach(perfect, 0.9), coach(perfect, 0.5)
    assert judge_candidate(PAIRS, better, worse, against="a").passed
    refused = judge_candidate(PAIRS, worse, better, against="a")
    assert not refused.passed
    assert refused.reason.startswith("not better")


def test_one_that_is_as_good_is_refused():
    assert not judge_candidate(PAIRS, coach(perfect, 0.5), coach(perfect, 0.5)).passed


def test_beside_its_base_a_coach_has_to_beat_the_raw_pairs_too():
    def harm(pair: HeldOutPair) -> str:
        return f"{pair.raw.response} And more of it, of which people want nothing."

    harmful = coach(harm)
    report = judge_candidate(PAIRS, coach(perfect), harmful, against=BASE)
    assert report.passed
    assert [figure.name for figure in report.figures][:1] == ["edit_distance_left"]
    assert "edit_distance_left_raw" in {figure.name for figure in report.figures}
    less = judge_candidate(PAIRS, coach(harm, 0.5), harmful, against=BASE)
    assert not less.passed
    assert "worse on edit_distance_left_raw" in less.reason
    same = judge_candidate(PAIRS, coach(perfect, 0.5), coach(perfect, 0.5), against=BASE)
    assert same.reason.startswith("not better")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda pair: pair.raw.response, id="copies raw"),
        pytest.param(lambda pair: "\x00\x01 ���", id="garbage"),
        pytest.param(lambda pair: pair.final.response[::-1], id="reversed"),
        pytest.param(lambda pair: f"{pair.final.response} " * 9, id="repeats"),
    ],
)
def test_what_a_poisoned_set_teaches_is_refused(answer):
    assert not judge_candidate(PAIRS, coach(answer), coach(perfect, 0.3)).passed
    assert not judge_candidate(PAIRS, coach(answer), None).passed


def test_better_texts_do_not_buy_invalid_outputs():
    good = list(coach(perfect).revisions)
    for place in range(20):
        good[place] = Revision(PAIRS[place].raw.id, PAIRS[place].raw, Outcome.FALLBACK_INVALID, "test")
    report = judge_candidate(PAIRS, Coached(good), coach(perfect, 0.3))
    assert not report.passed
    assert "invalid_share" in report.reason


def test_added_facts_and_long_answers_count():
    def flagged(kind: FlagKind) -> Coached:
        flag = Flag(kind, Field.RESPONSE, 0, 1, "T")
        return Coached([replace(revision, flags=(flag,)) for revision in coach(perfect).revisions])

    for kind, name in ((FlagKind.ADDED_NUMBER, "flagged_share"), (FlagKind.OVER_EXPANSION, "over_expanded_share")):
        report = judge_candidate(PAIRS, flagged(kind), coach(perfect, 0.3))
        assert not report.passed
        assert name in report.reason


def test_likelihood_of_the_peoples_text_must_not_fall():
    candidate, reference = coach(perfect), coach(perfect, 0.3)
    for worse, passed in ((0.5, False), (-0.5, True), (float("nan"), False)):
        report = judge_candidate(
            PAIRS, replace(candidate, nll=[1.0 + worse] * len(PAIRS)), replace(reference, nll=[1.0] * len(PAIRS))
        )
        assert report.passed is passed


def test_too_few_pairs_decide_nothing():
    few = PAIRS[:49]
    report = judge_candidate(few, Coached(coach(perfect).revisions[:49]), None)
    assert report == GateReport(False, report.reason, 49, "raw")
    assert "too few" in report.reason


def test_revisions_of_other_pairs_are_refused():
    with pytest.raises(TrainingError, match="in their order"):
        judge_candidate(PAIRS, Coached(coach(perfect).revisions[::-1]), None)
    with pytest.raises(TrainingError, match="one likelihood"):
        judge_candidate(PAIRS, replace(coach(perfect), nll=[1.0]), None)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 9))
def test_of_two_coaches_at_most_one_passes_against_the_other(one: float, other: float, seed: int):
    left, right = coach(perfect, one), coach(perfect, other)
    margins = Margins(flagged=1, guarded=1, invalid=1, over_expanded=1)
    forth = judge_candidate(PAIRS, left, right, margins=margins, seed=seed)
    back = judge_candidate(PAIRS, right, left, margins=margins, seed=seed)
    assert not (forth.passed and back.passed)
    assert judge_candidate(PAIRS, left, right, margins=margins, seed=seed) == forth
