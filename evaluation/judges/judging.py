"""Pairwise judging: verdicts both ways round, the paper's merging rules, win rates, and how far a judge can be trusted.

It knows no judge: `evaluation/judges/servers/openai.py` and `evaluation/judges/local.py` are two.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

import numpy as np

from coachlm.intervals import Interval, percentile_interval, wilson_interval
from coachlm.pairs import InstructionPair

RESAMPLES = 10_000


class Verdict(StrEnum):
    """Of the candidate's response against the reference's."""

    WIN = "win"
    TIE = "tie"
    LOSE = "lose"

    def reversed(self) -> "Verdict":
        """The same judgement seen from the other response."""
        return {Verdict.WIN: Verdict.LOSE, Verdict.TIE: Verdict.TIE, Verdict.LOSE: Verdict.WIN}[self]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two responses to one request; judges see the candidate first."""

    instruction: str
    input: str
    candidate: str
    reference: str

    def swapped(self) -> "Comparison":
        return Comparison(self.instruction, self.input, self.reference, self.candidate)

    @property
    def sides(self) -> tuple[InstructionPair, InstructionPair]:
        """Candidate and reference as pairs."""
        return (
            InstructionPair(self.instruction, self.input, self.candidate),
            InstructionPair(self.instruction, self.input, self.reference),
        )


class Judge(Protocol):
    """Says which of two responses is better, in the order of the comparisons; None where it gave no usable answer."""

    @property
    def name(self) -> str: ...

    async def verdicts(self, comparisons: Sequence[Comparison]) -> list[Verdict | None]:
        """One bad answer is a None, never an exception."""
        ...


@runtime_checkable
class CountingJudge(Judge, Protocol):
    """A judge that can fail, and says why it did."""

    @property
    def failures(self) -> Mapping[str, int]:
        """Reason → answers without a verdict, over all calls."""
        ...


@dataclass(frozen=True, slots=True)
class Judgement:
    """One comparison judged both ways round, each verdict the candidate's."""

    shown_first: Verdict | None
    shown_second: Verdict | None

    @property
    def merged(self) -> Verdict | None:
        """None, when either rating failed."""
        if self.shown_first is None or self.shown_second is None:
            return None
        return merge(self.shown_first, self.shown_second)


def merge(one: Verdict, other: Verdict) -> Verdict:
    """Win and lose make a tie; a tie gives way to the other verdict. Source: paper §III-A1, after AlpaGasus."""
    if one is other:
        return one
    decided = {one, other} - {Verdict.TIE}
    return decided.pop() if len(decided) == 1 else Verdict.TIE


async def judge_both_ways(judge: Judge, comparisons: Sequence[Comparison]) -> list[Judgement]:
    """In the order of the comparisons."""
    count = len(comparisons)
    found = await judge.verdicts([*comparisons, *(comparison.swapped() for comparison in comparisons)])
    swapped = [verdict and verdict.reversed() for verdict in found[count:]]
    return [Judgement(*both) for both in zip(found[:count], swapped, strict=True)]


@dataclass(frozen=True, slots=True)
class WinRates:
    """Failed comparisons are counted and in no rate; a rate over nothing is None. Source of the rates: paper §III-C."""

    wins: int
    ties: int
    losses: int
    failed: int
    wr1: Interval | None  # a tie is half a win
    wr2: Interval | None  # without ties
    qs: Interval | None  # reaches the reference's level: wins and ties


def win_rates(verdicts: Sequence[Verdict | None], seed: int = 0) -> WinRates:
    """Shares have Wilson's interval; WR1, where ties count half, that of resampled comparisons unless all are alike."""
    counts = Counter(verdicts)
    tallied = np.array([counts[verdict] for verdict in (Verdict.WIN, Verdict.TIE, Verdict.LOSE)])
    wins, ties, losses = tallied.tolist()
    return WinRates(
        wins=wins,
        ties=ties,
        losses=losses,
        failed=counts[None],
        wr1=_ratio(tallied, (1, 0.5, 0), (1, 1, 1), seed),
        wr2=_ratio(tallied, (1, 0, 0), (1, 0, 1), seed),
        qs=_ratio(tallied, (1, 1, 0), (1, 1, 1), seed),
    )


def _ratio(tallied: np.ndarray, over: Sequence[float], under: Sequence[float], seed: int) -> Interval | None:
    """A weighted count over another. Drawing counts multinomially is drawing the single verdicts with replacement."""
    total, below = int(tallied.sum()), int(tallied @ np.array(under))
    if not below:
        return None
    if set(over) <= {0, 1} or tallied.max() == total:
        return wilson_interval(float(tallied @ np.array(over)) / below, below)
    drawn = np.random.default_rng(seed).multinomial(total, tallied / total, RESAMPLES)
    rates = drawn @ np.array(over) / (drawn @ np.array(under))
    return percentile_interval(float(tallied @ np.array(over)) / below, rates)


@dataclass(frozen=True, slots=True)
class PositionBias:
    """How a judge's verdicts depend on what is shown first; over comparisons of which both ratings worked."""

    comparisons: int
    consistent: int  # the same verdict for the candidate both ways round
    first_favoured: int  # it fared better where it was shown first
    second_favoured: int
    first_share: Interval | None  # of the inconsistent ones, those that favoured the first place; 0.5 is no bias


def position_bias(judgements: Sequence[Judgement], seed: int = 0) -> PositionBias:
    shifts = Counter(
        np.sign(_POINTS[judgement.shown_first] - _POINTS[judgement.shown_second])
        for judgement in judgements
        if judgement.shown_first is not None and judgement.shown_second is not None
    )
    consistent, first, second = shifts[0], shifts[1], shifts[-1]
    share = _ratio(np.array([first, second]), (1, 0), (1, 1), seed)
    return PositionBias(shifts.total(), consistent, first, second, share)


_POINTS = {Verdict.WIN: 1, Verdict.TIE: 0, Verdict.LOSE: -1}


@dataclass(frozen=True, slots=True)
class LengthBias:
    """How often the response with more words won, over decided comparisons of unequal length.

    A high share alone is no fault, for longer answers can be better: compare it with people's on the same responses.
    """

    decided: int
    longer_won: int
    longer_share: Interval | None


def length_bias(comparisons: Sequence[Comparison], verdicts: Sequence[Verdict | None], seed: int = 0) -> LengthBias:
    longer = shorter = 0
    for comparison, verdict in zip(comparisons, verdicts, strict=True):
        difference = len(comparison.candidate.split()) - len(comparison.reference.split())
        if verdict in (None, Verdict.TIE) or not difference:
            continue
        if (verdict is Verdict.WIN) == (difference > 0):
            longer += 1
        else:
            shorter += 1
    share = _ratio(np.array([longer, shorter]), (1, 0), (1, 1), seed)
    return LengthBias(longer + shorter, longer, share)
