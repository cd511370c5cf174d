"""What answers of OpenAI-compatible servers say beside their text: when to ask again, and what they counted."""

from email.utils import parsedate_to_datetime
from time import time
from typing import Any

CHARS_PER_TOKEN = 4
"""Of English text; estimates where the server states no usage."""


def retry_after(value: str) -> float:
    """Seconds, from a number or a date; 0 for anything else. Source: RFC 9110 §10.2.3."""
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time()
        except (ValueError, OverflowError):
            return 0.0
    return seconds if 0 < seconds < float("inf") else 0.0


def stated_tokens(usage: Any, name: str, chars: int) -> int:
    """As the server counts, else a guess by characters."""
    stated = usage.get(name) if isinstance(usage, dict) else None
    if isinstance(stated, int) and not isinstance(stated, bool) and 0 <= stated < 1 << 31:
        return stated
    return chars // CHARS_PER_TOKEN + 1
