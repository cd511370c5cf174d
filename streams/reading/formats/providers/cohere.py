"""Cohere's chat APIs (v1 with `text`, v2 with `message`), whole or streamed. Source: Cohere API reference, "Chat"."""

from typing import Any

from streams.reading.formats.messages.replies import LOST, Reply, read_choice, text_choice
from streams.reading.formats.parts.events import Events
from streams.reading.formats.parts.fields import Record, mapping, name_of, words

_EVENTS = words(
    "message-start content-start content-delta content-end tool-plan-delta tool-call-start tool-call-delta"
    " tool-call-end citation-start citation-end message-end stream-start text-generation stream-end"
    " search-queries-generation search-results citation-generation tool-calls-generation tool-calls-chunk"
)


def recognises(body: Record) -> bool:
    if isinstance(body.get("text"), str):
        return not body.keys().isdisjoint({"response_id", "generation_id"})
    message = mapping(body.get("message"))
    return isinstance(message.get("content"), list) and "finish_reason" in body and "choices" not in body


def read_reply(body: Record) -> Reply:
    finish = body.get("finish_reason")
    if isinstance(body.get("text"), str):
        choice = text_choice(body["text"], finish)
        choice.content.tool_call = bool(body.get("tool_calls"))
    else:
        choice = read_choice(body["message"], finish)
    return Reply([choice], [], name_of(body, "response_id", "generation_id", "id"), name_of(body, "model"))


def is_event(event: Record) -> bool:
    return _kind(event) in _EVENTS


def _kind(event: Record) -> Any:
    kind = event.get("event_type") or event.get("type")
    return kind if isinstance(kind, str) else None


def join_events(events: Events) -> Record:
    """One body of all events; a stream without its end gets a finish reason that says so."""
    texts: list[str] = []
    thoughts: list[str] = []
    finish: Any = None
    called = False
    for event in events.items:
        kind = _kind(event)
        content = mapping(mapping(mapping(event.get("delta")).get("message")).get("content"))
        texts += [t for t in (content.get("text"), event.get("text") if kind == "text-generation" else None) if t]
        thoughts += [t for t in (content.get("thinking"),) if isinstance(t, str)]
        called = called or str(kind).startswith("tool-call")
        if kind in ("message-end", "stream-end"):
            finish = mapping(event.get("delta")).get("finish_reason") or event.get("finish_reason")
    parts = [{"type": "thinking", "thinking": "".join(thoughts)}, {"type": "text", "text": "".join(map(str, texts))}]
    message = {"role": "assistant", "content": parts, "tool_calls": called}
    return {"message": message, "finish_reason": LOST if events.damaged or not finish else finish}
