"""OpenInference spans (Phoenix): `llm.input_messages.N.message.…` and `llm.output_messages.N.message.…`.

Source: OpenInference specification, "Semantic Conventions", "Messages".
"""

from collections.abc import Iterator

from coachlm.pairs import RejectReason
from streams.reading.formats.exchanges.exchange import read_request, read_response
from streams.reading.formats.messages.replies import Reply, answered, read_choice, text_choice
from streams.reading.formats.messages.transcripts import Transcript, read_messages
from streams.reading.formats.parts.attributes import indexed, span_attributes
from streams.reading.formats.parts.fields import Record, first_of
from streams.reading.formats.parts.outcomes import EntryError, LogFormat, Outcome
from streams.reading.formats.traces.spans import check_status, is_span, span_chat
from streams.reading.sources.records import Message, Role

_MARKS = ("openinference.", "llm.input_messages", "llm.output_messages")


def matches(record: Record) -> bool:
    return is_span(record) and any(key.startswith(_MARKS) for key in span_attributes(record))


def read(record: Record) -> Iterator[Outcome]:
    attributes = span_attributes(record)
    kind = first_of(attributes, "openinference.span.kind") or record.get("span_kind") or "LLM"
    if not isinstance(kind, str) or kind.upper() != "LLM":
        raise EntryError(RejectReason.NOT_A_GENERATION, "the span is of another kind than `LLM`")
    check_status(record, attributes)
    reply = _read_output(attributes)
    for outcome in answered(_read_input(attributes), reply):
        yield outcome if isinstance(outcome, EntryError) else span_chat(outcome.messages, record, attributes)


def _read_input(attributes: Record) -> Transcript:
    if items := indexed(attributes, "llm.input_messages"):
        return read_messages([_message(item) for item in items], "llm.input_messages")
    prompts = [item.get("prompt.text") for item in indexed(attributes, "llm.prompts")]
    if len(prompts) == 1 and isinstance(prompts[0], str):
        return Transcript([Message(Role.USER, prompts[0])])
    return read_request(attributes.get("input.value"))


def _read_output(attributes: Record) -> Reply:
    if items := indexed(attributes, "llm.output_messages"):
        finish = attributes.get("llm.finish_reason")
        return Reply([read_choice(_message(item), finish, "llm.output_messages") for item in items])
    texts = [item.get("completion.text") for item in indexed(attributes, "llm.choices")]
    if texts:
        return Reply([text_choice(text if isinstance(text, str) else None) for text in texts])
    return read_response(attributes.get("output.value"))


def _message(item: Record) -> Record:
    """`message.role`, `message.content` and `message.contents.N.message_content.…` as a message with parts."""
    message = {key[8:]: value for key, value in item.items() if key.startswith("message.")} or item
    content = message.get("content")
    parts = [_part(part) for part in indexed(message, "contents")]
    if parts and not content:
        content = parts
    calls = any(key.startswith(("tool_calls", "function_call")) for key in message)
    return {"role": message.get("role"), "content": content, "tool_calls": calls}


def _part(item: Record) -> Record:
    part = {key[16:]: value for key, value in item.items() if key.startswith("message_content.")} or item
    text = part.get("text")
    return {"type": part.get("type") or ("text" if text is not None else "image"), "text": text}


FORMAT = LogFormat("openinference", "OpenInference spans", matches, read)
