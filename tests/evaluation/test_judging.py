"""Merging of two ratings, win rates, bias reports and agreement with people, on cases counted by hand."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.judges.agreement import agreement, majority
from evaluation.judges.judging import (
    Comparison,
    Judgement,
    Verdict,
    judge_both_ways,
    length_bias,
    merge,
    position_bias,
    win_rates,
)
from evaluation.judges.pandalm import PUBLISHED, labelled_comparisons
from evaluation.judges.report import judge_reports, shared_judgements
from evaluation.ratings.summary import summarise_ratings

WIN, TIE, LOSE = Verdict.WIN, Verdict.TIE, Verdict.LOSE
VERDICTS = st.sampled_from(Verdict)


@pytest.mark.parametrize(
    ("one", "other", "merged"),
    [
        (WIN, WIN, WIN),
        (WIN, TIE, WIN),
        (WIN, LOSE, TIE),
        (TIE, WIN, WIN),
        (TIE, TIE, TIE),
        (TIE, LOSE, LOSE),
        (LOSE, WIN, TIE),
        (LOSE, TIE, LOSE),
        (LOSE, LOSE, LOSE),
    ],
)
def test_two_ratings_merge_by_the_papers_rules(one: Verdict, other: Verdict, merged: Verdict):
    assert merge(one, other) is merged


@given(VERDICTS, VERDICTS)
def test_merging_does_not_depend_on_order_or_side(one: Verdict, other: Verdict):
    assert merge(one, other) is merge(other, one)
    assert merge(one.reversed(), other.reversed()) is merge(one, other).reversed()


class FirstIsBetter:
    """Prefers what it sees first, but for one word that always wins and one that it can't judge."""

    name = "first"

    async def verdicts(self, comparisons: Sequence[Comparison]) -> list[Verdict | None]:
        return [self._verdict(comparison.candidate, comparison.reference) for comparison in comparisons]

    def _verdict(self, first: str, second: str) -> Verdict | None:
        if first == "mystery":
            return None
        return LOSE if second == "best" else WIN


def test_both_ways_gives_the_candidates_verdicts():
    comparisons = [Comparison("q", "", candidate, "b") for candidate in ("a", "best", "mystery")]
    found = asyncio.run(judge_both_ways(FirstIsBetter(), comparisons))
    assert found == [Judgement(WIN, LOSE), Judgement(WIN, WIN), Judgement(None, LOSE)]
    assert [each.merged for each in found] == [TIE, WIN, None]


def test_win_rates_of_a_case_counted_by_hand():
    rates = win_rates([WIN] * 6 + [TIE] * 4 + [LOSE] * 10 + [None] * 3)
    assert (rates.wins, rates.ties, rates.losses, rates.failed) == (6, 4, 10, 3)
    assert rates.wr1 is not None
    assert rates.wr2 is not None
    assert rates.qs is not None
    assert rates.wr1.value == pytest.approx(8 / 20)
    assert rates.wr2.value == pytest.approx(6 / 16)
    assert rates.qs.value == pytest.approx(10 / 20)
    for interval in (rates.wr1, rates.wr2, rates.qs):
        assert interval.low < interval.value < interval.high


def test_intervals_are_seeded_and_as_wide_as_the_binomial_says():
    verdicts = [WIN] * 60 + [LOSE] * 40
    one, again, other = (win_rates(verdicts, seed).wr2 for seed in (1, 1, 2))
    assert one == again
    assert one is not None
    assert other is not None
    assert other.low == pytest.approx(one.low, abs=0.02)
    assert one.low == pytest.approx(0.6 - 1.96 * 0.049, abs=0.015)
    assert one.high == pytest.approx(0.6 + 1.96 * 0.049, abs=0.015)


def test_rates_over_nothing_are_none():
    assert win_rates([]).wr1 is None
    ties = win_rates([TIE, TIE])
    assert ties.wr2 is None
    assert ties.qs is not None
    assert ties.qs.value == 1
    assert win_rates([None]).failed == 1


@settings(deadline=None, max_examples=50)
@given(st.lists(st.one_of(st.none(), VERDICTS), max_size=30))
def test_rates_lie_within_their_intervals_or_are_none(verdicts: list[Verdict | None]):
    rates = win_rates(verdicts)
    assert rates.wins + rates.ties + rates.losses + rates.failed == len(verdicts)
    for interval in (rates.wr1, rates.wr2, rates.qs):
        assert interval is None or 0 <= interval.low <= interval.value <= interval.high <= 1


def test_position_bias_counts_shifts_towards_either_place():
    judgements = [
        Judgement(WIN, WIN),
        Judgement(TIE, TIE),
        Judgement(WIN, LOSE),
        Judgement(WIN, TIE),
        Judgement(TIE, LOSE),
        Judgement(LOSE, WIN),
        Judgement(None, WIN),
    ]
    found = position_bias(judgements)
    assert (found.comparisons, found.consistent, found.first_favoured, found.second_favoured) == (6, 2, 3, 1)
    assert found.first_share is not None
    assert found.first_share.value == 0.75


def test_length_bias_leaves_out_ties_failures_and_equal_lengths():
    long, short = "one two three", "one"
    comparisons = [Comparison("q", "", *texts) for texts in ((long, short), (short, long), (long, short), (long, long))]
    found = length_bias(comparisons, [WIN, LOSE, LOSE, WIN])
    assert (found.decided, found.longer_won) == (3, 2)
    assert length_bias(comparisons, [TIE, None, TIE, WIN]).longer_share is None


def test_majority_needs_one_verdict_in_front():
    assert majority([WIN, WIN, TIE]) is WIN
    assert majority([WIN, LOSE, TIE]) is None
    assert majority([WIN, LOSE, LOSE, WIN]) is None
    assert majority([]) is None


def test_agreement_of_a_case_counted_by_hand():
    people = [WIN, WIN, WIN, LOSE, LOSE, TIE, None]
    judged = [WIN, WIN, LOSE, LOSE, None, WIN, WIN]
    found = agreement(judged, people)
    assert (found.comparisons, found.failed) == (6, 1)
    assert found.accuracy == pytest.approx(3 / 6)
    assert found.by_verdict[WIN].precision == pytest.approx(2 / 3)
    assert found.by_verdict[WIN].recall == pytest.approx(2 / 3)
    assert found.by_verdict[LOSE].recall == pytest.approx(1 / 2)
    assert found.precision == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)
    assert found.f1 == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(VERDICTS, VERDICTS), min_size=1, max_size=40))
def test_agreement_equals_the_librarys(pairs: list[tuple[Verdict, Verdict]]):
    metrics = pytest.importorskip("sklearn.metrics")
    people, judged = ([pair[side].value for pair in pairs] for side in (0, 1))
    found = agreement([pair[1] for pair in pairs], [pair[0] for pair in pairs])
    expected = metrics.precision_recall_fscore_support(
        people, judged, labels=[each.value for each in Verdict], average="macro", zero_division=0
    )
    assert (found.precision, found.recall, found.f1) == pytest.approx(expected[:3])
    assert found.accuracy == pytest.approx(metrics.accuracy_score(people, judged))


def test_shared_judges_agree_with_people_as_pandalm_published(data_dir: Path):
    reports = {
        report.judge: report.agreement
        for report in judge_reports(labelled_comparisons(data_dir), shared_judgements(data_dir))
    }
    for name, published in PUBLISHED.items():
        found = reports.get(f"{name}, no verdict as tie") or reports[name]
        figures = (found.accuracy, found.precision, found.recall, found.f1)
        expected = (published.accuracy, published.precision, published.recall, published.f1)
        assert figures == pytest.approx(expected, abs=5e-5), name
    assert reports["gpt35"].failed == 25


def test_ratings_are_summed_up():
    found = summarise_ratings([0, 2.4, 4.5, 4.6, 5])
    assert (found.count, found.accurate) == (5, 3)  # 4.5 included
    assert found.mean == pytest.approx(3.3)
    assert {edge: count for edge, count in found.histogram.items() if count} == {0: 1, 2: 1, 4.5: 2, 5: 1}
    assert summarise_ratings([]).share_accurate == 0
