"""A request and its response in one record, whatever their provider and however the log wraps them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.formats.messages.circumstances import fill
from streams.reading.formats.messages.finishes import finish_of
from streams.reading.formats.messages.prompts import REQUEST_KEYS, read_prompt
from streams.reading.formats.messages.replies import Choice, Reply, answered, read_choice, text_choice
from streams.reading.formats.messages.tool_calls import tool_names
from streams.reading.formats.messages.transcripts import Transcript, read_messages
from streams.reading.formats.parts.events import Events, as_events, read_body
from streams.reading.formats.parts.fields import Record, first_of, mapping, names_of
from streams.reading.formats.parts.outcomes import Chat, EntryError, Outcome, json_type
from streams.reading.formats.providers import (
    anthropic,
    bedrock,
    cohere,
    gemini,
    ollama,
    openai_chat,
    openai_responses,
    text_generation,
)


@dataclass(frozen=True, slots=True)
class Provider:
    """How one family of servers answers."""

    name: str
    title: str
    recognises: Callable[[Record], bool]
    read_reply: Callable[[Record], Reply]
    is_event: Callable[[Record], bool]
    join_events: Callable[[Events], Record]


PROVIDERS: tuple[Provider, ...] = tuple(
    Provider(name, title, home.recognises, home.read_reply, home.is_event, home.join_events)
    for name, title, home in (
        ("openai_chat", "OpenAI chat completions and completions", openai_chat),
        ("openai_responses", "OpenAI Responses", openai_responses),
        ("anthropic", "Anthropic Messages and completions", anthropic),
        ("gemini", "Gemini generateContent", gemini),
        ("ollama", "Ollama chat and generate", ollama),
        ("bedrock", "Amazon Bedrock Converse", bedrock),
        ("cohere", "Cohere chat", cohere),
        ("text_generation", "TGI, watsonx, Titan, llama.cpp and other servers that write on a text", text_generation),
    )
)
UNKNOWN_PROVIDER = "openai_chat"
"""What a request with a bare text for an answer is called."""

_REQUESTS = (
    "request", "req", "request_body", "requestBody", "RequestBody", "backendRequestBody", "BackendRequestBody",
    "reqPayload", "request_payload",
)  # fmt: skip
_RESPONSES = (
    "response", "resp", "response_body", "responseBody", "ResponseBody", "backendResponseBody", "BackendResponseBody",
    "respPayload", "response_payload", "chunk",
)  # fmt: skip
_ANSWERS = ("output", "outputs", "completion", "result", "answer")
_HALVES = frozenset(
    {
        *_REQUESTS,
        *_RESPONSES,
        *_ANSWERS,
        "choices",
        "content",
        "candidates",
        "promptFeedback",
        "done",
        "object",
        "type",
        "generation_id",
        "response_id",
        "generated_text",
        "generation",
    }
)
_TEXT_ANSWERS = ("text", "output_text", "completion", "generated_text", "content", *_ANSWERS, "response")
_OTHER_CALLS = frozenset(
    {"embedding", "embeddings", "data", "results", "b64_json", "categories", "segments", "audio", "images"}
)
_KIND = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_STATUSES = ("status_code", "statusCode", "http_status", "code", "status")


@dataclass(frozen=True, slots=True)
class Halves:
    """Where in a record the request and the response stand; None: not there."""

    request: Any
    response: Any
    status: int | None = None


def find_halves(record: Record) -> Halves | None:
    """None, if the record is no exchange and no part of one."""
    if record.keys().isdisjoint(_HALVES):
        return None
    request, response = first_of(record, *_REQUESTS), first_of(record, *_RESPONSES)
    wrapped = request is not None
    if request is None and _asks(record):
        request = record
    if response is None:
        response = record if provider_of(record) else first_of(record, *_ANSWERS)
    if response is None and not wrapped:
        return None
    status = _status(record) or _status(mapping(response))
    if isinstance(response, dict) and "body" in response and not provider_of(response):
        response = response["body"]
    if isinstance(request, dict) and "body" in request and not request.keys() & set(REQUEST_KEYS):
        request = request["body"]
    return Halves(request, response, status)


def _asks(record: Record) -> bool:
    """Whether a record holds a request; some keys of requests are keys of answers too."""
    keys = {key for key in REQUEST_KEYS if record.get(key) is not None}
    if not isinstance(record.get("message"), str):
        keys.discard("message")
    if cohere.recognises(record):
        keys -= {"text", "chat_history"}
    return bool(keys)


def provider_of(body: Any) -> Provider | None:
    """The provider whose response, or event of a stream, this is."""
    if isinstance(body, Events | list):
        items = body.items if isinstance(body, Events) else body
        found = (p for item in items[:3] if isinstance(item, dict) for p in PROVIDERS if p.is_event(item))
        return next(found, None)
    if not isinstance(body, dict):
        return None
    return next((p for p in PROVIDERS if p.recognises(body)), None)


def family(record: Record) -> str | None:
    """The name of the format of a record that is an exchange; None if it is none."""
    halves = find_halves(record)
    if halves is None:
        return None
    response = read_body(halves.response) if isinstance(halves.response, str) else halves.response
    if isinstance(response, list) and len(response) == 1 and provider_of(response) is None:
        response = response[0]
    provider = provider_of(response)
    return provider.name if provider else UNKNOWN_PROVIDER


def read_exchange(halves: Halves, *records: Record) -> Iterator[Outcome]:
    """The chat of one call, completed by the circumstances in `records`.

    Raises: EntryError.
    """
    reply = read_response(halves.response, halves.status)
    prompt = read_request(halves.request)
    for outcome in answered(prompt, reply):
        if isinstance(outcome, Chat):
            outcome.tools = tool_names(mapping(halves.request).get("tools"))
            fill(outcome, *records, mapping(halves.request))
        yield outcome


def read_request(request: Any) -> Transcript:
    if isinstance(request, str) and isinstance(body := read_body(request), dict | list):
        request = body
    return read_prompt(request)


def read_response(response: Any, status: int | None = None) -> Reply:
    """Raises: EntryError, when there is no answer in it."""
    if isinstance(response, str):
        response = read_body(response)
    if isinstance(response, list):
        response = _read_list(response)
    if status is not None and status >= 400:
        raise EntryError(RejectReason.ERROR_RESPONSE, f"status {status}")
    match response:
        case None:
            raise EntryError(RejectReason.NO_RESPONSE, "`response` is missing")
        case str():
            return Reply([text_choice(response)])
        case Reply():
            return response
        case Events():
            return _read_events(response)
        case dict():
            return _read_dict(response)
    raise EntryError(RejectReason.MALFORMED_RECORD, f"`response` is {json_type(response)}")


def _read_list(items: list[Any]) -> Reply | Events | str:
    """An answer that was logged as a list: of messages (the choices), of a stream's events, or of one text."""
    told = items and all(isinstance(item, dict) and ("role" in item or "message" in item) for item in items)
    if told and not provider_of(items):
        return _read_messages(items)
    if items and all(isinstance(item, str) for item in items) and not items[0].startswith(("data:", "{", "event:")):
        return "".join(items)  # one text, or its tokens
    if len(items) == 1 and isinstance(items[0], list):
        return _read_list(items[0]) if items[0] and isinstance(items[0][0], dict) else Events()
    return as_events(items)


def _read_messages(items: list[Record]) -> Reply:
    """Choices; or, where tools speak among them, the turns of one answer, of which the last is the answer."""
    if any(str(item.get("role")).lower() in ("tool", "function", "user") for item in items):
        return Reply([_message_choice(items[-1])], read_messages(items[:-1], "response").messages)
    return Reply([_message_choice(item) for item in items])


def _message_choice(item: Record) -> Choice:
    inner = item.get("message")
    finish = finish_of(item) or finish_of(mapping(item.get("json")))
    return read_choice(inner if isinstance(inner, dict) else item, finish)


def _read_events(events: Events) -> Reply:
    provider = provider_of(events)
    if provider is None:
        if events.damaged:
            raise EntryError(RejectReason.UNFINISHED, "the stream's events are unreadable")
        reply = Reply()
        for item in events.items:  # what was cut at the wrong place: a list of one body
            reply = _read_dict(item)
        return reply
    return _read_dict(provider.join_events(events))


def _read_dict(body: Record) -> Reply:
    error = body.get("error")
    if error or body.get("type") == "error" or body.get("object") == "error":
        raise EntryError(RejectReason.ERROR_RESPONSE, error_in_words(error or body))
    if provider := provider_of(body):
        return provider.read_reply(body)
    if "role" in body or isinstance(body.get("message"), dict):
        return Reply([_message_choice(body)])
    for key in _TEXT_ANSWERS:
        if isinstance(body.get(key), str):
            return Reply([text_choice(body[key], finish_of(body))])
    if isinstance(body.get("content"), list):
        return Reply([read_choice(body, finish_of(body))])
    if body.keys() & _OTHER_CALLS:
        raise EntryError(RejectReason.NOT_A_GENERATION, "the response does not come from a model that writes text")
    held = f"it holds {names_of(body)}" if names_of(body) else "it holds nothing" if not body else "its keys are odd"
    raise EntryError(RejectReason.MALFORMED_RECORD, f"`response` has no shape that is known; {held}")


def error_in_words(error: object) -> str:
    """The kind of an error and its code, where they are names and numbers; its message may hold anything."""
    said = mapping(error)
    kinds = (said.get(key) for key in ("type", "code", "status", "reason"))
    named = dict.fromkeys(f"`{kind}`" for kind in kinds if isinstance(kind, str | int) and _KIND.fullmatch(str(kind)))
    return "an error stands in place of the answer" + (f": {', '.join(named)}" if named else "")


def _status(record: Record) -> int | None:
    for key in _STATUSES:
        value = record.get(key)
        if isinstance(value, dict):
            value = value.get("code")
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None
