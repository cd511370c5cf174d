"""What all span formats share: ids, times, status, and which of nested calls is the innermost."""

from collections.abc import Iterator
from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.formats.messages.circumstances import fill
from streams.reading.formats.parts.attributes import span_attributes
from streams.reading.formats.parts.fields import Record, first_of, mapping, name_of, time_of
from streams.reading.formats.parts.outcomes import Chat, EntryError, Inner
from streams.reading.sources.records import Message

_SPAN_FIELDS = frozenset(
    {
        "spanContext",
        "span_context",
        "spanId",
        "span_id",
        "traceId",
        "trace_id",
        "context",
        "kind",
        "events",
        "startTimeUnixNano",
        "start_time",
        "startTime",
        "parentSpanId",
        "parent_id",
        "status",
        "timeUnixNano",
        "time_unix_nano",
        "observedTimeUnixNano",
        "observed_time_unix_nano",
        "eventName",
        "severityNumber",
        "start_time_unix_nano",
    }
)
_SESSIONS = (
    "session.id",
    "gen_ai.conversation.id",
    "langfuse.session.id",
    "traceloop.association.properties.session_id",
    "ai.telemetry.metadata.sessionId",
    "langsmith.metadata.session_id",
)
_USERS = (
    "user.id",
    "enduser.id",
    "langfuse.user.id",
    "traceloop.association.properties.user_id",
    "ai.telemetry.metadata.userId",
    "langsmith.metadata.user_id",
)
_MODELS = (
    "gen_ai.response.model",
    "ai.response.model",
    "gen_ai.request.model",
    "llm.model_name",
    "ai.model.id",
    "llm.request.model",
)
_PREFIXES = ("gen_ai.", "llm.", "openinference.", "traceloop.", "attributes.", "ai.operationId")


def is_span(record: Record) -> bool:
    if isinstance(record.get("attributes"), dict | list):
        return not record.keys().isdisjoint(_SPAN_FIELDS)
    return any(isinstance(key, str) and key.startswith(_PREFIXES) for key in record)


def check_status(record: Record, attributes: Record) -> None:
    """Raises: EntryError, when the span tells of an error."""
    status = first_of(record, "status", "status_code")
    code = first_of(mapping(status), "code", "status_code") if isinstance(status, dict) else status
    failed = code == 2 or (isinstance(code, str) and code.upper().endswith("ERROR"))
    if failed or attributes.get("error.type"):
        raise EntryError(RejectReason.ERROR_RESPONSE, "the span's status is an error")


def span_chat(messages: list[Message], record: Record, attributes: Record) -> Chat:
    """A chat with the circumstances that spans keep."""
    chat = Chat(
        messages,
        span_id(record),
        time_of(record, "endTimeUnixNano", "end_time_unix_nano", "endTime", "end_time", "timeUnixNano"),
        name_of(attributes, *_MODELS),
        name_of(attributes, *_SESSIONS),
        name_of(attributes, *_USERS),
    )
    chat.timestamp = chat.timestamp or time_of(attributes, "ai.response.timestamp")
    return fill(chat, {key: record[key] for key in ("startTimeUnixNano", "startTime", "start_time") if key in record})


def span_id(record: Record) -> str | None:
    context = mapping(first_of(record, "spanContext", "span_context", "context"))
    return (
        name_of(record, "spanId", "span_id", "context.span_id")
        or name_of(context, "spanId", "span_id")
        or name_of(record, "id")
    )


def innermost(spans: list[Any]) -> Iterator[Inner | EntryError]:
    """Spans of one record, without those that only repeat a call within them: model calls above another model call,
    and the AI SDK's outer spans whose answer an inner one gave."""
    calls: dict[int, Record] = {}  # index of a span that calls a model → its attributes
    parents: dict[str, str | None] = {}
    for index, span in enumerate(spans):
        if isinstance(span, dict):
            attributes = span_attributes(span)
            if (identity := span_id(span)) is not None:
                parents[identity] = _parent(span)
            if calls_model(attributes):
                calls[index] = attributes
    above = {a for index in calls for a in _ancestors(spans[index], parents)}
    answers = {_answer(a) for a in calls.values() if not _is_outer(a)}
    for index, span in enumerate(spans):
        attributes = calls.get(index)
        repeats = attributes is not None and _is_outer(attributes) and _answer(attributes) in answers
        if attributes is not None and (repeats or span_id(span) in above):
            yield EntryError(RejectReason.NOT_A_GENERATION, "the call is told again by a span within")
        else:
            yield Inner(span)


def calls_model(attributes: Record) -> bool:
    if (kind := attributes.get("openinference.span.kind")) is not None:
        return kind == "LLM"
    if (kind := attributes.get("langfuse.observation.type")) is not None:
        return kind == "generation"
    if (operation := attributes.get("ai.operationId")) is not None:
        return isinstance(operation, str) and operation.startswith(("ai.generate", "ai.stream"))
    return attributes.get("gen_ai.operation.name") in ("chat", "text_completion", "generate_content")


def _is_outer(attributes: Record) -> bool:
    operation = attributes.get("ai.operationId")
    return isinstance(operation, str) and not operation.endswith((".doGenerate", ".doStream"))


def _answer(attributes: Record) -> str:
    answer = first_of(attributes, "ai.response.text", "ai.response.object", "ai.result.text", "ai.result.object")
    return answer if isinstance(answer, str) else ""


def _parent(span: Record) -> str | None:
    context = mapping(first_of(span, "parentSpanContext", "parent"))
    return name_of(span, "parentSpanId", "parent_span_id", "parent_id") or name_of(context, "spanId", "span_id")


def _ancestors(span: Record, parents: dict[str, str | None]) -> Iterator[str]:
    seen: set[str] = set()
    parent = _parent(span)
    while parent is not None and parent not in seen:
        seen.add(parent)
        yield parent
        parent = parents.get(parent)
