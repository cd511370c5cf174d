"""Waits grow with each failure and stay within their bounds."""

from hypothesis import given
from hypothesis import strategies as st

from coachlm.machine.waiting import Backoff

BACKOFF = Backoff(first_seconds=0.5, longest_seconds=30.0)


def test_waits_double_up_to_the_longest() -> None:
    assert [BACKOFF.seconds(failures) for failures in range(1, 9)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


@given(st.integers(1, 10**9))
def test_however_many_failures_there_were(failures: int) -> None:
    assert 0.5 <= BACKOFF.seconds(failures) <= 30
    assert BACKOFF.seconds(failures) <= BACKOFF.seconds(failures + 1)


@given(st.integers(1, 100), st.floats(0, 100))
def test_spread_waits_stay_near_the_plain_one(failures: int, asked_for: float) -> None:
    plain = BACKOFF.seconds(failures)
    assert plain / 2 <= BACKOFF.spread_seconds(failures) <= plain
    assert min(asked_for, 30) <= BACKOFF.spread_seconds(failures, asked_for) <= max(plain, min(asked_for, 30))


def test_clients_that_failed_together_spread() -> None:
    assert len({BACKOFF.spread_seconds(3) for _ in range(20)}) > 1
