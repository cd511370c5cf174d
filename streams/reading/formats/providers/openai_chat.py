"""OpenAI chat completions and the older completions, whole or streamed; Azure, vLLM and many others answer alike.

Source: OpenAI API reference, "Chat Completions", "Completions (legacy)".
"""

from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.formats.messages.content import read_content
from streams.reading.formats.messages.finishes import finish_of, finish_word
from streams.reading.formats.messages.replies import LOST, Choice, Reply, read_choice, text_choice
from streams.reading.formats.parts.events import Events
from streams.reading.formats.parts.fields import Record, first_of, mapping, name_of, time_of
from streams.reading.formats.parts.outcomes import EntryError, malformed


def recognises(body: Record) -> bool:
    return "choices" in body


def read_reply(body: Record) -> Reply:
    """Raises: EntryError, naming the field."""
    choices = body.get("choices")
    if not isinstance(choices, list):
        raise malformed("choices", choices, "an array")
    found = [(_index(choice, number), _read_choice(choice)) for number, choice in enumerate(choices)]
    found.sort(key=lambda item: item[0])
    created = time_of(body, "created", "created_at")
    return Reply([choice for _, choice in found], [], name_of(body, "id"), name_of(body, "model"), created)


def is_event(event: Record) -> bool:
    return "choices" in _chunk(event)


def _chunk(event: Record) -> Record:
    """Mistral's client logs each chunk under `data`."""
    inner = event.get("data")
    return inner if isinstance(inner, dict) and "choices" in inner and "choices" not in event else event


def join_events(events: Events) -> Record:
    """One body of all chunks; a choice whose end is missing gets a finish reason that says so."""
    joined: dict[int, Record] = {}
    head: Record = {}
    for event in map(_chunk, events.items):
        head = {key: event[key] for key in ("id", "model", "created") if event.get(key)} | head
        choices = event.get("choices")
        for choice in choices if isinstance(choices, list) else []:
            if isinstance(choice, dict):
                _add_delta(
                    joined.setdefault(_index(choice, 0), {"text": [], "thought": [], "finish": None, "tool": False}),
                    choice,
                )
    choices = [_joined_choice(index, parts, events) for index, parts in sorted(joined.items())]
    return {**head, "choices": choices}


def _index(choice: Any, default: int) -> int:
    index = mapping(choice).get("index")
    return index if isinstance(index, int) else default


def _read_choice(choice: Any) -> Choice:
    if not isinstance(choice, dict):
        raise malformed("choices[]", choice, "an object")
    finish = finish_of(choice)
    message = choice.get("message")
    if isinstance(message, dict):
        return read_choice(message, finish, "choices[].message")
    if message is not None:
        raise malformed("choices[].message", message, "an object")
    text = choice.get("text")
    if text is not None and not isinstance(text, str):
        raise malformed("choices[].text", text, "text")
    return text_choice(text, finish)


def _add_delta(parts: Record, choice: Record) -> None:
    delta = mapping(choice.get("delta"))
    text = delta.get("content") if delta else choice.get("text")
    if isinstance(text, str):
        parts["text"].append(text)
    elif isinstance(text, list | dict):
        content = read_content(text)
        parts["text"] += content.texts
        parts["thought"] += content.reasoning
    thought = first_of(delta, "reasoning_content", "reasoning")
    parts["thought"] += [thought] if isinstance(thought, str) else []
    parts["tool"] = parts["tool"] or bool(delta.get("tool_calls") or delta.get("function_call"))
    if isinstance(delta.get("refusal"), str):
        parts["refusal"] = True
    if (finish := finish_word(choice.get("finish_reason"))) is not None:
        parts["finish"] = finish


def _joined_choice(index: int, parts: Record, events: Events) -> Record:
    finish = parts["finish"]
    if events.damaged or (finish is None and not events.done):
        finish = LOST
    message = {
        "role": "assistant",
        "content": "".join(parts["text"]),
        "reasoning_content": "".join(parts["thought"]),
        "tool_calls": parts["tool"],
        "refusal": parts.get("refusal"),
    }
    return {"index": index, "message": message, "finish_reason": finish}


def chunk_of_others(body: Record) -> EntryError | None:
    """Why a chunk carries nothing of the first choice; None if it does."""
    choices = body.get("choices")
    if isinstance(choices, list) and not choices:
        return EntryError(RejectReason.NOT_A_GENERATION, "a chunk without choices")
    if isinstance(choices, list) and all(_index(choice, 0) > 0 for choice in choices):
        return EntryError(RejectReason.NOT_CHOSEN, "a chunk of another choice")
    return None
