"""Records that only hold other records: pages of an API, exports in one object, arrays within arrays."""

from collections.abc import Iterator
from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.formats.messages.prompts import is_request
from streams.reading.formats.parts.decoding import decode_text
from streams.reading.formats.parts.fields import Record
from streams.reading.formats.parts.outcomes import EntryError, Inner, LogFormat
from streams.reading.formats.traces.spans import innermost, is_span

_KEYS = (
    "logEvents", "data", "items", "records", "rows", "results", "logs", "events", "entries", "traces", "spans", "runs",
    "hits",
)  # fmt: skip


_WRAPPERS = (
    "row", "_source", "jsonPayload", "json_payload", "properties", "payload", "message", "log", "record", "event",
)  # fmt: skip


def matches(record: Record) -> bool:
    return _held(record) is not None or _wrapped(record) is not None


def read(record: Record) -> Iterator[Inner | EntryError]:
    held = _held(record)
    if held is None and (wrapped := _wrapped(record)) is not None:
        yield Inner(wrapped)
        return
    if not held:
        raise EntryError(RejectReason.EMPTY, "a container without records")
    yield from read_list(held)


def read_list(items: list[Any]) -> Iterator[Inner | EntryError]:
    """The elements of an array, each an entry; an array of messages is one chat."""
    if not items:
        raise EntryError(RejectReason.EMPTY, "an empty array")
    if is_request(items):
        yield Inner({"messages": items})
    elif all(isinstance(item, dict) and is_span(item) for item in items):
        yield from innermost(items)
    elif all(isinstance(item, dict | list) for item in items):
        yield from map(Inner, items)
    else:
        raise EntryError(RejectReason.UNKNOWN_SHAPE, "an array of other things than records")


def _wrapped(record: Record) -> Record | None:
    """The record within what a store or a log agent puts around it, as an object or as its JSON text."""
    for key in _WRAPPERS:
        value = record.get(key)
        value = decode_text(value) if isinstance(value, str) else value
        if isinstance(value, dict) and value:
            return value
    return None


def _held(record: Record) -> list[Any] | None:
    for key in _KEYS:
        value = record.get(key)
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            return value
    values = list(record.values())
    if values and all(isinstance(value, list) and value and isinstance(value[0], dict) for value in values):
        return [item for value in values for item in value]
    return None


FORMAT = LogFormat("container", "Objects and arrays that hold records", matches, read)
