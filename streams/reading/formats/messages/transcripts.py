"""Messages as providers and tools write them, to ours. What nobody knows costs itself alone."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from coachlm.pairs import RejectReason
from coachlm.text.blanks import is_blank
from streams.reading.formats.messages import roles
from streams.reading.formats.messages.content import Content, category, kind_of, read_content
from streams.reading.formats.messages.extracts import reasoning_text, result_text
from streams.reading.formats.messages.finishes import finish_of, is_whole
from streams.reading.formats.messages.signals import read_signals
from streams.reading.formats.messages.tool_calls import calls_in
from streams.reading.formats.parts.decoding import decode_text
from streams.reading.formats.parts.fields import Record, first_of, mapping, names_of, words
from streams.reading.formats.parts.outcomes import EntryError, json_type, malformed
from streams.reading.sources.records import Message, Remarks, Role

_CONTENT = ("content", "value", "parts", "contents", "text", "message", "mes")
_REASONING = ("reasoning_content", "reasoning", "thinking", "reasoning_text", "reasoningContent", "thoughts")
_BESIDE = words(
    "role from type author speaker sender name id uuid created_at timestamp model tool_call_id refusal audio status"
    " annotations additional_kwargs response_metadata finish_reason stop_reason"
) | {*_REASONING}
_ROLE_WORD = re.compile(r"[a-z][a-z_.-]{0,30}")
_CALLED = ("tool_calls", "function_call", "toolCalls", "toolInvocations")


@dataclass(slots=True)
class Transcript:
    """Messages in order; `tool_call` says that an assistant's turn among them only calls tools (its text is empty)."""

    messages: list[Message] = field(default_factory=list)
    tool_call: bool = False
    notes: list[str] = field(default_factory=list)  # what was left out because nobody knows it
    thoughts: list[str] = field(default_factory=list)  # reasoning for the assistant's next message
    rendered: bool = False  # a chat template wrote it, so that a blank before the answer is the template's

    def add(self, message: Message) -> None:
        if message.role is Role.ASSISTANT and self.thoughts:
            thoughts, self.thoughts = self.thoughts, []
            message = with_reasoning(message, thoughts)
        self.messages.append(message)


def read_role(record: Record) -> Role:
    """Raises: EntryError, when there is no role or an unknown one."""
    name = roles.speaker(record)
    role = None if name is None else roles.role_of(name)
    if role is None:
        raise EntryError(RejectReason.MALFORMED_RECORD, _why_nobody_speaks(record, name))
    return role


def read_messages(value: Any, name: str = "messages", default: Role | None = None) -> Transcript:
    """A list of messages (or its JSON text), or one message; `default` speaks where a message names nobody.

    Raises: EntryError, where the value is no such thing.
    """
    if isinstance(value, str):
        value = decode_text(value)
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        raise malformed(name, value, "an array of messages")
    transcript = Transcript()
    for item in value:
        if isinstance(item, dict):
            _add_message(transcript, item, name, default)
        else:
            transcript.notes.append(f"`{name}[]` is {json_type(item)}, not an object")
    return transcript


def _add_message(transcript: Transcript, item: Record, name: str, default: Role | None) -> None:
    text, role = item.get("content"), item.get("role")
    if len(item) == 2 and type(text) is str and type(role) is str and text and role in roles.ROLES:  # nearly all
        transcript.add(Message(roles.ROLES[role], text))
        return
    _add_any_message(transcript, unwrapped(item), name, default)


def unwrapped(item: Record) -> Record:
    """LangChain's messages out of what it serialises them in: `{type, data}`, `{lc, id, kwargs}`."""
    kwargs, data = item.get("kwargs"), item.get("data")
    if isinstance(kwargs, dict) and "lc" in item:
        path = item.get("id")
        named = path[-1] if isinstance(path, list) and path and isinstance(path[-1], str) else None
        return {"type": named, **kwargs}
    if isinstance(data, dict) and "content" in data and "content" not in item:
        return {**data, "type": first_of(data, "type") or item.get("type")}
    inner = item.get("message")
    return inner if isinstance(inner, dict) and "role" in inner and "role" not in item else item


def _add_any_message(transcript: Transcript, item: Record, name: str, default: Role | None) -> None:
    if "role" not in item and _add_item(transcript, item):
        return
    speaker = roles.speaker(item)
    if speaker in roles.CALLS:
        _add_call(transcript, item)
    elif speaker in roles.THOUGHTS or item.get("channel") == "analysis":
        transcript.thoughts.append(reasoning_text(item))
    elif (role := default if speaker is None else roles.role_of(speaker)) is not None:
        _add_spoken(transcript, item, role, name)
    else:
        _add_unknown(transcript, _why_nobody_speaks(item, speaker))


def _why_nobody_speaks(item: Record, speaker: str | None) -> str:
    """A `role` is a word of the program; under other keys may stand the name of a person."""
    if speaker is None:
        return f"`role` is missing; the message has {names_of(item) or 'no keys'}"
    key = next((key for key in roles.KEYS if item.get(key) is not None), "role")
    word = f": `{speaker}`" if key in ("role", "from") and _ROLE_WORD.fullmatch(speaker) else ""
    return f"`{key}` is unknown{word}"


def _add_item(transcript: Transcript, item: Record) -> bool:
    """An item that is no message but stands among them (Responses API); False: it may be a message after all."""
    kind = kind_of(item)
    if kind is None or roles.role_of(kind.lower()) is not None:
        return False
    match category(kind):
        case "call":
            _add_call(transcript, item)
        case "result":
            transcript.add(Message(Role.TOOL, result_text(item)))
        case "reasoning":
            transcript.thoughts += [thought] if (thought := reasoning_text(item)) else []
        case "media":
            transcript.add(Message(Role.ASSISTANT, "", multi_modal=True))
        case "silent":
            pass
        case _:
            return False
    return True


def _add_call(transcript: Transcript, item: Record) -> None:
    transcript.add(Message(Role.ASSISTANT, "", calls_tools=True, calls=calls_in(item)))
    transcript.tool_call = True


def _add_unknown(transcript: Transcript, note: str) -> None:
    """Who speaks between two answers may have been a user: what follows is then no answer to the user before."""
    transcript.notes.append(note)
    last = transcript.messages[-1] if transcript.messages else None
    if last is not None and last.role is Role.ASSISTANT and last.text:
        transcript.add(Message(Role.USER, "", remarks=Remarks(problem=(RejectReason.MALFORMED_RECORD, note))))


def _add_spoken(transcript: Transcript, item: Record, role: Role, name: str) -> None:
    value = next((found for key in _CONTENT if (found := item.get(key)) not in (None, "", [])), "")
    content = Content([value]) if isinstance(value, str) else read_content(value, f"{name}[].content")
    text = content.text(role)
    calls = calls_in(item) if role is Role.ASSISTANT and calls_tools(item, content) else ()
    if content.results and role is Role.ASSISTANT and content.tool_call:
        _add_call(transcript, item)
        calls = ()
    for result in content.results:
        transcript.add(Message(Role.TOOL, result))
    if not value and content.notes == [] and (unknown := texts_elsewhere(item)):
        content.notes.append(f"the message has no text under a known key, but {unknown}")
    transcript.notes += content.notes
    if content.results and not content.texts and not content.multi_modal and not content.material:
        return
    called = role is Role.ASSISTANT and is_blank(text) and calls_tools(item, content)
    transcript.tool_call |= called
    material = "\n\n".join(content.material) if role is Role.USER else ""
    remarks = remarks_of(item, content, text) if role is Role.ASSISTANT else _flawed(content, text)
    if role is Role.ASSISTANT and content.refused and is_blank(text):
        remarks = replace(remarks or Remarks(), problem=(RejectReason.REFUSED, ""))
    named = item.get("name") if role is Role.TOOL else None
    tool = named if isinstance(named, str) else ""
    transcript.add(Message(role, text, material, content.multi_modal, remarks, called, calls, tool))


def texts_elsewhere(item: Record) -> str:
    """The keys of a message's texts that nobody reads."""
    if any(key in item for key in _CONTENT) or any(key in item for key in _CALLED):
        return ""
    texts = (key for key, value in item.items() if isinstance(value, str | list) and value and key not in _BESIDE)
    return names_of(texts)


def _flawed(content: Content, text: str) -> Remarks | None:
    """Why a message has no text, where that is not what was said."""
    if content.notes and is_blank(text) and not content.multi_modal:
        return Remarks(problem=(RejectReason.MALFORMED_RECORD, content.notes[0]))
    return None


def remarks_of(item: Record, content: Content, text: str) -> Remarks | None:
    """What the log says of an assistant's message: its reasoning, how it ended, what people thought of it."""
    remarks = _flawed(content, text) or Remarks()
    finish = finish_of(item)
    if finish is not None:
        remarks = ended(remarks, finish)
    thoughts = [*content.reasoning, *_reasoning_beside(item)]
    if thoughts:
        remarks = replace(remarks, reasoning="\n\n".join(dict.fromkeys(thoughts)))
    signals = read_signals(item)
    if signals.values:
        remarks = replace(remarks, signals=signals.values, verdict=signals.verdict)
    return None if remarks == Remarks() else remarks


def ended(remarks: Remarks, finish: str) -> Remarks:
    """The remarks with a finish reason; calls of tools end a turn, not an answer."""
    if is_whole(finish):
        return replace(remarks, finished=True)
    if finish in ("tool_calls", "tool_call", "function_call", "tool_use"):
        return remarks
    problem = (RejectReason.UNFINISHED, f"finish reason `{finish[:40]}`")
    return replace(remarks, finished=False, problem=remarks.problem or problem)


def _reasoning_beside(item: Record) -> list[str]:
    for record in (item, mapping(item.get("additional_kwargs")), mapping(item.get("extra"))):
        for key in _REASONING:
            value = record.get(key)
            if value:
                text = value if isinstance(value, str) else reasoning_text({"content": value})
                return [text] if text else []
    return []


def with_reasoning(message: Message, thoughts: list[str]) -> Message:
    remarks = message.remarks or Remarks()
    whole = "\n\n".join(thought for thought in (*thoughts, remarks.reasoning) if thought)
    return replace(message, remarks=replace(remarks, reasoning=whole)) if whole else message


def calls_tools(message: Record, content: Content | None) -> bool:
    called = first_of(message, *_CALLED)
    if called is None:
        called = first_of(mapping(message.get("additional_kwargs")), *_CALLED)
    return bool(called) or (content is not None and content.tool_call)
