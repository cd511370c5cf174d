"""OTLP envelopes of spans and log records; what they hold is read entry by entry.

Source: OTLP specification, "JSON Protobuf Encoding".
"""

from collections.abc import Iterator
from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.formats.parts.attributes import any_value, key_values
from streams.reading.formats.parts.fields import Record, first_of, mapping
from streams.reading.formats.parts.outcomes import EntryError, Inner, LogFormat, malformed
from streams.reading.formats.traces.log_events import calls_of_events
from streams.reading.formats.traces.spans import innermost

_RESOURCES = ("resourceSpans", "resource_spans", "resourceLogs", "resource_logs")
_SCOPES = ("scopeSpans", "scope_spans", "instrumentationLibrarySpans", "scopeLogs", "scope_logs")
_ENTRIES = ("spans", "logRecords", "log_records")


def matches(record: Record) -> bool:
    return not record.keys().isdisjoint((*_RESOURCES, *_SCOPES))


def read(record: Record) -> Iterator[Inner | EntryError]:
    spans = list(_entries(record))
    if not spans:
        raise EntryError(RejectReason.EMPTY, "an envelope without spans")
    calls, others = calls_of_events(spans)
    yield from map(Inner, calls)
    if others:
        yield from innermost(others)


def _entries(record: Record) -> Iterator[Any]:
    resources = _list(record, _RESOURCES) if any(key in record for key in _RESOURCES) else [record]
    for resource in resources:
        shared = key_values(_list(mapping(resource.get("resource")), ("attributes",)))
        for scope in _list(resource, _SCOPES):
            for entry in _list(scope, _ENTRIES):
                yield _plain(entry, shared)


def _plain(entry: Record, shared: Record) -> Record:
    """A span with plain attributes, the resource's beneath its own."""
    own = key_values(_list(entry, ("attributes",)))
    plain = {**entry, "attributes": {**shared, **own}}
    events = entry.get("events")
    if isinstance(events, list):
        plain["events"] = [
            {**event, "attributes": key_values(_list(event, ("attributes",)))}
            for event in events
            if isinstance(event, dict)
        ]
    if isinstance(entry.get("body"), dict):
        plain["body"] = any_value(entry["body"])
    return plain


def _list(record: Record, keys: tuple[str, ...]) -> list[Record]:
    value = first_of(record, *keys)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise malformed(keys[0], value, "an array of objects")
    return value


FORMAT = LogFormat("otlp", "OTLP envelopes of spans and log records", matches, read)
