"""Anthropic's Messages API and its older text completions, whole or streamed.

Source: Anthropic API reference, "Messages", "Streaming messages", "Text completions (legacy)".
"""

from streams.reading.formats.messages.content import kind_of, read_content
from streams.reading.formats.messages.finishes import finish_word
from streams.reading.formats.messages.replies import LOST, Choice, Reply, text_choice
from streams.reading.formats.parts.events import Events
from streams.reading.formats.parts.fields import Record, mapping, name_of, time_of

_EVENTS = frozenset(
    {
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "ping",
        "error",
    }
)


def recognises(body: Record) -> bool:
    if body.get("type") == "message" and "content" in body:
        return True
    return "stop_reason" in body and ("content" in body or "completion" in body)


def read_reply(body: Record) -> Reply:
    """Raises: EntryError, naming the field."""
    finish = body.get("stop_reason")
    if "completion" in body and "content" not in body:
        completion = body["completion"]
        choice = text_choice(completion.strip() if isinstance(completion, str) else None, finish)
    else:
        content = read_content(body.get("content"))
        choice = Choice(content, finish_word(finish))
    created = time_of(body, "created_at", "created")
    return Reply([choice], [], name_of(body, "id"), name_of(body, "model"), created, continues=True)


def is_event(event: Record) -> bool:
    return kind_of(event) in _EVENTS or ("completion" in event and "stop_reason" in event)


def join_events(events: Events) -> Record:
    """The message that the events build up; one without an end gets a stop reason that says so."""
    head: Record = {}
    blocks: dict[int, Record] = {}
    finish: str | None = None
    for event in events.items:
        if error := event.get("error"):
            return {"type": "error", "error": error}
        if event.get("type") == "message_start":
            head = mapping(event.get("message"))
        _add_to_block(blocks, event)
        finish = name_of(mapping(event.get("delta")), "stop_reason") or name_of(event, "stop_reason") or finish
    return {
        **head,
        "type": "message",
        "content": [block for _, block in sorted(blocks.items())],
        "stop_reason": LOST if events.damaged or not finish else finish,
    }


def _add_to_block(blocks: dict[int, Record], event: Record) -> None:
    """A block's beginning or one of its deltas; the older completions are one block of text."""
    index = event.get("index")
    number = index if isinstance(index, int) else 0
    if isinstance(event.get("completion"), str):
        block = blocks.setdefault(0, {"type": "text", "text": ""})
        block["text"] += event["completion"]
    if started := mapping(event.get("content_block")):
        blocks[number] = dict(started)
    delta = mapping(event.get("delta"))
    for key, kind in (("text", "text"), ("thinking", "thinking")):
        if isinstance(more := delta.get(key), str):
            block = blocks.setdefault(number, {"type": kind})
            block[key] = f"{block.get(key) or ''}{more}"
