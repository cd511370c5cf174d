"""The published rules of services that fine-tune on messages.

Source: OpenAI, supervised fine-tuning and its cookbook's checks of chat data (roles, keys, at least one answer, weights
of 0 and 1 on the assistant's messages alone, an answer last); OpenAI's reference of chat messages (each call of a tool
has its result, names of 1 to 64 letters, digits, `_` and `-`). Together, Fireworks and Azure take the same rows.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

Record = Mapping[str, Any]

_KEYS = {
    "system": frozenset({"role", "content", "name"}),
    "user": frozenset({"role", "content", "name"}),
    "assistant": frozenset({"role", "content", "name", "tool_calls", "weight"}),
    "tool": frozenset({"role", "content", "tool_call_id"}),
}
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def broken_rule(record: Record) -> str | None:
    """The first rule that a row breaks, in few words; None: services take it."""
    if not record.keys() <= {"messages", "tools"}:
        return "a key beside messages and tools"
    messages = record["messages"]
    problems = (*(map(_message_problem, messages)), *_structure(messages), *_tools(record))
    return next((problem for problem in problems if problem is not None), None)


def _message_problem(message: Record) -> str | None:
    role = message.get("role")
    if role not in _KEYS:
        return "unknown role"
    if not message.keys() <= _KEYS[role]:
        return f"a key that {role} messages have not"
    if not isinstance(message.get("content"), str) or not (message["content"].strip() or "tool_calls" in message):
        return "blank message" if role != "tool" else None
    return None


def _structure(messages: list[Record]) -> Iterator[str | None]:
    roles = [message["role"] for message in messages]
    yield None if "user" in roles else "no user message"
    yield None if roles and roles[-1] == "assistant" and "tool_calls" not in messages[-1] else "no answer at the end"
    weights = [message.get("weight", 1) for message in messages if message["role"] == "assistant"]
    yield None if set(weights) <= {0, 1} else "weight is not 0 or 1"
    yield None if any(weights) else "nothing to learn"
    yield "system message after the first" if "system" in roles[1:] else None


def _tools(record: Record) -> Iterator[str | None]:
    waiting: set[str] = set()
    for message in record["messages"]:
        if message["role"] == "tool":
            yield None if message.get("tool_call_id") in waiting else "tool result without a call"
            waiting.discard(message.get("tool_call_id", ""))
        else:
            yield "tool call without a result" if waiting else None
        for call in message.get("tool_calls", ()):
            yield None if _NAME.fullmatch(call["function"]["name"]) else "name of a tool"
            waiting.add(call["id"])
    for tool in record.get("tools", ()):
        yield None if _NAME.fullmatch(tool["function"]["name"]) else "name of a tool"
