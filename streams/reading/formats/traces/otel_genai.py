"""OpenTelemetry's conventions for generative AI: messages in attributes (structured or JSON text) or in events.

Source: OpenTelemetry semantic conventions for generative AI, "Spans", "Events"; also the events of version 1.36 and
before (`gen_ai.user.message`, `gen_ai.choice`, `gen_ai.content.prompt`).
"""

from collections.abc import Iterator
from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.formats.exchanges.exchange import read_response
from streams.reading.formats.messages.prompts import read_prompt
from streams.reading.formats.messages.replies import Reply, answered
from streams.reading.formats.messages.transcripts import Transcript
from streams.reading.formats.parts.attributes import flatten, span_attributes
from streams.reading.formats.parts.decoding import decode_text
from streams.reading.formats.parts.fields import Record, first_of, mapping, name_of
from streams.reading.formats.parts.outcomes import EntryError, LogFormat, Outcome
from streams.reading.formats.traces.spans import check_status, is_span, span_chat

_WRITING = (None, "chat", "text_completion", "generate_content", "completion", "messages")
_INPUTS = ("gen_ai.input.messages", "gen_ai.prompt")
_OUTPUTS = ("gen_ai.output.messages", "gen_ai.completion")
_MESSAGE_EVENTS = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}


def read(record: Record) -> Iterator[Outcome]:
    attributes = span_attributes(record)
    if attributes.get("gen_ai.operation.name") not in _WRITING:
        raise EntryError(RejectReason.NOT_A_GENERATION, "the span is of another operation than generating text")
    attributes = _with_events(record, attributes)
    given, output = first_of(attributes, *_INPUTS), first_of(attributes, *_OUTPUTS)
    if given is None and output is None:
        raise _without_content(attributes)
    check_status(record, attributes)
    reply = _read_output(output, attributes)
    prompt = _read_input(given, attributes)
    for outcome in answered(prompt, reply):
        yield outcome if isinstance(outcome, EntryError) else span_chat(outcome.messages, record, attributes)


def _without_content(attributes: Record) -> EntryError:
    if any(isinstance(key, str) and key.startswith("gen_ai.") for key in attributes):
        return EntryError(RejectReason.EMPTY, "the span's messages were not recorded")
    return EntryError(RejectReason.NOT_A_GENERATION, "the span calls no model")


def _read_input(given: Any, attributes: Record) -> Transcript:
    prompt = read_prompt(given, "gen_ai.input.messages")
    system = attributes.get("gen_ai.system_instructions")
    if system is not None:
        system = decode_text(system) if isinstance(system, str) else system
        rest = prompt.messages
        prompt = read_prompt({"system": system, "messages": []})
        prompt.messages += rest
    return prompt


def _read_output(output: Any, attributes: Record) -> Reply:
    if isinstance(output, str):
        decoded = decode_text(output)
        output = decoded if isinstance(decoded, list) else output
    reply = read_response(output)
    reasons = attributes.get("gen_ai.response.finish_reasons")
    reasons = decode_text(reasons) if isinstance(reasons, str) else reasons
    for choice, reason in zip(reply.choices, reasons if isinstance(reasons, list) else [], strict=False):
        if choice.finish is None and isinstance(reason, str):
            choice.finish = reason
    return reply


def _with_events(record: Record, attributes: Record) -> Record:
    """The attributes, completed by what the span's events (or the record itself, if it is a log record) carry."""
    events = record.get("events")
    prompts: list[Record] = []
    choices: list[Record] = []
    found = dict(attributes)
    for event in events if isinstance(events, list) else []:
        if not isinstance(event, dict):
            continue
        inner = span_attributes(event) if "attributes" in event else {}
        name = name_of(event, "name", "eventName") or name_of(inner, "event.name")
        body = event.get("body")
        message = body if isinstance(body, dict) else _unflattened(inner)
        if name in _MESSAGE_EVENTS:
            prompts.append({"role": _MESSAGE_EVENTS[name], **message})
        elif name == "gen_ai.choice":
            choices.append(message)
        else:
            found = {**{key: value for key, value in inner.items() if key.startswith("gen_ai.")}, **found}
    if prompts:
        found.setdefault("gen_ai.input.messages", prompts)
    if choices:
        found.setdefault("gen_ai.output.messages", [{"role": "assistant", **_choice(choice)} for choice in choices])
    return found


def _unflattened(attributes: Record) -> Record:
    """An event's message from its attributes; values may be JSON text."""
    return {
        key: decode_text(value) if isinstance(value, str) and key != "content" else value
        for key, value in attributes.items()
    }


def _choice(choice: Record) -> Record:
    message = choice.get("message")
    inner = message if isinstance(message, dict) else {"content": message} if isinstance(message, str) else {}
    named = {key[8:]: value for key, value in flatten(choice).items() if key.startswith("message.")}
    return {**choice, **named, **mapping(inner)}


FORMAT = LogFormat("otel_genai", "OpenTelemetry GenAI spans", is_span, read)
