"""Langfuse: rows of the observation exports, observations of the API, and traces with their observations.

Generations become chats; every other kind of observation repeats or surrounds them. Source: Langfuse documentation,
"Blob storage export field reference"; API reference, "Observations", "Traces".
"""

import json
from collections.abc import Iterator
from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.formats.exchanges.exchange import Halves, read_exchange
from streams.reading.formats.messages.circumstances import fill
from streams.reading.formats.parts.decoding import decode_text
from streams.reading.formats.parts.fields import Record, mapping, name_of, time_of
from streams.reading.formats.parts.outcomes import Chat, EntryError, Inner, LogFormat, Outcome, malformed

_TRACE_FIELDS = frozenset({"bookmarked", "htmlPath", "traceName", "trace_name"})
_EMPTY = (None, "", "null", "undefined")


def matches(record: Record) -> bool:
    """An observation, or a trace with or without its observations."""
    if isinstance(record.get("observations"), list) or isinstance(
        mapping(record.get("trace")).get("observations"), list
    ):
        return True
    if "type" in record and not record.keys().isdisjoint({"traceId", "trace_id"}):
        return not record.keys().isdisjoint({"startTime", "start_time"})
    return "bookmarked" in record and "input" in record


def read(record: Record) -> Iterator[Outcome]:
    trace = mapping(record.get("trace"))
    observations = record.get("observations")
    if observations is None:
        observations = trace.get("observations")
    if observations is not None:
        yield from _observations(observations, trace or record)
    elif "bookmarked" in record:
        raise EntryError(RejectReason.NOT_A_GENERATION, "a trace; its observations hold the calls")
    else:
        yield from _read_observation(record)


def _observations(observations: Any, trace: Record) -> Iterator[Outcome]:
    if not isinstance(observations, list):
        raise malformed("observations", observations, "an array")
    if not observations:
        raise EntryError(RejectReason.EMPTY, "a trace without observations")
    inherited = {key: trace[key] for key in ("userId", "sessionId", "user_id", "session_id") if trace.get(key)}
    for observation in observations:
        yield Inner({**inherited, **observation} if isinstance(observation, dict) else observation)


def _read_observation(record: Record) -> Iterator[Outcome]:
    kind = record.get("type")
    if not isinstance(kind, str):
        raise malformed("type", kind, "text")
    if kind.upper() != "GENERATION":
        raise EntryError(RejectReason.NOT_A_GENERATION, "not a generation but another kind of observation")
    if name_of(record, "level") == "ERROR":
        raise EntryError(RejectReason.ERROR_RESPONSE, "level is `ERROR`")
    request, response = observation_field(record.get("input")), observation_field(record.get("output"))
    if request is None and response is None:
        raise EntryError(RejectReason.EMPTY, "neither input nor output")
    for outcome in read_exchange(Halves(request, response)):
        yield _with_circumstances(outcome, record) if isinstance(outcome, Chat) else outcome


def observation_field(value: Any) -> Any:
    """Input and output may be JSON in a text, even a text in JSON."""
    if isinstance(value, str) and value[:1] == value[-1:] == '"' and len(value) > 1:
        try:
            value = json.loads(value)
        except ValueError:
            return value
    if isinstance(value, str) and value.startswith("["):
        decoded = decode_text(value)
        return decoded if isinstance(decoded, list) and all(isinstance(item, dict) for item in decoded) else value
    return None if value in _EMPTY else value


def _with_circumstances(chat: Chat, record: Record) -> Chat:
    chat.source_id = name_of(record, "id")
    chat.timestamp = time_of(record, "endTime", "end_time", "startTime", "start_time")
    chat.model = name_of(record, "providedModelName", "provided_model_name", "model")
    return fill(chat, record)


def matches_chatml(record: Record) -> bool:
    """Observation ids with input and output as the trace view's chat converter gives them."""
    return bool(record) and all(
        isinstance(item, dict) and "success" in mapping(item.get("input")) | mapping(item.get("output"))
        for item in record.values()
    )


def read_chatml(record: Record) -> Iterator[Outcome]:
    for identity, item in record.items():
        halves = [mapping(mapping(item).get(side)) for side in ("input", "output")]
        try:
            if not all(half.get("success") is True for half in halves):
                raise EntryError(RejectReason.NOT_A_GENERATION, "the converter found no chat in the observation")
            yield from read_exchange(Halves(halves[0].get("data"), halves[1].get("data")), {"id": identity})
        except EntryError as error:
            yield error


CHATML = LogFormat("langfuse_chatml", "Langfuse observations converted to chats", matches_chatml, read_chatml)
FORMAT = LogFormat("langfuse", "Langfuse observations and traces", matches, read)
