"""Langfuse's ingestion batches: events that create and update observations.

Source: Langfuse API reference, "Ingestion".
"""

from dataclasses import dataclass
from typing import Any

from coachlm.errors import InputError
from coachlm.protocols.intake import Call
from streams.receiving.lines import decoded

_CALLS = ("generation-create", "generation-update")
_OBSERVATIONS = ("observation-create", "observation-update")
_FIELDS = ("id", "traceId", "name", "startTime", "endTime", "model", "input", "output", "level")
_SAYING = ("input", "output", "level")
_TRACE_FIELDS = ("userId", "sessionId")
_ENVELOPE_LEVELS = 4


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `problem` says why it can't be taken."""

    id: str
    call: Call | None = None  # of an event that tells of a model call
    trace: Call | None = None  # of an event that says whose a trace is
    trace_id: str = ""
    problem: str = ""


def read_batch(body: bytes, max_nesting: int) -> list[Event]:
    """Raises: InputError, for a body that is no batch."""
    value = decoded(body, max_nesting + _ENVELOPE_LEVELS)
    batch = value.get("batch") if isinstance(value, dict) else None
    if not isinstance(batch, list):
        raise InputError('the body is no batch; send {"batch": […]} as Langfuse\'s API reference describes it')
    return [_event(item, number) for number, item in enumerate(batch)]


def as_record(call: Call, trace: Call) -> Call:
    """An observation as the exports have it."""
    return {"startTime": None, "traceId": "", **trace, **call, "type": "GENERATION"}


def _event(item: Any, number: int) -> Event:
    if not isinstance(item, dict):
        return Event(str(number), problem="the event is no object")
    given = item.get("id")
    identity = given if isinstance(given, str) and given else str(number)
    kind, body = item.get("type"), item.get("body")
    if not isinstance(kind, str) or not isinstance(body, dict):
        return Event(identity, problem="the event has no `type` or no `body`")
    if kind == "trace-create":
        return Event(identity, trace=_kept(body, _TRACE_FIELDS), trace_id=str(body.get("id")))
    is_call = kind in _CALLS or (kind in _OBSERVATIONS and str(body.get("type")).upper() == "GENERATION")
    if not is_call:
        return Event(identity)
    if not isinstance(body.get("id"), str):
        return Event(identity, problem="the generation has no `id`")
    call = _kept(body, _FIELDS)
    says = any(call.get(name) is not None for name in _SAYING)
    return Event(identity, call=call if says else None)


def _kept(body: dict[str, Any], names: tuple[str, ...]) -> Call:
    return {name: body[name] for name in names if body.get(name) is not None}
