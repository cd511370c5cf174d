"""Streamed responses as they lie in logs: server-sent events or JSON lines, to a list of decoded events."""

from dataclasses import dataclass, field
from typing import Any

from streams.reading.formats.parts.decoding import FIELD_NESTING, decode, unquoted
from streams.reading.formats.parts.fields import Record
from streams.reading.formats.parts.outcomes import EntryError


@dataclass(slots=True)
class Events:
    """A stream's events in order. `done` says that its end mark came; `damaged`, that some event was unreadable."""

    items: list[Record] = field(default_factory=list)
    done: bool = False
    damaged: bool = False


def read_body(text: str) -> Any:
    """A response body: a JSON value, Events, or (where it is neither) the text itself."""
    text = unquoted(text)
    start = text.lstrip()
    if start.startswith(("data:", "event:", ":", "id:", "retry:")):
        events = _read_lines(_sse_data(text))
        return events if events.items or events.done or events.damaged else text
    if not start.startswith(("{", "[")):
        return text
    try:
        return decode(text.encode("utf-8", "surrogatepass"), FIELD_NESTING)
    except EntryError:
        lines = [line for line in text.splitlines() if line.strip()]
        events = _read_lines(lines) if len(lines) > 1 else Events()
        return events if events.items else text


def as_events(items: list[Any]) -> Events:
    """Events that were logged as an array of objects or of texts."""
    if all(isinstance(item, dict) for item in items):
        return Events(list(items))
    return _read_lines([item.removeprefix("data:") for item in items if isinstance(item, str)])


def _sse_data(text: str) -> list[str]:
    """The data of each event; an event's several data lines belong together. Source: WHATWG HTML §9.2."""
    found: list[str] = []
    data: list[str] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            found.append("\n".join(data))
            data = []
    return found


def _read_lines(lines: list[str]) -> Events:
    events = Events()
    for line in lines:
        if line.strip() == "[DONE]":
            events.done = True
            continue
        try:
            value = decode(line.encode("utf-8", "surrogatepass"), FIELD_NESTING)
        except EntryError:
            events.damaged = True
            continue
        if isinstance(value, dict):
            events.items.append(value)
    return events
