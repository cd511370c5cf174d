"""Several judges as a panel: majority, Cohen's κ, Krippendorff's α."""

import pytest

from evaluation.judges.judging import Judgement, Verdict
from evaluation.judges.panel import cohen_kappa, panel
from evaluation.judges.run import Judged

W, T, L = Verdict.WIN, Verdict.TIE, Verdict.LOSE


def judged(*verdicts: Verdict | None) -> Judged:
    return Judged([Judgement(each, each) for each in verdicts], {})


def test_the_majority_decides_and_nobody_else():
    found = panel({"a": judged(W, W, L, T), "b": judged(W, L, L, None), "c": judged(L, T, L, W)})
    assert found is not None
    assert (found.rates.wins, found.rates.ties, found.rates.losses, found.rates.failed) == (1, 0, 1, 2)


def test_agreement_beyond_chance():
    # A table of Cohen's: both win 20, both lose 15, 5 and 10 otherwise; κ = 0.4.
    one, other = [W] * 25 + [L] * 25, [W] * 20 + [L] * 5 + [W] * 10 + [L] * 15
    assert cohen_kappa(one, other) == pytest.approx(0.4)
    assert cohen_kappa([W, W], [W, W]) is None
    assert cohen_kappa([None], [W]) is None
    agreeing = panel({"a": judged(W, L, T), "b": judged(W, L, T)})
    assert agreeing is not None
    assert (agreeing.alpha, agreeing.kappa) == (pytest.approx(1), {"a and b": pytest.approx(1)})


def test_one_judge_is_no_panel():
    assert panel({"a": judged(W)}) is None
