"""What passes between sources, log formats and the runner: raw records, conversations, fragments."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from coachlm.context import Role, ToolCall
from coachlm.pairs import Position, Reject, RejectReason
from coachlm.settings import Settings, Turns

__all__ = ["Conversation", "Fragment", "Message", "ParseOptions", "Parsed", "RawRecord", "Role"]


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record as a source cut it: undecoded JSON bytes, or an object where the container was decoded already
    (CSV and Parquet rows, YAML documents, elements of a JSON array)."""

    position: Position
    data: bytes | Any


@dataclass(frozen=True, slots=True)
class Remarks:
    """What a log says about a message, beside its text."""

    reasoning: str = ""  # what the model thought before it answered
    finished: bool | None = None  # what the finish reason says; None: there is none
    problem: tuple[RejectReason, str] | None = None  # why no pair can be made of it; it stays as context
    signals: dict[str, Any] = field(default_factory=dict)  # ratings and marks by the names that the log gives them
    verdict: str = ""  # what the signals come to: `good`, `bad: ` and which says so, or nothing
    rejected: tuple[str, ...] = ()  # answers that lost against this one


@dataclass(frozen=True, slots=True)
class Message:
    """One turn's text. `input` is material given apart from the instruction (Alpaca's `input`), user turns only."""

    role: Role
    text: str
    input: str = ""
    multi_modal: bool = False  # an image, audio or file part stood beside the text and was left out
    remarks: Remarks | None = None
    calls_tools: bool = False  # an assistant's turn that calls tools
    calls: tuple[ToolCall, ...] = ()  # the same calls, as far as the log says which
    name: str = ""  # of the tool whose result the text is


@dataclass(frozen=True, slots=True)
class Conversation:
    """What every log format is read into: messages in order, and their circumstances. User and session ids are raw
    here; they are hashed before they leave the parsing process."""

    position: Position
    format: str
    messages: tuple[Message, ...]
    source_id: str | None = None
    timestamp: datetime | None = None  # UTC
    model: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
    only_last: bool = False  # the last exchange alone is a pair; what comes before is its context
    tools: tuple[str, ...] = ()  # names of those at hand
    documents: tuple[str, ...] = ()  # names of those at hand


@dataclass(frozen=True, slots=True)
class Fragment:
    """A part of something that spans records: a streamed chunk, one half of a batch call, a message of a tree.

    Fragments with the same (format, key) belong together. They are whole, and can be assembled at once, as soon as a
    `request` and a `response` are there, or one that is `complete` (the last chunk of a stream whose chunks carry their
    request). All others (flat messages of a tree, bare chunks) are assembled when their source ends.
    """

    position: Position
    format: str
    key: str
    part: str  # `request`, `response`, `chunk`, `message`
    data: Any
    size: int  # bytes it occupies, about
    complete: bool = False


Parsed = Conversation | Reject | Fragment


@dataclass(frozen=True, slots=True)
class ParseOptions:
    """How records are read; built once from Settings and passed to every parsing process."""

    format: str | None = None  # None: detect by shape
    turns: Turns = "each"
    max_record_bytes: int = 16_000_000
    max_nesting: int = 100

    @classmethod
    def from_settings(cls, settings: Settings, format: str | None = None) -> "ParseOptions":
        return cls(format, settings.intake.turns, settings.intake.max_record_bytes, settings.intake.max_nesting)
