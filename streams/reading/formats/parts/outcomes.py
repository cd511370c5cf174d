"""What reading an entry comes to: a chat, a piece of something larger, entries within, or why it is none of these.

Formats produce these; they know nothing about positions, which `parser` adds.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.sources.records import Fragment, Message


class EntryError(Exception):
    """An entry that becomes no conversation. Raised or yielded by formats; never leaves this package."""

    def __init__(self, reason: RejectReason, detail: str = "") -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(slots=True)
class Chat:
    """An exchange that was read; `parser` checks that somebody asked and was answered."""

    messages: list[Message]
    source_id: str | None = None
    timestamp: datetime | None = None
    model: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    tool_call: bool = False  # an assistant's turn without text calls tools
    notes: list[str] = field(default_factory=list)  # what was left out of it
    only_last: bool = False  # the last exchange alone is a pair; what comes before is its context
    tools: tuple[str, ...] = ()  # names of those at hand
    documents: tuple[str, ...] = ()  # names of those at hand


@dataclass(slots=True)
class Piece:
    """A part of something that spans records; becomes a Fragment."""

    key: str
    part: str
    data: Any
    complete: bool = False


@dataclass(slots=True)
class Inner:
    """An entry within the record, to be detected and read on its own."""

    record: Any


Outcome = Chat | Piece | Inner | EntryError


@dataclass(frozen=True, slots=True)
class LogFormat:
    """A log format. `matches` looks at a record's keys; `read` may raise EntryError for the rest of the record."""

    name: str
    title: str  # for people
    matches: Callable[[dict[str, Any]], bool]
    read: Callable[[dict[str, Any]], Iterable[Outcome]]
    assemble: Callable[[Sequence[Fragment]], Iterable[Outcome]] | None = None
    strict: bool = False  # `read` counts on what `matches` has looked at


def malformed(field: str, value: object, wanted: str) -> EntryError:
    """A field of the wrong type; the detail names the field and the types, never the value."""
    return EntryError(RejectReason.MALFORMED_RECORD, f"`{field}` is {json_type(value)}, not {wanted}")


def json_type(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "an array"
        case dict():
            return "an object"
    return type(value).__name__
