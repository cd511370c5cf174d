"""What a model was asked in one call, from whatever stands for the request: a body, messages, a text."""

from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.formats.messages.content import Content, read_content
from streams.reading.formats.messages.templates import read_labelled, read_rendered
from streams.reading.formats.messages.transcripts import Transcript, read_messages
from streams.reading.formats.parts.decoding import decode_text
from streams.reading.formats.parts.fields import Record, first_of, mapping
from streams.reading.formats.parts.outcomes import EntryError, json_type
from streams.reading.sources.records import Message, Role

REQUEST_KEYS = (
    "messages", "input", "contents", "prompt", "inputs", "query", "question", "text", "inputText", "chat_history",
    "message",
)  # fmt: skip
_SYSTEM_KEYS = ("system", "instructions", "system_instruction", "systemInstruction", "system_prompt", "preamble")
_WRITTEN_OUT = frozenset({"prompt", "prompts", "inputs", "request", "inputText"})
"""Fields of models without turns, whose callers write dialogues out with labels; elsewhere a label is a user's word."""


def read_prompt(value: Any, name: str = "request", levels: int = 4) -> Transcript:
    """The messages before the answer; bodies within bodies are opened `levels` deep.

    Raises: EntryError, naming the field.
    """
    if isinstance(value, str):
        decoded = decode_text(value)
        if not is_request(decoded):
            return read_text(value, name)
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
    if isinstance(item.get("kwargs"), dict) and "lc" in item:
        return True
    told = item.keys() & {"content", "call_id", "arguments", "summary", "action", "data", "tools", "output"}
    return isinstance(item.get("type"), str) and bool(told)


def _is_plain_body(value: Record) -> bool:
    return isinstance(value.get("prompt"), str) and len(value.keys() - {"prompt", "system", "messages"}) == 0


def _read_body(body: Record, name: str, levels: int) -> Transcript:
    if "role" in body:
        return read_messages([body], name)
    transcript = Transcript(list(_system_messages(body)))
    if isinstance(body.get("message"), str) and not isinstance(body.get("messages"), list):
        return _cohere(transcript, body)
    for key in REQUEST_KEYS:
        if (value := body.get(key)) is not None:
            rest = _contents(value) if key == "contents" else read_prompt(value, key, levels - 1)
            transcript.messages += rest.messages
            transcript.tool_call = rest.tool_call
            transcript.notes += rest.notes
            transcript.rendered = rest.rendered
            return transcript
    raise EntryError(RejectReason.MALFORMED_RECORD, f"`{name}` holds no messages or prompt")


def _contents(value: Any) -> Transcript:
    """Gemini's: a text, a content or several, whose role may be left out."""
    if isinstance(value, str):
        return Transcript([Message(Role.USER, value)])
    items = value if isinstance(value, list) else [value]
    return read_messages(
        [{"role": "user", "content": item} if isinstance(item, str) else _content_of_parts(item) for item in items],
        "contents",
        Role.USER,
    )


def _content_of_parts(item: Any) -> Any:
    """A bare part stands for a content."""
    record = mapping(item)
    return {"role": "user", "parts": [item]} if record and not record.keys() & {"parts", "role", "content"} else item


def _cohere(transcript: Transcript, body: Record) -> Transcript:
    """Cohere's first chat API: the message apart from the history, documents beside both."""
    history = body.get("chat_history")
    if isinstance(history, list):
        earlier = read_messages([_old_turn(turn) for turn in history], "chat_history")
        transcript.messages += earlier.messages
        transcript.notes += earlier.notes
    documents = body.get("documents")
    material = [
        read_content({"type": "document", "document": _flat(d)}) for d in documents or [] if isinstance(d, dict)
    ]
    texts = [text for content in material for text in content.material]
    transcript.add(Message(Role.USER, body["message"], "\n\n".join(texts)))
    return transcript


def _old_turn(turn: Any) -> Any:
    return {"role": turn.get("user_name"), **turn} if isinstance(turn, dict) else turn


def _flat(document: Record) -> Record:
    return {"title": document.get("title"), "text": first_of(document, "text", "snippet", "contents")}


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
        return read_text(items[0], name)
    if items and all(isinstance(item, list) for item in items) and len(items) == 1:
        return read_messages(items[0], name)  # LangChain batches of one
    return read_messages(items, name)


def read_text(text: str, name: str = "") -> Transcript:
    """A prompt; one that a template rendered is taken apart, and so is a dialogue with labels where such is usual."""
    found = read_rendered(text)
    if found is None and name in _WRITTEN_OUT:
        found = read_labelled(text, bare=name == "request")
    return found or Transcript([Message(Role.USER, text)])
