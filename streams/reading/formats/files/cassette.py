"""Recorded HTTP sessions (VCR cassettes): each call's bodies, unpacked, are read as a request and its response.

Calls of the Assistants API say little alone; they are joined to threads within the cassette. Source: vcrpy's and
betamax's serialisation formats.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import zstandard

from coachlm.pairs import RejectReason
from streams.reading.formats.parts.events import read_body
from streams.reading.formats.parts.fields import Record, first_of, mapping, name_of
from streams.reading.formats.parts.outcomes import EntryError, Inner, LogFormat, Outcome, malformed
from streams.reading.formats.providers import assistants

MAX_BODY_BYTES = 64_000_000
_WRITES_TEXT = re.compile(
    r"/(chat/completions|completions|responses|messages|complete|chat|generate|api/chat|api/generate|converse|invoke"
    r"|[\w.-]+:(generateContent|streamGenerateContent))/?(\?|$)"
)


def matches(record: Record) -> bool:
    return "interactions" in record or "http_interactions" in record


def read(record: Record) -> Iterator[Outcome]:
    calls = first_of(record, "interactions", "http_interactions")
    if not isinstance(calls, list):
        raise malformed("interactions", calls, "an array")
    if not calls:
        raise EntryError(RejectReason.EMPTY, "a cassette without calls")
    threads = assistants.Threads()
    for call in calls:
        try:
            yield _read_call(call, threads)
        except EntryError as error:
            yield error
    yield from threads.outcomes()


def _read_call(call: Any, threads: assistants.Threads) -> Outcome:
    request, response = mapping(mapping(call).get("request")), mapping(mapping(call).get("response"))
    url = name_of(request, "uri", "url") or ""
    status = first_of(mapping(response.get("status")), "code") or response.get("status_code")
    if assistants.is_call(url):
        threads.add(url, _unpack(request.get("body")), _unpack(response.get("body")))
        return EntryError(RejectReason.NOT_A_GENERATION, "a call of the Assistants API; its thread is read as a whole")
    if not _WRITES_TEXT.search(url):
        raise EntryError(RejectReason.NOT_A_GENERATION, "the call's endpoint writes no text")
    if isinstance(status, int) and status >= 400:
        raise EntryError(RejectReason.ERROR_RESPONSE, f"status {status}")
    body, answer = _unpack(request.get("body")), _unpack(response.get("body"))
    if isinstance(answer, str) and isinstance(read_body(answer), str):
        raise EntryError(RejectReason.MALFORMED_JSON, "the response's body is neither JSON nor a stream")
    time = mapping(call).get("recorded_at") or _date(mapping(response.get("headers")))
    return Inner({"request": body, "response": answer, "timestamp": time})


def _date(headers: Record) -> datetime | None:
    value = first_of(headers, "Date", "date")
    value = value[0] if isinstance(value, list) and value else value
    try:
        return parsedate_to_datetime(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


def _unpack(body: Any) -> Any:
    """A body as text or, where the cassette's serialiser decoded it, as a value.

    Raises: EntryError, `unreadable`.
    """
    if isinstance(body, dict) and not body.keys().isdisjoint({"string", "base64_string"}):
        packed = body.get("base64_string")
        body = _from_base64(packed) if isinstance(packed, str) else body["string"]
    if isinstance(body, bytes):
        try:
            body = _decompress(body).decode("utf-8")
        except UnicodeDecodeError:
            raise EntryError(
                RejectReason.UNREADABLE, "a body is neither text nor of a compression that is known"
            ) from None
    if isinstance(body, str):
        value = read_body(body)
        return value if isinstance(value, dict | list) else body
    return body


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=False)
    except binascii.Error:
        raise EntryError(RejectReason.UNREADABLE, "a body is not valid base64") from None


def _decompress(data: bytes) -> bytes:
    """gzip, zlib and zstd, told by their first bytes; other data as it is."""
    try:
        if data[:2] == b"\x1f\x8b" or data[:1] == b"\x78":
            inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
            unpacked, more = inflater.decompress(data, MAX_BODY_BYTES), bool(inflater.unconsumed_tail)
            if not more and not inflater.eof:
                raise zlib.error("cut short")
        elif data[:4] == b"\x28\xb5\x2f\xfd":
            with zstandard.ZstdDecompressor().stream_reader(data) as reader:
                unpacked, more = reader.read(MAX_BODY_BYTES), bool(reader.read(1))
        else:
            return data
    except (zlib.error, zstandard.ZstdError):
        if data[:1] == b"\x78":  # an `x`: text may begin with it too
            return data
        raise EntryError(RejectReason.UNREADABLE, "a body's compression is broken") from None
    if more:
        raise EntryError(RejectReason.TOO_LONG, f"a body is longer than {MAX_BODY_BYTES:,} bytes unpacked")
    return unpacked


FORMAT = LogFormat("vcr_cassette", "Recorded HTTP sessions (VCR)", matches, read)
