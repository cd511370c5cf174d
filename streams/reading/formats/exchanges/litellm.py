"""LiteLLM's StandardLoggingPayload, also where a log keeps it under `standard_logging_object`.

Source: LiteLLM proxy documentation, "StandardLoggingPayload Specification".
"""

from collections.abc import Iterator

from coachlm.pairs import RejectReason
from streams.reading.formats.exchanges.exchange import Halves, read_exchange
from streams.reading.formats.messages.circumstances import fill
from streams.reading.formats.parts.fields import Record, mapping, name_of, time_of
from streams.reading.formats.parts.outcomes import Chat, EntryError, LogFormat, Outcome, malformed

_WRITING = ("completion", "responses", "generate_content", "anthropic_messages", "text", "chat", "pass_through")


def matches(record: Record) -> bool:
    return "standard_logging_object" in record or ("call_type" in record and "messages" in record)


def read(record: Record) -> Iterator[Outcome]:
    payload = record.get("standard_logging_object", record)
    if not isinstance(payload, dict):
        raise malformed("standard_logging_object", payload, "an object")
    call = name_of(payload, "call_type") or "completion"
    if not any(word in call for word in _WRITING):
        raise EntryError(RejectReason.NOT_A_GENERATION, "the call writes no text")
    status = name_of(payload, "status")
    if payload.get("error_str") or status not in (None, "success"):
        raise EntryError(RejectReason.ERROR_RESPONSE, "status is not `success`")
    for outcome in read_exchange(Halves(payload.get("messages"), payload.get("response"))):
        yield _with_circumstances(outcome, payload) if isinstance(outcome, Chat) else outcome


def _with_circumstances(chat: Chat, payload: Record) -> Chat:
    metadata = mapping(payload.get("metadata"))
    chat.source_id = name_of(payload, "id")
    chat.timestamp = time_of(payload, "endTime", "startTime")
    chat.model = name_of(payload, "model")
    chat.session_id = name_of(payload, "session_id", "trace_id")
    chat.user_id = name_of(payload, "end_user") or name_of(metadata, "user_api_key_user_id", "user_api_key_end_user_id")
    return fill(chat, payload)


FORMAT = LogFormat("litellm", "LiteLLM standard logging payloads", matches, read)
