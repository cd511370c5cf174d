"""No text makes a regular expression slow: each takes time in proportion to the text's length, whatever it says."""

import re
import time

import pytest

from tests.hostile.patterns import LENGTH, Found, collect, hostile

_MOST_SECONDS = 0.05
_LENGTHS = {20: _MOST_SECONDS, 1_000: _MOST_SECONDS / 500, 6_000: _MOST_SECONDS / 25, LENGTH: _MOST_SECONDS}
"""Tried one after the other, as long as a text takes longer: a quadratic pattern takes 25 times as long for five times
the length, an exponential one is seen at the first."""
_TRIES = 3


def _seconds(found: Found, text: str, most: float) -> float:
    """Processor time; the least of some tries, as long as they take more than `most`."""
    least = float("inf")
    for _ in range(_TRIES):
        began = time.process_time()
        found.run(text)
        least = min(least, time.process_time() - began)
        if least <= most:
            break
    return least


def _slow(found: Found) -> str | None:
    """What it is slow on. The worst string is tried in full, whatever a part of it takes."""
    worst, worst_seconds = "", -1.0
    for text in hostile(found.pattern):
        seconds = 0.0
        for length, most in _LENGTHS.items():
            seconds = _seconds(found, text[:length] + text[-1], most)
            if seconds > _MOST_SECONDS:
                return text[:60]
            if seconds <= most and length > min(_LENGTHS):
                break
        if seconds > worst_seconds:
            worst, worst_seconds = text, seconds
    return worst[:60] if _seconds(found, worst, _MOST_SECONDS) > _MOST_SECONDS else None


@pytest.mark.slow
def test_no_pattern_of_the_product_is_slow_on_any_text():
    collected = list(collect())
    assert len(collected) > 200
    slow = {found.name: text for found in collected if (text := _slow(found)) is not None}
    assert slow == {}


@pytest.mark.parametrize(
    "pattern", [r"\s+$", r"(?:a+)+b", r"\n\s*x", r"<b>.*?</b>", r"^[ \t]*(?:x|.*;$)", r"\d{1,3}(?:,\d{3})+(?!,)"]
)
def test_a_slow_pattern_is_found(pattern: str):
    found = Found(re.compile(pattern, re.M), "here", anywhere=True)
    assert _slow(found) is not None
