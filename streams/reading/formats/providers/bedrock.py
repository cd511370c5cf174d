"""Amazon Bedrock's Converse API, whole or streamed; Nova answers alike. Source: AWS, "Converse", "ConverseStream"."""

from typing import Any

from streams.reading.formats.messages.replies import LOST, Reply, read_choice
from streams.reading.formats.parts.events import Events
from streams.reading.formats.parts.fields import Record, mapping, name_of, time_of

_EVENTS = frozenset({"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop"})


def recognises(body: Record) -> bool:
    return isinstance(mapping(body.get("output")).get("message"), dict)


def read_reply(body: Record) -> Reply:
    choice = read_choice(body["output"]["message"], body.get("stopReason"), "output.message")
    created = time_of(body, "timestamp", "created_at")
    return Reply([choice], [], name_of(body, "requestId", "id"), name_of(body, "modelId"), created, continues=True)


def is_event(event: Record) -> bool:
    return len(event) <= 2 and not event.keys().isdisjoint(_EVENTS)


def join_events(events: Events) -> Record:
    """The message that the events build up; one without an end gets a stop reason that says so."""
    blocks: dict[int, Record] = {}
    finish: str | None = None
    for event in events.items:
        for key in ("contentBlockStart", "contentBlockDelta"):
            inner = mapping(event.get(key))
            if inner:
                _add(blocks, inner)
        finish = name_of(mapping(event.get("messageStop")), "stopReason") or finish
    content = [block for _, block in sorted(blocks.items())]
    stop = LOST if events.damaged or not finish else finish
    return {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": stop}


def _add(blocks: dict[int, Record], inner: Record) -> None:
    index = inner.get("contentBlockIndex")
    block = blocks.setdefault(index if isinstance(index, int) else 0, {})
    change: Any = mapping(inner.get("delta")) or mapping(inner.get("start"))
    if isinstance(text := change.get("text"), str):
        block["text"] = block.get("text", "") + text
    if "toolUse" in change:
        block["toolUse"] = {}
    if isinstance(thought := mapping(change.get("reasoningContent")).get("text"), str):
        earlier = mapping(mapping(block.get("reasoningContent")).get("reasoningText")).get("text") or ""
        block["reasoningContent"] = {"reasoningText": {"text": earlier + thought}}
