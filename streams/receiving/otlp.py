"""Exports of OpenTelemetry as lines for the log door: one for each trace, within which calls around calls are known.

Source: OTLP specification 1.9, "OTLP/HTTP", "JSON Protobuf Encoding".
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from coachlm.errors import InputError
from coachlm.protocols.intake import Call
from streams.reading.sources.otlp_messages import decode_export
from streams.receiving.inbox import joined
from streams.receiving.lines import as_line, decoded
from streams.receiving.message_events import message_event

_WHOLE_BYTES = 800_000
"""A longer trace goes entry by entry: brokers take messages of about a megabyte."""
_ENVELOPE_LEVELS = 10


@dataclass(frozen=True, slots=True)
class Signal:
    """What is exported, by the names of OTLP/JSON."""

    name: str
    resources: str
    scopes: str
    entries: str
    rejected: str  # of partial success


TRACES = Signal("traces", "resourceSpans", "scopeSpans", "spans", "rejectedSpans")
LOGS = Signal("logs", "resourceLogs", "scopeLogs", "logRecords", "rejectedLogRecords")


@dataclass(frozen=True, slots=True)
class ExportLines:
    """The lines, and how many spans or log records each of them holds."""

    lines: list[bytes] = field(default_factory=list)
    entries: list[int] = field(default_factory=list)
    events: dict[str, Call] = field(default_factory=dict)  # of messages, by the call that they are of

    def add(self, line: bytes, entries: int) -> None:
        self.lines.append(line)
        self.entries.append(entries)


def read_export(body: bytes, signal: Signal, *, is_json: bool, max_nesting: int) -> ExportLines:
    """Raises: InputError, for a body that is no such export; Unreadable, where the package that decodes is missing."""
    if not is_json:
        export = decode_export(body, logs=signal is LOGS)
        if export is None:
            raise InputError(f"the body is no protobuf message of {signal.name}; check the exporter's endpoint")
    else:
        export = decoded(body, max_nesting + _ENVELOPE_LEVELS)
        if not isinstance(export, dict):
            raise InputError(f"the body is no JSON object of {signal.name}")
    found = ExportLines()
    for trace in _by_trace(export, signal, found.events):
        for line, entries in trace.lines():
            found.add(line, entries)
    return found


@dataclass(slots=True)
class _Scope:
    """Entries of one scope of one resource."""

    resource: Any
    scope: Any
    entries: list[Any] = field(default_factory=list)


class _Trace:
    """The entries of a trace, in the order of the export."""

    def __init__(self, signal: Signal) -> None:
        self._signal = signal
        self._scopes: dict[tuple[int, int], _Scope] = {}

    def add(self, place: tuple[int, int], resource: Any, scope: Any, entry: Any) -> None:
        self._scopes.setdefault(place, _Scope(resource, scope)).entries.append(entry)

    def lines(self) -> Iterator[tuple[bytes, int]]:
        scopes = list(self._scopes.values())
        whole, count = self._line(scopes), sum(len(scope.entries) for scope in scopes)
        if len(whole) <= _WHOLE_BYTES or count == 1:
            yield whole, count
            return
        for scope in scopes:
            for entry in scope.entries:
                yield self._line([_Scope(scope.resource, scope.scope, [entry])]), 1

    def _line(self, scopes: list[_Scope]) -> bytes:
        signal = self._signal
        resources = [
            {"resource": one.resource, signal.scopes: [{"scope": one.scope, signal.entries: one.entries}]}
            for one in scopes
        ]
        return as_line({signal.resources: resources})


def _by_trace(export: dict[str, Any], signal: Signal, events: dict[str, Call]) -> list[_Trace]:
    """Entries that name no trace are one: events of a call may follow one another there. Events of messages that name
    their call go to `events`."""
    traces: dict[str, _Trace] = {}
    for number, resource in enumerate(_objects(export, signal.resources)):
        for inner, scope in enumerate(_objects(resource, signal.scopes)):
            for entry in _objects(scope, signal.entries):
                if signal is LOGS and (event := message_event(resource.get("resource"), entry)) is not None:
                    key = event["call"]
                    events[key] = joined(events[key], event) if key in events else event
                    continue
                identity = entry.get("traceId")
                trace = traces.setdefault(identity if isinstance(identity, str) else "", _Trace(signal))
                trace.add((number, inner), resource.get("resource"), scope.get("scope"), entry)
    return list(traces.values())


def _objects(holder: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Raises: InputError."""
    value = holder.get(name)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise InputError(f"`{name}` is no array of objects")
    return value
