"""Spans of Vercel's AI SDK: `ai.prompt`, `ai.prompt.messages`, `ai.response.text`, `ai.response.object`.

The SDK tells each call twice, by an outer span (`ai.generateText`) and an inner one (`ai.generateText.doGenerate`).
Where both lie in one record `spans.innermost` leaves out the outer one; an outer span that comes alone is read.
Source: AI SDK documentation, "Telemetry".
"""

from collections.abc import Iterator

from coachlm.pairs import RejectReason
from streams.reading.formats.messages.prompts import read_prompt
from streams.reading.formats.messages.replies import Reply, answered, text_choice
from streams.reading.formats.parts.attributes import span_attributes
from streams.reading.formats.parts.fields import Record, first_of
from streams.reading.formats.parts.outcomes import EntryError, LogFormat, Outcome, malformed
from streams.reading.formats.traces.spans import calls_model, check_status, is_span, span_chat

_ANSWERS = ("ai.response.text", "ai.response.object", "ai.result.text", "ai.result.object")
_TOOLS = ("ai.response.toolCalls", "ai.result.toolCalls")
_FINISH = ("ai.response.finishReason", "ai.finishReason")


def matches(record: Record) -> bool:
    return is_span(record) and "ai.operationId" in span_attributes(record)


def read(record: Record) -> Iterator[Outcome]:
    attributes = span_attributes(record)
    if not calls_model(attributes):
        raise EntryError(RejectReason.NOT_A_GENERATION, "the operation writes no text")
    check_status(record, attributes)
    text = first_of(attributes, *_ANSWERS)
    if text is not None and not isinstance(text, str):
        raise malformed(_ANSWERS[0], text, "text")
    choice = text_choice(text, first_of(attributes, *_FINISH))
    choice.content.tool_call = bool(first_of(attributes, *_TOOLS))
    prompt = first_of(attributes, "ai.prompt.messages", "ai.prompt")
    if prompt is None:
        raise EntryError(RejectReason.EMPTY, "the span's prompt was not recorded")
    for outcome in answered(read_prompt(prompt, "ai.prompt"), Reply([choice])):
        yield outcome if isinstance(outcome, EntryError) else span_chat(outcome.messages, record, attributes)


FORMAT = LogFormat("vercel_ai", "Vercel AI SDK spans", matches, read)
