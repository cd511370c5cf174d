"""Students against the reference responses and against each other: rates over all seeds, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from coachlm.intervals import Interval, percentile_interval, wilson_interval
from evaluation.judges.judging import Verdict

RESAMPLES = 4_000

Verdicts = Sequence[Sequence[Verdict | None]]
"""Seed → verdict on each instruction of a test set, in its order."""


@dataclass(frozen=True, slots=True)
class StudentRates:
    """A row of Table IX for one test set and judge. Counts are over all seeds; rates over nothing are None.

    `mean`: of WR1, WR2 and QS, which Fig. 5 draws. `gain`: WR1 above the first arm's on the same instructions.
    """

    wins: int
    ties: int
    losses: int
    failed: int
    wr1: Interval | None
    wr2: Interval | None
    qs: Interval | None
    mean: Interval | None
    gain: Interval | None = None


@dataclass(frozen=True, slots=True)
class HumanTrend:
    """Fig. 5 (b): a line through the mean win rates of arms with growing numbers of human samples."""

    rate_per_1k: float
    at_none: float
    r_squared: float
    equals: dict[str, float | None]  # arm without human samples → thousands of samples that reach it; None: never


def student_rates(verdicts: Verdicts, first: Verdicts | None = None, seed: int = 0) -> StudentRates:
    """Instructions and seeds are resampled, both with replacement: the interval holds for other instructions and other
    runs of training of the same kind. With one seed it says nothing of other runs.

    `first`: of the arm that gains are counted from, on the same instructions.
    """
    counts = _counts(verdicts)
    items, runs = _weights(counts.shape[1], counts.shape[2], seed)
    drawn = _drawn(counts, items, runs)
    total = counts.sum(axis=(1, 2))
    wins, ties, losses = (int(each) for each in total)
    rates = {name: _share_interval(of(total), of(drawn), counts.shape[2]) for name, of in _RATES.items()}
    gain = None
    if first is not None:
        other = _counts(first)
        theirs = _drawn(other, items, _weights(other.shape[1], other.shape[2], seed)[1])
        wr1 = _RATES["wr1"]
        gain = _interval(wr1(total) - wr1(other.sum(axis=(1, 2))), wr1(drawn) - wr1(theirs))
    return StudentRates(wins, ties, losses, sum(v is None for run in verdicts for v in run), **rates, gain=gain)


def human_trend(points: Mapping[int, float], others: Mapping[str, float]) -> HumanTrend | None:
    """`points`: human samples → mean win rate; `others`: arms to be reached. None with fewer than two points."""
    if len(points) < 2:
        return None
    thousands, rates = np.array(list(points), float) / 1000, np.array(list(points.values()))
    slope, start = np.polyfit(thousands, rates, 1)
    left = rates - (start + slope * thousands)
    spread = float(((rates - rates.mean()) ** 2).sum())
    equals = {name: float((rate - start) / slope) if slope > 0 else None for name, rate in others.items()}
    r_squared = 1 - float((left**2).sum()) / spread if spread else 0.0
    return HumanTrend(float(slope), float(start), r_squared, equals)


def _counts(verdicts: Verdicts) -> np.ndarray:
    """`(3, seeds, instructions) float64`: wins, ties, losses."""
    kinds = (Verdict.WIN, Verdict.TIE, Verdict.LOSE)
    return np.array([[[float(verdict is kind) for verdict in run] for run in verdicts] for kind in kinds])


def _weights(seeds: int, instructions: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """How often each is drawn, `(RESAMPLES, n)`: the same instructions for every arm, so that gains are paired."""
    chance = np.random.default_rng([seed, instructions])
    items = chance.multinomial(instructions, np.full(instructions, 1 / instructions), RESAMPLES)
    runs = np.random.default_rng([seed, seeds, 1]).multinomial(seeds, np.full(seeds, 1 / seeds), RESAMPLES)
    return items, runs


def _drawn(counts: np.ndarray, items: np.ndarray, runs: np.ndarray) -> np.ndarray:
    """`(3, RESAMPLES)`: counts of each resample."""
    return np.stack([((runs @ kind) * items).sum(axis=1) for kind in counts])


def _share(over: np.ndarray, under: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(under > 0, over / under, np.nan)


_RATES = {
    "wr1": lambda c: _share(c[0] + c[1] / 2, c[0] + c[1] + c[2]),
    "wr2": lambda c: _share(c[0], c[0] + c[2]),
    "qs": lambda c: _share(c[0] + c[1], c[0] + c[1] + c[2]),
    "mean": lambda c: (_RATES["wr1"](c) + _RATES["wr2"](c) + _RATES["qs"](c)) / 3,
}


def _share_interval(value: np.ndarray, drawn: np.ndarray, instructions: int) -> Interval | None:
    """Where all verdicts are alike, resampling gives no width: Wilson's over the instructions then."""
    found = _interval(value, drawn)
    return wilson_interval(found.value, instructions) if found is not None and found.low == found.high else found


def _interval(value: np.ndarray, drawn: np.ndarray) -> Interval | None:
    known = drawn[~np.isnan(drawn)]
    if np.isnan(value) or not len(known):
        return None
    return percentile_interval(float(value), known)
