"""Calls of providers' APIs as formats: whole in one record, or in records of their own joined by the response's id.

Only chat completions are joined: chunks, responses and requests that share an `id`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.formats.exchanges.exchange import (
    PROVIDERS,
    Halves,
    error_in_words,
    family,
    find_halves,
    read_exchange,
)
from streams.reading.formats.parts.events import Events
from streams.reading.formats.parts.fields import Record, mapping, name_of
from streams.reading.formats.parts.outcomes import EntryError, LogFormat, Outcome, Piece
from streams.reading.formats.providers import openai_chat
from streams.reading.sources.records import Fragment


def read(record: Record) -> Iterator[Outcome]:
    """A call that is whole; half of one becomes a piece where it has an id to be joined by."""
    halves = find_halves(record) or Halves(None, None)
    if halves.request is None:
        yield _lone_response(record, halves)
    elif _is_chunk(halves.response):
        yield _chunk(halves.response, halves.request)
    elif halves.response is None and _awaits_response(record):
        yield _lone_request(str(record["id"]), halves.request)
    else:
        yield from read_exchange(halves, record)


def assemble(fragments: Sequence[Fragment]) -> Iterator[Outcome]:
    """Chunks to a response; the request from wherever one was seen."""
    requests = [request for f in fragments if (request := _request(f)) is not None]
    chunks = [f.data["chunk"] for f in fragments if f.part == "chunk" and f.data["chunk"] is not None]
    responses = [f.data for f in fragments if f.part == "response"]
    if not requests or not (chunks or responses):
        raise EntryError(RejectReason.UNMATCHED, "its other half never came")
    response = responses[0] if responses else Events(chunks)
    yield from read_exchange(Halves(requests[0], response), {"id": fragments[0].key})


def _lone_request(key: str, request: Any) -> Piece:
    """What asks for a stream waits among the chunks."""
    if mapping(request).get("stream") is True:
        return Piece(key, "chunk", {"request": request, "chunk": None})
    return Piece(key, "request", request)


def _lone_response(record: Record, halves: Halves) -> Outcome:
    """Raises: EntryError, when it can't wait for its request."""
    body = mapping(halves.response)
    if body.get("error"):
        raise EntryError(RejectReason.ERROR_RESPONSE, error_in_words(body["error"]))
    if _is_chunk(body):
        return _chunk(body, None, name_of(record, "id"))
    if openai_chat.recognises(body) and (key := name_of(body, "id")):
        return Piece(key, "response", body)
    raise EntryError(RejectReason.UNMATCHED, "a response without its request")


def _is_chunk(response: Any) -> bool:
    body = mapping(response)
    kind = body.get("object")
    return kind == "chat.completion.chunk" or (kind is None and _has_delta(body))


def _has_delta(body: Record) -> bool:
    choices = body.get("choices")
    return isinstance(choices, list) and bool(choices) and "delta" in mapping(choices[0])


def _chunk(body: Record, request: Any, record_id: str | None = None) -> Piece:
    """Raises: EntryError, for a chunk that carries nothing of the first choice, or has no id."""
    if error := openai_chat.chunk_of_others(body):
        raise error
    key = name_of(body, "id") or record_id
    if key is None:
        raise EntryError(RejectReason.UNMATCHED, "a chunk without an id")
    choices = body.get("choices")
    ended = isinstance(choices, list) and any(mapping(choice).get("finish_reason") for choice in choices)
    return Piece(key, "chunk", {"request": request, "chunk": body}, complete=ended and request is not None)


def _awaits_response(record: Record) -> bool:
    return name_of(record, "id") is not None and "response" not in record and not record.get("error")


def _request(fragment: Fragment) -> Any:
    match fragment.part:
        case "chunk":
            return fragment.data["request"]
        case "request":
            return fragment.data
    return None


def _matcher(name: str) -> Callable[[Record], bool]:
    return lambda record: family(record) == name


FORMATS = tuple(
    LogFormat(p.name, p.title, _matcher(p.name), read, assemble if p.name == "openai_chat" else None) for p in PROVIDERS
)
