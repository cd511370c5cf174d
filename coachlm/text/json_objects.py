"""JSON objects in what a language model wrote."""

import json
from collections.abc import Iterator
from typing import Any

_MAX_OBJECTS = 50  # braces tried in one text


def objects_in(text: str, *, strict: bool = True) -> Iterator[dict[str, Any]]:
    """The outermost JSON objects in a text, wherever they stand (code fences, talk around them). Not `strict`: strings
    may hold line ends as they are."""
    decoder = json.JSONDecoder(strict=strict)
    position = 0
    for _ in range(_MAX_OBJECTS):
        position = text.find("{", position)
        if position < 0:
            return
        try:
            found, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            position += 1
        else:
            yield found
