"""OpenLLMetry's flat attributes: `gen_ai.prompt.N.role/content` and `gen_ai.completion.N.…` (before: `llm.prompts.N`).

Source: OpenLLMetry's semantic conventions package, `SpanAttributes`.
"""

from collections.abc import Iterator
from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.formats.messages.replies import Reply, answered, read_choice
from streams.reading.formats.messages.transcripts import read_messages
from streams.reading.formats.parts.attributes import indexed, span_attributes
from streams.reading.formats.parts.decoding import decode_text
from streams.reading.formats.parts.fields import Record
from streams.reading.formats.parts.outcomes import EntryError, LogFormat, Outcome
from streams.reading.formats.traces.spans import check_status, is_span, span_chat

_PROMPTS = ("gen_ai.prompt", "llm.prompts")
_COMPLETIONS = ("gen_ai.completion", "llm.completions")
_MARKS = ("gen_ai.prompt.0", "llm.prompts.0", "gen_ai.completion.0", "llm.completions.0", "traceloop.")
_WRITING = (None, "chat", "completion", "unknown")


def matches(record: Record) -> bool:
    if not is_span(record):
        return False
    attributes = span_attributes(record)
    return "gen_ai.input.messages" not in attributes and any(key.startswith(_MARKS) for key in attributes)


def read(record: Record) -> Iterator[Outcome]:
    attributes = span_attributes(record)
    if attributes.get("llm.request.type") not in _WRITING:
        raise EntryError(RejectReason.NOT_A_GENERATION, "the call writes no text")
    prompts = _messages(attributes, _PROMPTS)
    completions = _messages(attributes, _COMPLETIONS)
    if not prompts and not completions:
        raise EntryError(
            RejectReason.NOT_A_GENERATION, "the span is of a workflow, a task or a tool, or without messages"
        )
    check_status(record, attributes)
    reply = Reply([read_choice(item, item.get("finish_reason"), "gen_ai.completion") for item in completions])
    for outcome in answered(read_messages(prompts, "gen_ai.prompt"), reply):
        yield outcome if isinstance(outcome, EntryError) else span_chat(outcome.messages, record, attributes)


def _messages(attributes: Record, prefixes: tuple[str, str]) -> list[Record]:
    items = indexed(attributes, prefixes[0]) or indexed(attributes, prefixes[1])
    default = "user" if prefixes is _PROMPTS else "assistant"
    return [_message(item, default) for item in items]


def _message(item: Record, default_role: str) -> Record:
    """A message with its content parts decoded, if its content is the JSON text of such."""
    content: Any = item.get("content")
    if isinstance(content, str) and content.startswith('[{"'):
        parts = decode_text(content)
        if isinstance(parts, list) and all(isinstance(part, dict) and "type" in part for part in parts):
            content = parts
    called = any(key.startswith(("tool_calls", "function_call")) for key in item)
    return {
        "role": item.get("role") or default_role,
        "content": content,
        "tool_calls": called,
        "finish_reason": item.get("finish_reason"),
    }


FORMAT = LogFormat("openllmetry", "OpenLLMetry spans", matches, read)
