"""No text makes a regular expression slow: each takes time in proportion to the text's length, whatever it says."""

import re
import time

import pytest

from tests.hostile.patterns import LENGTH, Found, collect, hostile

_QUICK_SECONDS = 0.05
"""What takes less for `LENGTH` characters is no danger, however it grows."""
_MOST_SECONDS = 2.0
"""What takes more is one, however it grows."""
_MOST_GROWTH = 12
"""Times as long for five times the length: a linear pattern takes 5 times as long, a quadratic one 25 times."""
_FEW, _SHORT, _LONGER, _MIDDLE = 24, 300, 1_500, LENGTH // 5
_TRIES = 3
_BOUNDED = ("coachlm.text.filters.refusal._REFUSES", "coachlm.text.filters.refusal._LEADING")
"""Only ever matched at the beginning of at most 400 characters (`_JUDGED_CHARS`)."""


def _seconds(found: Found, text: str, length: int, tries: int = 1) -> float:
    """Processor time for the text's beginning and its last character; the least of some tries."""
    least, text = float("inf"), text[:length] + text[-1]
    for _ in range(tries):
        began = time.process_time()
        found.run(text)
        least = min(least, time.process_time() - began)
    return least


def _is_slow_in_full(found: Found, text: str) -> bool:
    middle = _seconds(found, text, _MIDDLE, _TRIES)
    if middle > _MOST_SECONDS / 5:
        return True
    if middle > _QUICK_SECONDS / 5 and middle > _MOST_GROWTH * _seconds(found, text, _MIDDLE // 5, _TRIES):
        return True
    full = _seconds(found, text, LENGTH)
    if full > _QUICK_SECONDS and full > _MOST_GROWTH * middle:
        full = min(full, _seconds(found, text, LENGTH))
    return full > _QUICK_SECONDS and (full > _MOST_SECONDS or full > _MOST_GROWTH * middle)


def _slow(found: Found) -> str | None:
    """What it is slow on. Only strings that begin to grow are tried in full, and the worst, whatever its parts take."""
    worst, worst_seconds = "", -1.0
    for text in hostile(found.pattern):
        if _seconds(found, text, _FEW) > _QUICK_SECONDS and _seconds(found, text, _FEW, _TRIES) > _QUICK_SECONDS:
            return text[:60]
        seconds = short = _seconds(found, text, _SHORT)
        if short > _QUICK_SECONDS / 5_000:
            seconds = _seconds(found, text, _LONGER)
            is_growing = seconds > _QUICK_SECONDS / 200 and seconds > _MOST_GROWTH * short
            if (is_growing or seconds > _MOST_SECONDS / 20) and _is_slow_in_full(found, text):
                return text[:60]
        if seconds > worst_seconds:
            worst, worst_seconds = text, seconds
    return worst[:60] if _is_slow_in_full(found, worst) else None


@pytest.mark.slow
def test_no_pattern_of_the_product_is_slow_on_any_text():
    collected = [found for found in collect() if not found.name.startswith(_BOUNDED)]
    assert len(collected) > 200
    slow = {found.name: text for found in collected if (text := _slow(found)) is not None}
    assert slow == {}


@pytest.mark.parametrize(
    "pattern", [r"\s+$", r"(?:a+)+b", r"\n\s*x", r"<b>.*?</b>", r"^[ \t]*(?:x|.*;$)", r"\d{1,3}(?:,\d{3})+(?!,)"]
)
def test_a_slow_pattern_is_found(pattern: str):
    found = Found(re.compile(pattern, re.M), "here", anywhere=True)
    assert _slow(found) is not None
