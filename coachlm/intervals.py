"""95 % intervals: percentiles of resamples, Wilson's for shares, and the normal approximation."""

import math
from dataclasses import dataclass

import numpy as np

NORMAL_95 = 1.959964
"""Half the width of a 95 % interval in standard deviations."""
_ENDS = (0.025, 0.975)


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def percentile_interval(value: float, resampled: np.ndarray) -> Interval:
    """`resampled`: the figure in each resample of a bootstrap, `(resamples,)`, without NaN."""
    low, high = np.quantile(resampled, _ENDS).tolist()
    return Interval(float(value), low, high)


def wilson_interval(share: float, count: int) -> Interval:
    """Of a share of `count` (at least 1); it has a width where all are alike, too. Source: Wilson 1927."""
    squared = NORMAL_95**2
    centre = (share + squared / (2 * count)) / (1 + squared / count)
    half = NORMAL_95 * math.sqrt(share * (1 - share) / count + squared / (4 * count**2)) / (1 + squared / count)
    return Interval(share, min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half)))


def mean_interval(values: np.ndarray, resamples: int, seed: int) -> Interval | None:
    """Bootstrap of a mean, `(n,)`; None without values. Drawing counts multinomially is drawing values with
    replacement."""
    count = len(values)
    if not count:
        return None
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples)
    return percentile_interval(values.mean(), weights @ values / count)


def normal_half_width(variance: float) -> float:
    return NORMAL_95 * math.sqrt(variance)
