"""How dead letters look on a terminal and in JSON: hostile bytes are shown, never obeyed."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from coachlm.protocols.streams import StreamMessage
from commands.shared.output import terminal_safe

if TYPE_CHECKING:
    from storage.streams.dead_letters import StoredLetter

SHOWN_BYTES = 4000


def letter_line(one: "StoredLetter") -> str:
    size = "no value" if one.payload_bytes is None else f"{one.payload_bytes:,} bytes"
    tries = "1 try" if one.letter.tries == 1 else f"{one.letter.tries} tries"
    what = f"{one.state}, {one.letter.reason} after {tries}, {size}, dead since {one.dead_at:%Y-%m-%d %H:%M} UTC"
    return terminal_safe(f"{one.number}  {_place(one)}  {what}: {one.letter.error[:200]}").replace("\n", " ")


def description(one: "StoredLetter") -> Iterator[str]:
    yield f"dead letter {one.number}: {_place(one)}, {one.state}"
    yield f"{one.letter.reason} after {one.letter.tries} tries: {one.letter.error}"
    yield f"dead since {one.dead_at:%Y-%m-%d %H:%M:%S} UTC"
    if one.replayed_at is not None:
        yield f"replayed at {one.replayed_at:%Y-%m-%d %H:%M:%S} UTC"
    if one.discarded_at is not None:
        yield f"its bytes were discarded at {one.discarded_at:%Y-%m-%d %H:%M:%S} UTC"
    message = one.letter.message
    if message.key is not None:
        yield f"key: {safe_bytes(message.key[:SHOWN_BYTES])}"
    for name, value in message.headers:
        yield f"header {terminal_safe(_name(name))}: {'null' if value is None else safe_bytes(value[:SHOWN_BYTES])}"
    yield "no value (a tombstone)" if one.payload_bytes is None else f"value: {one.payload_bytes:,} bytes"


def letter_json(one: "StoredLetter") -> dict[str, Any]:
    message = one.letter.message
    return {
        "number": one.number,
        "topic": message.topic,
        "partition": message.partition,
        "offset": message.offset,
        "timestamp_ms": message.timestamp_ms,
        "payload_bytes": one.payload_bytes,
        "reason": one.letter.reason,
        "error": one.letter.error,
        "tries": one.letter.tries,
        "state": one.state,
        "dead_at": one.dead_at,
        "replayed_at": one.replayed_at,
        "discarded_at": one.discarded_at,
    }


def message_json(message: StreamMessage) -> dict[str, Any]:
    """Bytes as text, those that are no UTF-8 as `\\xNN`."""
    return {
        "key": None if message.key is None else _as_text(message.key),
        "headers": [[_name(name), None if value is None else _as_text(value)] for name, value in message.headers],
        "value": None if message.value is None else _as_text(message.value),
    }


def _place(one: "StoredLetter") -> str:
    return f"{one.letter.message.source}:{one.letter.message.offset}"


def _name(name: str) -> str:
    """Of a header; what was no UTF-8 in it as `\\xNN`."""
    return _as_text(name.encode("utf-8", "surrogateescape"))


def _as_text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")


def safe_bytes(data: bytes) -> str:
    return terminal_safe(_as_text(data))
