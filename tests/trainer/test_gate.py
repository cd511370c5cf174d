"""The gate lets better coaches pass and refuses those that a poisoned set of post-edits makes."""

from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.errors import TrainingError
from coachlm.pairs import InstructionPair
from coachlm.revision import Field, Flag, FlagKind, Outcome, Revision
from coachlm.settings import Settings, load_settings
from reviser.pairs.finish import Finisher
from trainer.gate import BASE, Coached, GateReport, HeldOutPair, Margins, judge_candidate
from trainer.plan.revisions import read_revisions

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
    assert (left.name, left.candidate) == ("words_left", 0)
    assert left.is_better
    assert "words left to touch" in report.reason


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
    assert [figure.name for figure in report.figures][:1] == ["words_left"]
    assert "words_left_raw" in {figure.name for figure in report.figures}
    less = judge_candidate(PAIRS, coach(harm, 0.5), harmful, against=BASE)
    assert not less.passed
    assert "worse on words_left_raw" in less.reason
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


def flagged(kind: FlagKind, text: str, answer=perfect) -> Coached:
    flag = Flag(kind, Field.RESPONSE, 0, len(text), text)
    return Coached([replace(revision, flags=(flag,)) for revision in coach(answer).revisions])


@pytest.mark.parametrize(
    ("kind", "made_up", "of_the_people"),
    [
        (FlagKind.ADDED_NUMBER, "1,234", "twenty"),
        (FlagKind.ADDED_NAME, "Ada Stone", "northern"),
        (FlagKind.ADDED_DATE, "May 1900", "six"),
        (FlagKind.ADDED_CODE, "`x = 1`", "`first ferry`"),
    ],
)
def test_facts_count_as_added_where_people_did_not_write_them(kind: FlagKind, made_up: str, of_the_people: str):
    report = judge_candidate(PAIRS, flagged(kind, made_up), coach(perfect, 0.3))
    assert not report.passed
    assert "flagged_share" in report.reason
    assert judge_candidate(PAIRS, flagged(kind, of_the_people), coach(perfect, 0.3)).passed


def test_long_answers_count_where_people_wrote_none():
    report = judge_candidate(PAIRS, flagged(FlagKind.OVER_EXPANSION, "x"), coach(perfect, 0.3))
    assert report.passed  # they are the people's own

    def longer(pair: HeldOutPair) -> str:
        return f"{pair.final.response} {pair.raw.instruction * 4}"

    report = judge_candidate(PAIRS, flagged(FlagKind.OVER_EXPANSION, "x", longer), coach(perfect, 0.3))
    assert not report.passed
    assert "over_expanded_share" in {figure.name for figure in report.figures if not figure.holds}


def test_likelihood_of_the_peoples_text_must_not_fall():
    """And where it rises, the words left may be as many as before, if they are others."""
    candidate, reference = coach(perfect), coach(perfect, 0.3)
    for worse, passed in ((0.5, False), (-0.5, True), (float("nan"), False)):
        report = judge_candidate(
            PAIRS, replace(candidate, nll=[1.0 + worse] * len(PAIRS)), replace(reference, nll=[1.0] * len(PAIRS))
        )
        assert report.passed is passed


def elaborated(pair: HeldOutPair) -> str:
    """Says more in other words than people: neither closer to their text nor farther away."""
    return pair.raw.response.replace("twenty minutes later from", "a while afterwards at")


def test_an_elaboration_may_win_by_likelihood_and_nothing_else_may():
    base = [1.4] * len(PAIRS)
    likelier = Coached(coach(elaborated).revisions, [1.1] * len(PAIRS), base)
    margins = Margins(words=5.0)
    assert judge_candidate(PAIRS, likelier, None, margins=margins).passed
    assert not judge_candidate(PAIRS, replace(likelier, nll=base), None, margins=margins).passed
    refused = judge_candidate(PAIRS, likelier, None, margins=Margins(words=0.05))
    assert "worse on words_left" in refused.reason
    idle = Coached(coach(lambda pair: pair.raw.response).revisions, [1.1] * len(PAIRS), base)
    assert judge_candidate(PAIRS, idle, None).reason.startswith("not better")  # it writes nothing new


def test_margins_are_settings(monkeypatch: pytest.MonkeyPatch):
    assert Margins.from_settings(Settings()) == Margins()
    for name in (
        "COACHLM_GATE_NLL_MARGIN",
        "COACHLM_GATE_WORDS_MARGIN",
        "COACHLM_GATE_INVALID_MARGIN",
        "COACHLM_GATE_GUARDED_MARGIN",
        "COACHLM_GATE_FLAGGED_MARGIN",
        "COACHLM_GATE_OVER_EXPANDED_MARGIN",
    ):
        monkeypatch.setenv(name, "0.5")
    monkeypatch.setenv("COACHLM_GATE_SMALLEST_SET", "7")
    assert Margins.from_settings(load_settings()) == Margins(0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 7)


def test_the_experts_pass_and_their_texts_in_another_order_do_not(data_dir: Path):
    path = data_dir / "coachlm" / "expert_revisions.jsonl"
    if not path.is_file():
        pytest.skip("coachlm/expert_revisions.jsonl is not in the data folder")
    items = [*islice(read_revisions(path, None, Counter()), 0, None, 8)]
    pairs = [HeldOutPair(item.raw, item.revised) for item in items]

    def judged(texts: list[InstructionPair]) -> GateReport:
        finisher = Finisher("test")
        made = [finisher.from_pair(pair.raw, text) for pair, text in zip(pairs, texts, strict=True)]
        return judge_candidate(pairs, Coached(made), None)

    experts = [pair.final for pair in pairs]
    assert judged(experts).passed
    assert judged([pair.raw for pair in pairs]).reason.startswith("not better")
    shuffled = judged([*experts[1:], experts[0]])
    assert not shuffled.passed
    assert {"words_left", "flagged_share"} <= {figure.name for figure in shuffled.figures if not figure.holds}


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


@pytest.mark.slow
@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 9))
def test_of_two_coaches_at_most_one_passes_against_the_other(one: float, other: float, seed: int):
    left, right = coach(perfect, one), coach(perfect, other)
    margins = Margins(flagged=1, guarded=1, invalid=1, over_expanded=1)
    forth = judge_candidate(PAIRS, left, right, margins=margins, seed=seed)
    back = judge_candidate(PAIRS, right, left, margins=margins, seed=seed)
    assert not (forth.passed and back.passed)
    assert judge_candidate(PAIRS, left, right, margins=margins, seed=seed) == forth
