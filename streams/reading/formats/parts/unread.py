"""Texts of an entry that nobody has read, by their keys: what helps where a chat turns out to have none."""

from collections.abc import Iterable, Iterator
from typing import Any

from streams.reading.formats.parts.fields import names_of, words

_LEVELS = 4
_LOOKED_AT = 500
_BEGIN = 200
_SHORTEST = 8
_ABOUT = words(
    "title name description summary model user_agent userAgent created_at createdAt updated_at timestamp error id"
    " system_fingerprint metadata"
)
_KNOWN = words(
    "content text value parts contents message messages mes body input output prompt completion response request answer"
    " question instruction system system_prompt instructions arguments reasoning reasoning_content thinking refusal"
)
"""Formats read these; where a text under one of them wasn't read, it stood in another entry, or nobody's turn."""
_UNASKED = _ABOUT | _KNOWN


def unread_keys(entry: Any, read: Iterable[str], *, in_lists: bool = False) -> str:
    """The keys of prose that is none of the texts `read`, as names; `in_lists`: of what stands in lists alone."""
    known = "\n".join(read)
    found = (key for key, text in _texts(entry, _LEVELS, in_lists) if text[:_BEGIN] not in known)
    return names_of(dict.fromkeys(found))


def _texts(entry: Any, levels: int, in_lists: bool) -> Iterator[tuple[str, str]]:
    """Bounded: a hostile record holds as many keys as it likes."""
    left = _LOOKED_AT
    waiting: list[tuple[Any, int, bool]] = [(entry, levels, False)]
    while waiting and left:
        value, level, listed = waiting.pop()
        left -= 1
        if isinstance(value, dict):
            for key, item in list(value.items())[:_LOOKED_AT]:
                if isinstance(item, str) and key not in _UNASKED and (listed or not in_lists) and _is_prose(item):
                    yield key, item
            waiting += [(item, level - 1, listed) for item in list(value.values())[:_LOOKED_AT] if level]
        elif isinstance(value, list):
            waiting += [(item, level - 1, True) for item in value[:_LOOKED_AT] if level]


def _is_prose(text: str) -> bool:
    return len(text) >= _SHORTEST and " " in text.strip() and not text.lstrip().startswith(("{", "["))
