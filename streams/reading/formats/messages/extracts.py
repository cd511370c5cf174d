"""What tools gave back and what models thought, out of parts that keep it in many places."""

from itertools import islice
from typing import Any

import orjson

from streams.reading.formats.parts.fields import Record, first_of, mapping

_LEVELS = 4  # how deep parts may lie within parts
_MOST_PARTS = 20_000


def reasoning_text(part: Record, levels: int = _LEVELS) -> str:
    """What the model thought, from wherever the part keeps it; nothing where it is encrypted."""
    value: Any = part
    for _ in range(4):
        if not isinstance(value, dict):
            break
        keys = (
            "thinking",
            "reasoningContent",
            "reasoningText",
            "reasoning",
            "text",
            "content",
            "summary",
            "value",
            "details",
        )
        value = next((value[key] for key in keys if value.get(key)), None)
    if isinstance(value, list) and levels:
        found = [item if isinstance(item, str) else reasoning_text(mapping(item), levels - 1) for item in value]
        return "\n\n".join(text for text in found if text)
    return value if isinstance(value, str) else ""


def result_text(part: Record) -> str:
    """What a tool gave back: its text, or its JSON."""
    part = mapping(first_of(part, "toolResult", "functionResponse", "function_response", "codeExecutionResult")) or part
    value = first_of(part, "content", "response", "output", "result", "text", "results")
    if isinstance(value, list):
        texts = [
            item["text"] if isinstance(item, dict) and isinstance(item.get("text"), str) else _json(item)
            for item in value
        ]
        return "\n".join(text for text in texts if text)
    return value if isinstance(value, str) else _json(value)


def outcome_of_call(part: Record) -> str:
    """What came of a call, where one part tells of both (AI SDK)."""
    inner = mapping(part.get("toolInvocation")) or part
    outcome = first_of(inner, "output", "result")
    return outcome if isinstance(outcome, str) else _json(outcome)


def _json(value: Any) -> str:
    if value is None or value in ({}, []) or not _is_small(value):
        return ""
    try:
        return orjson.dumps(value).decode()
    except (TypeError, ValueError):
        return ""


def _is_small(value: Any) -> bool:
    """Whether a value has few enough parts to be written out; decoded values may share theirs many times over."""
    level, count = [value], 0
    while level and count <= _MOST_PARTS:
        count += len(level)
        nested = (item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list))
        level = [inner for items in nested for inner in islice(items, _MOST_PARTS)][:_MOST_PARTS]
    return count <= _MOST_PARTS
