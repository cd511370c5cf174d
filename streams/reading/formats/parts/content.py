"""Messages as providers and tools write them, to our messages: roles, content parts, tool calls.

One tolerant reader serves every format: OpenAI, Anthropic, Gemini, OpenTelemetry, LangChain and ShareGPT differ in the
names of few keys, and logs mix them.
"""

from dataclasses import dataclass, field
from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.formats.parts.decoding import decode_text
from streams.reading.formats.parts.fields import Record, first_of, mapping
from streams.reading.formats.parts.outcomes import EntryError, malformed
from streams.reading.sources.records import Message, Role

ROLES: dict[str, Role] = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "instruction": Role.SYSTEM,
    "user": Role.USER,
    "human": Role.USER,
    "prompter": Role.USER,
    "customer": Role.USER,
    "assistant": Role.ASSISTANT,
    "ai": Role.ASSISTANT,
    "model": Role.ASSISTANT,
    "bot": Role.ASSISTANT,
    "gpt": Role.ASSISTANT,
    "chatgpt": Role.ASSISTANT,
    "bing": Role.ASSISTANT,
    "bard": Role.ASSISTANT,
    "claude": Role.ASSISTANT,
    "gemini": Role.ASSISTANT,
    "llama": Role.ASSISTANT,
    "chatbot": Role.ASSISTANT,
    "tool": Role.TOOL,
    "function": Role.TOOL,
    "observation": Role.TOOL,
    "ipython": Role.TOOL,
}

_TEXT_PARTS = frozenset({"text", "input_text", "output_text"})
_TOOL_CALLS = frozenset(
    {
        "tool_call",
        "tool_use",
        "function_call",
        "tool-call",
        "server_tool_use",
        "mcp_call",
        "custom_tool_call",
        "function",
    }
)
_TOOL_RESULTS = frozenset(
    {
        "tool_result",
        "tool_call_response",
        "function_response",
        "tool-result",
        "function_call_output",
        "web_search_tool_result",
        "custom_tool_call_output",
    }
)
_UNSPOKEN = frozenset({"thinking", "redacted_thinking", "reasoning", "item_reference", "compaction"})


@dataclass(slots=True)
class Content:
    """What a message holds, taken apart."""

    texts: list[str] = field(default_factory=list)
    results: list[str] = field(default_factory=list)  # of tools
    multi_modal: bool = False
    tool_call: bool = False
    refused: bool = False

    def text(self, role: Role) -> str:
        # An assistant's parts are one text cut at citations or blocks; a user's are separate texts.
        return ("" if role is Role.ASSISTANT else "\n").join(self.texts)


@dataclass(slots=True)
class Transcript:
    """Messages in order; `tool_call` says that an assistant's turn among them only calls tools (its text is empty)."""

    messages: list[Message] = field(default_factory=list)
    tool_call: bool = False


def read_content(value: Any, name: str = "content") -> Content:
    """Content as text, a part, or a list of parts.

    Raises: EntryError, naming the field.
    """
    content = Content()
    match value:
        case None:
            pass
        case str():
            content.texts.append(value)
        case dict():
            _add_part(content, value, name)
        case list():
            for part in value:
                if isinstance(part, str):
                    content.texts.append(part)
                elif isinstance(part, dict):
                    _add_part(content, part, name)
                elif part is not None:
                    raise malformed(f"{name}[]", part, "text or an object")
        case _:
            raise malformed(name, value, "text or an array of parts")
    return content


def _add_part(content: Content, part: Record, name: str) -> None:
    kind = kind_of(part)
    if part.get("thought") is True:  # Gemini's reasoning
        return
    if kind in _TEXT_PARTS or (kind is None and isinstance(part.get("text"), str)):
        content.texts.append(_part_text(part, name))
    elif kind in _TOOL_CALLS or "function_call" in part or "functionCall" in part:
        content.tool_call = True
    elif kind in _TOOL_RESULTS or "function_response" in part or "functionResponse" in part:
        content.results.append(_result_text(part))
    elif kind == "refusal":
        content.refused = True
    elif kind is None and isinstance(part.get("parts"), list):
        inner = read_content(part["parts"], f"{name}.parts")
        content.texts += inner.texts
        content.results += inner.results
        content.multi_modal |= inner.multi_modal
        content.tool_call |= inner.tool_call
    elif kind not in _UNSPOKEN:
        content.multi_modal = True


def kind_of(part: Record) -> str | None:
    kind = part.get("type")
    return kind if isinstance(kind, str) else None


def _part_text(part: Record, name: str) -> str:
    value = first_of(part, "text", "content")
    if isinstance(value, dict):
        value = value.get("value")
    if value is None:
        return ""
    if not isinstance(value, str):
        raise malformed(f"{name}[].text", value, "text")
    return value


def _result_text(part: Record) -> str:
    value = first_of(part, "content", "response", "output", "result")
    if isinstance(value, list):
        return "\n".join(p["text"] for p in value if isinstance(p, dict) and isinstance(p.get("text"), str))
    return value if isinstance(value, str) else ""


def read_role(record: Record) -> Role:
    """Raises: EntryError, when there is no role or an unknown one."""
    value = first_of(record, "role", "from", "type", "author", "speaker")
    role = ROLES.get(value.lower()) if isinstance(value, str) else None
    if role is None:
        if value is None or isinstance(value, str):
            problem = "is missing" if value is None else "is unknown"
            raise EntryError(RejectReason.MALFORMED_RECORD, f"`role` {problem}")
        raise malformed("role", value, "text")
    return role


def read_messages(value: Any, name: str = "messages") -> Transcript:
    """A list of messages (or its JSON text), or one message.

    Raises: EntryError, naming the field.
    """
    if isinstance(value, str):
        value = decode_text(value)
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        raise malformed(name, value, "an array of messages")
    transcript = Transcript()
    for item in value:
        if not isinstance(item, dict):
            raise malformed(f"{name}[]", item, "an object")
        _add_message(transcript, item, name)
    return transcript


def _add_message(transcript: Transcript, item: Record, name: str) -> None:
    text, role = item.get("content"), item.get("role")
    if type(text) is str and type(role) is str and text and role in ROLES and "type" not in item:  # nearly all
        transcript.messages.append(Message(ROLES[role], text))
        return
    _add_any_message(transcript, item, name)


def _add_any_message(transcript: Transcript, item: Record, name: str) -> None:
    content_value = first_of(item, "content", "value", "parts", "contents", "text")
    kind = kind_of(item)
    if kind in _UNSPOKEN:
        return
    if kind in _TOOL_CALLS and "role" not in item:
        transcript.messages.append(Message(Role.ASSISTANT, ""))
        transcript.tool_call = True
        return
    if kind in _TOOL_RESULTS and "role" not in item:
        transcript.messages.append(Message(Role.TOOL, _result_text(item)))
        return
    role = read_role(item)
    if isinstance(content_value, str):
        text, content = content_value, None
    else:
        content = read_content(content_value, f"{name}[].content")
        text = content.text(role)
        transcript.messages.extend(Message(Role.TOOL, result) for result in content.results)
        if content.results and not content.texts and not content.multi_modal:
            return
    if role is Role.ASSISTANT and not text.strip() and calls_tools(item, content):
        transcript.tool_call = True
    transcript.messages.append(Message(role, text, multi_modal=content is not None and content.multi_modal))


def calls_tools(message: Record, content: Content | None) -> bool:
    called = first_of(message, "tool_calls", "function_call", "toolCalls")
    if called is None:
        called = first_of(mapping(message.get("additional_kwargs")), "tool_calls", "function_call")
    return bool(called) or (content is not None and content.tool_call)
