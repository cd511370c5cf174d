"""Spans of Langfuse's SDKs from version 3 on: `langfuse.observation.input`, `langfuse.observation.output`.

Source: Langfuse documentation, "OpenTelemetry", property mapping.
"""

from collections.abc import Iterator

from coachlm.pairs import RejectReason
from streams.reading.formats.exchanges.exchange import Halves, read_exchange
from streams.reading.formats.parts.attributes import span_attributes
from streams.reading.formats.parts.fields import Record, name_of
from streams.reading.formats.parts.outcomes import Chat, EntryError, LogFormat, Outcome
from streams.reading.formats.traces.langfuse import observation_field
from streams.reading.formats.traces.spans import check_status, is_span, span_chat

_PREFIX = "langfuse.observation."


def matches(record: Record) -> bool:
    return is_span(record) and any(key.startswith(_PREFIX) for key in span_attributes(record))


def read(record: Record) -> Iterator[Outcome]:
    attributes = span_attributes(record)
    kind = name_of(attributes, f"{_PREFIX}type") or "span"
    if kind.lower() != "generation":
        raise EntryError(RejectReason.NOT_A_GENERATION, "not a generation but another kind of observation")
    if name_of(attributes, f"{_PREFIX}level") == "ERROR":
        raise EntryError(RejectReason.ERROR_RESPONSE, "level is `ERROR`")
    check_status(record, attributes)
    request, response = (observation_field(attributes.get(_PREFIX + half)) for half in ("input", "output"))
    if request is None and response is None:
        raise EntryError(RejectReason.EMPTY, "neither input nor output")
    for outcome in read_exchange(Halves(request, response)):
        yield _with_circumstances(outcome, record, attributes) if isinstance(outcome, Chat) else outcome


def _with_circumstances(chat: Chat, record: Record, attributes: Record) -> Chat:
    found = span_chat(chat.messages, record, attributes)
    found.model = name_of(attributes, f"{_PREFIX}model.name") or found.model or chat.model
    found.tool_call, found.tools, found.only_last = chat.tool_call, chat.tools, chat.only_last
    found.notes += chat.notes
    return found


FORMAT = LogFormat("langfuse_otel", "Langfuse spans (SDK 3 and later)", matches, read)
