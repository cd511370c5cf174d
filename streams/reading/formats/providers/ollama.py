"""Ollama's chat and generate calls, whole or streamed as JSON lines. Source: Ollama's API documentation."""

from streams.reading.formats.messages.replies import LOST, Reply, read_choice
from streams.reading.formats.parts.events import Events
from streams.reading.formats.parts.fields import Record, mapping, name_of, time_of
from streams.reading.formats.parts.outcomes import malformed


def recognises(body: Record) -> bool:
    return "done" in body and ("message" in body or "response" in body)


def read_reply(body: Record) -> Reply:
    """Raises: EntryError, naming the field."""
    finish = body.get("done_reason") if body.get("done") is True else LOST
    message = body.get("message")
    if isinstance(message, dict):
        choice = read_choice(message, finish)
    elif message is not None:
        raise malformed("message", message, "an object")
    else:
        text = body.get("response")
        if text is not None and not isinstance(text, str):
            raise malformed("response", text, "text")
        choice = read_choice({"content": text, "thinking": body.get("thinking")}, finish)
    return Reply([choice], [], None, name_of(body, "model"), time_of(body, "created_at"), continues=True)


def is_event(event: Record) -> bool:
    return recognises(event)


def join_events(events: Events) -> Record:
    """The last line, with the texts and tool calls of all lines."""
    texts: list[str] = []
    thoughts: list[str] = []
    tool = False
    for event in events.items:
        message = mapping(event.get("message"))
        text = message.get("content") if message else event.get("response")
        if isinstance(text, str):
            texts.append(text)
        thought = (message or event).get("thinking")
        thoughts += [thought] if isinstance(thought, str) else []
        tool = tool or bool(message.get("tool_calls"))
    last = events.items[-1] if events.items else {}
    done = last.get("done") is True and not events.damaged
    message = {"content": "".join(texts), "thinking": "".join(thoughts), "tool_calls": tool}
    return {**last, "done": done, "message": message}
