"""95 % intervals hold what they should."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.intervals import mean_interval, normal_half_width, percentile_interval


def test_ends_are_percentiles() -> None:
    found = percentile_interval(7, np.arange(1001.0))
    assert (found.value, found.low, found.high) == (7, 25, 975)


@pytest.mark.slow
def test_a_mean_has_the_interval_of_theory() -> None:
    values = np.random.default_rng(1).normal(size=400)
    found = mean_interval(values, 20_000, seed=0)
    assert found is not None
    assert found.value == values.mean()
    half = normal_half_width(values.var() / len(values))
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half), abs=0.1 * half)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_a_mean_lies_within_its_values(values: list[float]) -> None:
    found = mean_interval(np.array(values), 200, seed=0)
    assert found is not None
    assert min(values) - 1e-6 <= found.low <= found.high <= max(values) + 1e-6


def test_nothing_has_no_interval() -> None:
    assert mean_interval(np.zeros(0), 200, seed=0) is None
