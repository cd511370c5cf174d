"""What a model was asked in one call, from whatever stands for the request: a body, messages, a text."""

import re
from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.formats.parts.content import Content, Transcript, read_content, read_messages
from streams.reading.formats.parts.decoding import decode_text
from streams.reading.formats.parts.fields import Record, first_of, mapping
from streams.reading.formats.parts.outcomes import EntryError, json_type
from streams.reading.sources.records import Message, Role

REQUEST_KEYS = ("messages", "input", "contents", "prompt", "inputs", "query", "question", "text")
_SYSTEM_KEYS = ("system", "instructions", "system_instruction", "systemInstruction", "system_prompt")
_LABELS = re.compile(r"(?:^|\n)\s*(Human|Assistant|System|User|AI): ?", re.IGNORECASE)
_LABELLED = {
    "human": Role.USER,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "ai": Role.ASSISTANT,
    "system": Role.SYSTEM,
}


def read_prompt(value: Any, name: str = "request", levels: int = 4) -> Transcript:
    """The messages before the answer; bodies within bodies are opened `levels` deep.

    Raises: EntryError, naming the field.
    """
    if isinstance(value, str):
        decoded = decode_text(value)
        if not is_request(decoded):
            return _read_text(value)
        value = decoded
    match value:
        case None:
            raise EntryError(RejectReason.EMPTY, f"`{name}` is missing")
        case dict() if levels:
            return _read_body(value, name, levels)
        case list():
            return _read_list(value, name)
    raise EntryError(RejectReason.MALFORMED_RECORD, f"`{name}` is {json_type(value)}")


def is_request(value: Any) -> bool:
    """Whether a decoded value is a request body, a message or a list of messages, and not just data in a prompt."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(item, dict) and ("role" in item or _is_item(item)) for item in value)
    if not isinstance(value, dict):
        return False
    return "role" in value or any(isinstance(value.get(key), list) for key in REQUEST_KEYS) or _is_plain_body(value)


def _is_item(item: Record) -> bool:
    """An item of the Responses API, or a LangChain message."""
    return isinstance(item.get("type"), str) and bool(item.keys() & {"content", "call_id", "arguments", "summary"})


def _is_plain_body(value: Record) -> bool:
    return isinstance(value.get("prompt"), str) and len(value.keys() - {"prompt", "system", "messages"}) == 0


def _read_body(body: Record, name: str, levels: int) -> Transcript:
    if "role" in body:
        return read_messages([body], name)
    transcript = Transcript(list(_system_messages(body)))
    for key in REQUEST_KEYS:
        if (value := body.get(key)) is not None:
            rest = read_prompt(value, key, levels - 1)
            transcript.messages += rest.messages
            transcript.tool_call = rest.tool_call
            return transcript
    raise EntryError(RejectReason.MALFORMED_RECORD, f"`{name}` holds no messages or prompt")


def _system_messages(body: Record) -> list[Message]:
    value = first_of(body, *_SYSTEM_KEYS)
    if value is None:
        value = first_of(mapping(body.get("config")), *_SYSTEM_KEYS)
    if value is None or value == "":
        return []
    content = _system_content(value)
    return [Message(Role.SYSTEM, content.text(Role.SYSTEM), multi_modal=content.multi_modal)]


def _system_content(value: Any) -> Content:
    if isinstance(value, dict):
        value = first_of(value, "parts", "content") or value
    return read_content(value, "system")


def _read_list(items: list[Any], name: str) -> Transcript:
    if items and all(isinstance(item, str) for item in items):
        if len(items) > 1:
            raise EntryError(RejectReason.MALFORMED_RECORD, f"`{name}` holds {len(items)} prompts")
        return _read_text(items[0])
    if items and all(isinstance(item, list) for item in items) and len(items) == 1:
        return read_messages(items[0], name)  # LangChain batches of one
    return read_messages(items, name)


def _read_text(text: str) -> Transcript:
    """A prompt; one that writes out a dialogue (`Human: … Assistant:`) is taken apart."""
    if text.lstrip()[:7].lower().startswith(("human:", "system:", "user:")):
        cuts = list(_LABELS.finditer(text))
        turns = [
            Message(_LABELLED[cut.group(1).lower()], text[cut.end() : end].strip())
            for cut, end in zip(cuts, [c.start() for c in cuts[1:]] + [len(text)], strict=True)
        ]
        if turns[-1].role is Role.ASSISTANT and not turns[-1].text:
            turns.pop()
        if any(turn.role is Role.USER for turn in turns):
            return Transcript(turns)
    return Transcript([Message(Role.USER, text)])
