"""Log records that tell of one message each (`gen_ai.user.message`, `gen_ai.choice`), put together to calls.

Source: OpenTelemetry semantic conventions for generative AI up to 1.36, "Events".
"""

from typing import Any

from streams.reading.formats.parts.attributes import span_attributes
from streams.reading.formats.parts.fields import Record, mapping, name_of

_MESSAGES = frozenset(f"gen_ai.{role}.message" for role in ("system", "user", "assistant", "tool"))
_CHOICE = "gen_ai.choice"


def calls_of_events(entries: list[Any]) -> tuple[list[Record], list[Any]]:
    """A span for each call that log records tell of, and all other entries.

    Records with a span's id belong to that span's call; those without belong together up to their first choice.
    """
    calls: dict[Any, Record] = {}
    others: list[Any] = []
    number = 0
    ended = False
    for entry in entries:
        name = _name(entry)
        if name not in _MESSAGES and name != _CHOICE:
            others.append(entry)
            continue
        identity: Any = name_of(entry, "spanId", "span_id")
        if identity is None:
            number += ended and name != _CHOICE
            ended = name == _CHOICE
            identity = number
        call = calls.setdefault(identity, {**entry, "attributes": {}, "body": None, "events": []})
        call["attributes"] |= {key: value for key, value in span_attributes(entry).items() if key != "event.name"}
        call["timeUnixNano"] = entry.get("timeUnixNano") or call.get("timeUnixNano")
        call["events"].append({"name": name, "body": entry.get("body"), "attributes": mapping(entry.get("attributes"))})
    return list(calls.values()), others


def message_role(name: str | None) -> str | None:
    """Which part of a call an event of this name tells: `prompt`, `choice` or none."""
    return "prompt" if name in _MESSAGES else "choice" if name == _CHOICE else None


def _name(entry: Any) -> str | None:
    record = mapping(entry)
    if "events" in record or "name" in record:  # a span carries its events itself
        return None
    return name_of(record, "eventName", "event_name") or name_of(mapping(record.get("attributes")), "event.name")
