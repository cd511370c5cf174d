"""Sums that a text writes out."""

import pytest

from coachlm.text.sums import sums, wrong_sums


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It is 2 + 2 = 4.", [True]),
        ("It is 2 + 2 = 5.", [False]),
        ("3 × 4 + 1 = 13, and 13 - 4 * 2 = 5", [True, True]),
        ("10 x 12 = 120", [True]),
        ("$1,200 / 3 = $400", [True]),
        ("1,000 / 3 = 333.33", [True]),
        ("1,000 / 3 = 334", [False]),
        ("5 − 7 = -2", [True]),
        ("1 / 0 = 7", []),
        ("0.1 + 0.2 = 0.3", [True]),
        ("4 + 4 = 9, then", [False]),
        ("x + 2 = 5 and y2 + 2 = 9", []),
        ("2024-05-06 = today", []),
        ("5 + 10% = 20%", []),
        ("2 + 2 = 4.5", [False]),
        ("Nothing to add.", []),
    ],
)
def test_each_sum_adds_up_or_not(text: str, found: list[bool]) -> None:
    assert sums(text) == found
    assert wrong_sums(text) == found.count(False)
