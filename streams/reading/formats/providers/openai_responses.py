"""OpenAI's Responses API, whole or streamed. Source: OpenAI API reference, "Responses"."""

from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.formats.messages.content import Content, category, kind_of, read_content
from streams.reading.formats.messages.extracts import reasoning_text
from streams.reading.formats.messages.replies import LOST, Choice, Reply
from streams.reading.formats.parts.events import Events
from streams.reading.formats.parts.fields import Record, mapping, name_of, time_of
from streams.reading.formats.parts.outcomes import EntryError, malformed

_FINAL_EVENTS = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})


def recognises(body: Record) -> bool:
    output = body.get("output")
    if body.get("object") == "response":
        return True
    return (
        isinstance(output, list) and all(isinstance(item, dict) and "type" in item for item in output) and bool(output)
    )


def read_reply(body: Record) -> Reply:
    """Raises: EntryError, naming the field; `error_response` when the call failed."""
    output = body.get("output")
    if not isinstance(output, list):
        raise malformed("output", output, "an array")
    content = Content()
    for item in output:
        _add_item(content, item)
    created = time_of(body, "completed_at", "created_at")
    return Reply([Choice(content, _finish(body))], [], name_of(body, "id"), name_of(body, "model"), created)


def is_event(event: Record) -> bool:
    kind = kind_of(event)
    return kind is not None and kind.startswith("response.")


def join_events(events: Events) -> Record:
    """The body that the last event carries; without one, what was streamed until it was lost."""
    texts = []
    for event in events.items:
        if event.get("type") in _FINAL_EVENTS and isinstance(event.get("response"), dict):
            return event["response"]
        if event.get("type") == "response.output_text.delta" and isinstance(event.get("delta"), str):
            texts.append(event["delta"])
    item = {"type": "message", "content": [{"type": "output_text", "text": "".join(texts)}]}
    return {"object": "response", "status": LOST, "output": [item]}


def _add_item(content: Content, item: Any) -> None:
    if not isinstance(item, dict):
        raise malformed("output[]", item, "an object")
    kind = kind_of(item)
    if kind == "message" or (kind is None and "content" in item):
        content.seam()
        content.absorb(read_content(item.get("content"), "output[].content"))
        return
    match category(kind) if kind is not None else None:
        case "media":
            content.multi_modal = True
        case "call":
            content.tool_call = True
        case "reasoning":
            content.reasoning += [thought] if (thought := reasoning_text(item)) else []
        case None:
            content.notes.append("an item of no known type")


def _finish(body: Record) -> str | None:
    """The finish reason, in the words of chat completions."""
    status = body.get("status")
    if status in ("failed", "cancelled"):
        raise EntryError(RejectReason.ERROR_RESPONSE, f"status `{status}`")
    if status == "incomplete":
        return name_of(mapping(body.get("incomplete_details")), "reason") or "incomplete"
    return status if isinstance(status, str) else None
