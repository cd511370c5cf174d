"""OTLP in protobuf: traces and logs as exporters send them and as the Collector writes them to files and brokers.

Source: OTLP specification, "Binary Protobuf Encoding"; opentelemetry-proto; the Collector's file exporter (`format:
proto` puts the size, four bytes, in front of every message).
"""

import base64
from collections.abc import Iterator
from functools import cache
from typing import Any

from coachlm.machine import extras
from streams.reading.sources.flaws import Flaw, Unreadable, too_long, unreadable

_FIELDS = b"\x0a\x12\x1a"  # resource, scopes and schema of the first of an envelope's resources
_IDS = frozenset({"traceId", "spanId", "parentSpanId"})
_SIZE_BYTES = 4


def begins_message(data: bytes) -> bool:
    """Whether bytes can be the beginning of an envelope of spans or log records; text can't."""
    if data[:1] != b"\x0a":
        return False
    length, shift = 0, 0
    for index in range(1, 6):
        byte = data[index : index + 1]
        if not byte:
            return False
        length |= (byte[0] & 0x7F) << shift
        shift += 7
        if byte[0] < 0x80:
            inside = data[index + 1 : index + 2]
            return length > 0 and inside != b"" and inside in _FIELDS and not data.isascii()
    return False


def begins_sized_message(data: bytes) -> bool:
    size = int.from_bytes(data[:_SIZE_BYTES], "big")
    return data[:1] == b"\0" and size > 2 and begins_message(data[_SIZE_BYTES : _SIZE_BYTES + size])


def decode_message(data: bytes) -> dict[str, Any] | None:
    """An envelope as OTLP/JSON has it; None, if the bytes are none.

    Raises: Unreadable, where the package that decodes is missing.
    """
    if lack := extras.OTLP.lack("OTLP in protobuf needs"):
        raise Unreadable(lack)
    for kind, is_it in ((0, _holds_spans), (1, _holds_logs)):
        envelope = _message(data, kind)
        if envelope is not None and is_it(envelope):
            return _plain(envelope)
    return None


def decode_export(data: bytes, *, logs: bool) -> dict[str, Any] | None:
    """What an exporter sends, maybe nothing, as OTLP/JSON has it; None, if the bytes are no such message.

    Raises: Unreadable, where the package that decodes is missing.
    """
    if lack := extras.OTLP.lack("OTLP in protobuf needs"):
        raise Unreadable(lack)
    envelope = _message(data, int(logs))
    return None if envelope is None else _plain(envelope)


def otlp_messages(blocks: Iterator[bytes], max_bytes: int) -> Iterator[dict[str, Any] | Flaw]:
    """The envelopes of a file: one alone, or several with their sizes in front.

    Raises: Unreadable, where what follows is no envelope, or the package that decodes is missing.
    """
    held = b""
    sized: bool | None = None
    for block in blocks:
        held += block
        sized = not begins_message(held) if sized is None else sized
        while sized and len(held) >= _SIZE_BYTES:
            size = int.from_bytes(held[:_SIZE_BYTES], "big")
            if size > max_bytes:
                raise Unreadable(too_long("a message", max_bytes).detail)
            if len(held) < _SIZE_BYTES + size:
                break
            yield _decoded(held[_SIZE_BYTES : _SIZE_BYTES + size])
            held = held[_SIZE_BYTES + size :]
        if not sized and len(held) > max_bytes:
            yield too_long("the message", max_bytes)
            return
    if held:
        yield unreadable("the last message is cut short") if sized else _decoded(held)


def _decoded(data: bytes) -> dict[str, Any] | Flaw:
    return decode_message(data) or unreadable("a message that is no OTLP envelope of spans or log records")


def _message(data: bytes, kind: int) -> Any | None:
    envelope = _envelopes()[kind]()
    try:
        envelope.ParseFromString(data)
    except Exception as error:
        if type(error).__name__ != "DecodeError":
            raise
        return None
    return envelope


@cache
def _envelopes() -> tuple[Any, Any]:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    return ExportTraceServiceRequest, ExportLogsServiceRequest


def _holds_spans(envelope: Any) -> bool:
    spans = [span for resource in envelope.resource_spans for scope in resource.scope_spans for span in scope.spans]
    return bool(spans) and all(len(span.trace_id) == 16 and span.start_time_unix_nano for span in spans)


def _holds_logs(envelope: Any) -> bool:
    return any(scope.log_records for resource in envelope.resource_logs for scope in resource.scope_logs)


def _plain(envelope: Any) -> dict[str, Any]:
    from google.protobuf.json_format import MessageToDict

    return _with_hex_ids(MessageToDict(envelope))


def _with_hex_ids(value: Any) -> Any:
    """OTLP/JSON writes ids as hexadecimal digits, where protobuf's own JSON has base64."""
    if isinstance(value, list):
        return [_with_hex_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64decode(item).hex() if key in _IDS and isinstance(item, str) else _with_hex_ids(item)
        for key, item in value.items()
    }
