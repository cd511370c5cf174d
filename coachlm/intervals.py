"""95 % intervals: percentiles of resamples, and the normal approximation."""

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
