"""The last exchange of a chat in its context, as exports and data sets of chats write them; exactly as it stands."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from coachlm.context import Context, ContextMessage, Role, ToolCall
from coachlm.pairs import InstructionPair, RejectReason
from coachlm.text.user_text import split_user_text

_LISTS = ("messages", "conversations", "prompt")
_ANSWERS = ("completion", "chosen")
_ROLES = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "human": Role.USER,
    "assistant": Role.ASSISTANT,
    "gpt": Role.ASSISTANT,
    "function_call": Role.ASSISTANT,
    "tool": Role.TOOL,
    "observation": Role.TOOL,
}


def chat_pair(record: Mapping[str, Any]) -> InstructionPair | RejectReason:
    """The last question, its answer (empty where there is none), and all that was said before."""
    turns = _turns(record)
    if turns is None:
        return RejectReason.UNKNOWN_SHAPE
    messages = [message for turn in turns if (message := _message(turn)) is not None]
    asked = next((at for at in reversed(range(len(messages))) if messages[at].role is Role.USER), None)
    if asked is None or len(messages) < len(turns):
        return RejectReason.MALFORMED_RECORD
    answered = next((at for at in reversed(range(asked, len(messages))) if _is_answer(messages[at])), None)
    response = "" if answered is None else messages[answered].text
    steps = messages[asked + 1 : len(messages) if answered is None else answered]
    material = record.get("input")
    texts = split_user_text(messages[asked].text, material if isinstance(material, str) else "")
    return InstructionPair(*texts, response, _context(record, messages[:asked], steps) or None)


def _turns(record: Mapping[str, Any]) -> list[Any] | None:
    found = next((record[key] for key in _LISTS if isinstance(record.get(key), list)), None)
    if found is None:
        return None
    for key in _ANSWERS:
        answer = record.get(key)
        if isinstance(answer, list | Mapping):
            return [*found, *(answer if isinstance(answer, list) else [answer])]
    return found


def _message(turn: object) -> ContextMessage | None:
    """None, where it is none."""
    if not isinstance(turn, Mapping):
        return None
    speaker = turn.get("role", turn.get("from"))
    text = turn.get("content", turn.get("value"))
    role = _ROLES.get(speaker) if isinstance(speaker, str) else None
    if role is None or not isinstance(text, str | None):
        return None
    name = turn.get("name")
    name = name if isinstance(name, str) else ""
    if speaker == "function_call":
        return ContextMessage(role, "", _called(text or ""))
    return ContextMessage(role, text or "", tuple(_calls(turn.get("tool_calls"))), name)


def _calls(calls: object) -> list[ToolCall]:
    found = [call.get("function") for call in calls if isinstance(call, Mapping)] if isinstance(calls, list) else []
    return [
        ToolCall(str(call.get("name", "")), str(call.get("arguments", "")))
        for call in found
        if isinstance(call, Mapping)
    ]


def _called(text: str) -> tuple[ToolCall, ...]:
    try:
        call = orjson.loads(text)
    except orjson.JSONDecodeError:
        return (ToolCall(text),)
    if not isinstance(call, Mapping):
        return (ToolCall(text),)
    arguments = call.get("arguments", "")
    return (
        ToolCall(
            str(call.get("name", "")), arguments if isinstance(arguments, str) else orjson.dumps(arguments).decode()
        ),
    )


def _is_answer(message: ContextMessage) -> bool:
    return message.role is Role.ASSISTANT and not message.calls


def _context(record: Mapping[str, Any], before: Sequence[ContextMessage], steps: Sequence[ContextMessage]) -> Context:
    """What the system says first is the system prompt, as intake has it."""
    beside = record.get("system")
    prompts = [beside] if isinstance(beside, str) and beside else []
    start = 0
    while start < len(before) and before[start].role is Role.SYSTEM:
        prompts.append(before[start].text)
        start += 1
    return Context("\n\n".join(prompts), tuple(before[start:]), tuple(steps), _tools(record.get("tools")))


def _tools(tools: object) -> tuple[str, ...]:
    if isinstance(tools, str):
        try:
            tools = orjson.loads(tools)
        except orjson.JSONDecodeError:
            return ()
    functions = (
        [tool.get("function", tool) for tool in tools if isinstance(tool, Mapping)] if isinstance(tools, list) else []
    )
    return tuple(str(each["name"]) for each in functions if isinstance(each, Mapping) and "name" in each)
