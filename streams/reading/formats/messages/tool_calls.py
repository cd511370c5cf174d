"""Calls of tools as providers write them, and the names of the tools at hand."""

from typing import Any

import orjson

from coachlm.context import ToolCall
from streams.reading.formats.messages.content import category, kind_of
from streams.reading.formats.parts.decoding import decode_text
from streams.reading.formats.parts.fields import Record, first_of, mapping

_LISTS = ("tool_calls", "toolCalls", "toolInvocations")
_ARGUMENTS = ("arguments", "args", "input", "parameters")
_MOST = 64


def calls_in(message: Record) -> tuple[ToolCall, ...]:
    """Those that the log names; in a message, or in an item that is a call itself."""
    kwargs = mapping(message.get("additional_kwargs"))
    found = next((value for key in _LISTS for value in (message.get(key), kwargs.get(key)) if value), None)
    single = first_of(message, "function_call") or first_of(kwargs, "function_call")
    parts = message.get("content")
    items: list[Any] = [*(found if isinstance(found, list) else []), *([single] if single else [])]
    if isinstance(parts, list):
        items += [part for part in parts if isinstance(part, dict) and _is_call(part)]
    if not items and "role" not in message:
        value = message.get("value")
        items = [message, *_decoded_list(value)] if not isinstance(parts, list) else []
    return tuple(call for item in items[:_MOST] if (call := _call(item)) is not None)


def tool_names(tools: Any) -> tuple[str, ...]:
    """Of definitions, as a request or a data set lists them."""
    if isinstance(tools, str):
        tools = decode_text(tools)
    names = (_name(mapping(tool)) for tool in tools) if isinstance(tools, list) else ()
    return tuple(name for name in dict.fromkeys(names) if name)[:_MOST]


def _is_call(part: Record) -> bool:
    kind = kind_of(part)
    return (kind is not None and category(kind) == "call") or "functionCall" in part or "function_call" in part


def _decoded_list(value: Any) -> list[Any]:
    decoded = decode_text(value) if isinstance(value, str) else value
    return decoded if isinstance(decoded, list) else [decoded]


def _call(item: Any) -> ToolCall | None:
    record = mapping(item)
    record = mapping(first_of(record, "function", "functionCall", "function_call", "toolUse", "custom")) or record
    name = _name(record)
    if not name:
        return None
    arguments = next((record[key] for key in _ARGUMENTS if record.get(key) is not None), "")
    return ToolCall(name, arguments if isinstance(arguments, str) else _written(arguments))


def _name(record: Record) -> str:
    inner = mapping(first_of(record, "function", "toolSpec")) or record
    name = first_of(inner, "name", "toolName")
    return name if isinstance(name, str) else ""


def _written(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return ""
