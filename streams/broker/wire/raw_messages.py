"""A message of logs.raw becomes raw records: one JSON value, or a bundle with one on each line."""

from collections.abc import Iterator
from itertools import islice

import orjson

from coachlm.pairs import Position, Reject, RejectReason
from coachlm.protocols.streams import StreamMessage
from streams.reading.sources.excerpts import beginning
from streams.reading.sources.flaws import BEGIN_BYTES, Flaw, reject_of
from streams.reading.sources.json_values import cut_values
from streams.reading.sources.lines import json_lines
from streams.reading.sources.part import Part
from streams.reading.sources.records import RawRecord

FORMAT_HEADER = "coachlm-format"
"""The name of the log format, where its writer knows it; else it is told by the record's keys."""
FILE_HEADER = "coachlm-source"
"""The file that a record was read from."""
RECORD_HEADER = "coachlm-record"
"""Its number in that file."""


def header(message: StreamMessage, name: str) -> str | None:
    """The last value of that name, as Kafka's headers are read; None where it is null, too."""
    for key, value in reversed(message.headers):
        if key == name:
            return None if value is None else value.decode("utf-8", "replace")
    return None


def raw_records(message: StreamMessage, max_bytes: int) -> list[RawRecord | Reject]:
    """At least one. A JSON array stays whole: the formats know which arrays are bundles and which are conversations."""
    place = Position(message.source, message.offset)
    if message.value is None:
        return [Reject(place, RejectReason.UNREADABLE, "the message has no value (a tombstone)")]
    if len(message.value) > max_bytes:
        detail = f"the message has {len(message.value):,} bytes; COACHLM_MAX_RECORD_BYTES sets the limit"
        return [Reject(place, RejectReason.TOO_LONG, detail, excerpt=beginning(message.value[:BEGIN_BYTES]))]
    items = _cut(message.value, max_bytes)
    records = [_record(place, line, item) for line, item in enumerate(islice(items, Part.LINES))]
    if left_out := sum(1 for _ in items):
        last = Position(place.source, place.record, Part(Part.LINES - 1, Part.ENTRIES - 1).encode())
        detail = f"{left_out:,} lines after the first {Part.LINES:,} of the message were left out"
        records.append(Reject(last, RejectReason.TOO_LONG, detail))
    return records


def _record(place: Position, line: int, item: bytes | Flaw) -> RawRecord | Reject:
    position = place if line == 0 else Position(place.source, place.record, Part(line).encode())
    return reject_of(item, position) if isinstance(item, Flaw) else RawRecord(position, item)


def _cut(value: bytes, max_bytes: int) -> Iterator[bytes | Flaw]:
    stripped = value.strip()
    if b"\n" not in stripped or _decodes(stripped):
        return iter([value])
    first, _, _ = stripped.partition(b"\n")
    if _decodes(first):
        return json_lines(iter([value]), max_bytes)
    return cut_values(iter([value]), max_bytes, open_arrays=False)


def _decodes(value: bytes) -> bool:
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    return True
