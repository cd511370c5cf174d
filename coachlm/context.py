"""What a pair was said in: the system prompt, the messages before it, and the tools and documents at hand.

A context is read, by people and by the coach; nobody edits it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property, reduce
from typing import Any

from coachlm.digests import content_hash


class Role(StrEnum):
    """Who speaks."""

    SYSTEM = "system"  # also `developer`
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the assistant made; `arguments` as it wrote them, usually JSON."""

    name: str
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class ContextMessage:
    """One message; `calls` are the assistant's, `name` is the tool whose result the text is."""

    role: Role
    text: str
    calls: tuple[ToolCall, ...] = ()
    name: str = ""


@dataclass(frozen=True)
class Context:
    """Everything but the turn itself. An empty one is written as None, never as `Context()`.

    `messages` came before the turn's question, `steps` between it and its answer: calls of tools and their results.
    """

    system: str = ""
    messages: tuple[ContextMessage, ...] = ()
    steps: tuple[ContextMessage, ...] = ()
    tools: tuple[str, ...] = ()  # names
    documents: tuple[str, ...] = ()  # names

    def __bool__(self) -> bool:
        return bool(self.system or self.messages or self.steps or self.tools or self.documents)

    @cached_property
    def digest(self) -> str:
        """xxh3-128 in hex: the same context has the same digest everywhere, for ever."""
        return reduce(_digest_after, self.steps, content_hash(self.chain, "steps")) if self.steps else self.chain

    @cached_property
    def chain(self) -> str:
        """The digest up to the last message, each message's made of the one before."""
        return reduce(_digest_after, self.messages, self.origin)

    @property
    def origin(self) -> str:
        """The digest before the first message."""
        return content_hash("context", self.system, f"{len(self.tools)}", *self.tools, *self.documents)

    def chains(self) -> list[str]:
        """The digest before the first message and after each."""
        found = [self.origin]
        for message in self.messages:
            found.append(_digest_after(found[-1], message))
        return found

    @cached_property
    def text(self) -> str:
        """All of its texts, for whoever asks whether something was said."""
        spoken = [message.text for message in (*self.messages, *self.steps)]
        return "\n".join([self.system, *spoken]) if self.system else "\n".join(spoken)

    def recent(self, room: int) -> str:
        """The newest messages that fit into so many characters, one below the other, each behind its speaker's name;
        at least the last one's end."""
        told: list[str] = []
        left = room
        for message in reversed((*self.messages, *self.steps)):
            if not message.text:
                continue
            line = f"{message.role.value.capitalize()}: {message.text}"
            left -= len(line) + 1
            if left < 0:
                break
            told.append(line)
        if not told and self.messages:
            return self.messages[-1].text[-room:]
        return "\n".join(reversed(told))

    def extended(self, messages: Iterable[ContextMessage]) -> "Context":
        """With further messages behind and without steps. The digest is carried on, so that the contexts of all turns
        of a conversation cost as much as the last one's."""
        further = tuple(messages)
        longer = replace(self, messages=(*self.messages, *further), steps=())
        longer.__dict__["chain"] = reduce(_digest_after, further, self.chain)
        return longer

    def with_steps(self, steps: Iterable[ContextMessage]) -> "Context":
        """The same messages, and what was done between the question and its answer."""
        changed = replace(self, steps=tuple(steps))
        changed.__dict__["chain"] = self.chain
        return changed

    def cut(self, messages: int, steps: int = 0) -> "Context":
        """The first messages alone; the `steps` stand behind the question that follows them."""
        behind = self.messages[messages + 1 : messages + 1 + steps]
        return replace(self, messages=self.messages[:messages], steps=behind)


def _digest_after(before: str, message: ContextMessage) -> str:
    calls = [text for call in message.calls for text in (call.name, call.arguments)]
    return content_hash(before, message.role.value, message.name, message.text, *calls)


def context_record(context: Context) -> dict[str, Any]:
    """As JSON holds it, without what is empty; `context_from_record` reads it."""
    record = {
        "system": context.system,
        "messages": [_message_record(message) for message in context.messages],
        "steps": [_message_record(message) for message in context.steps],
        "tools": list(context.tools),
        "documents": list(context.documents),
    }
    return {name: value for name, value in record.items() if value}


def context_from_record(record: Mapping[str, Any]) -> Context:
    """Raises: KeyError, TypeError, ValueError."""
    return Context(
        record.get("system", ""),
        tuple(_message_from_record(each) for each in record.get("messages", ())),
        tuple(_message_from_record(each) for each in record.get("steps", ())),
        tuple(record.get("tools", ())),
        tuple(record.get("documents", ())),
    )


def _message_record(message: ContextMessage) -> dict[str, Any]:
    calls = [{"name": call.name, "arguments": call.arguments} for call in message.calls]
    record = {"role": message.role.value, "text": message.text, "calls": calls, "name": message.name}
    return {name: value for name, value in record.items() if value}


def _message_from_record(record: Mapping[str, Any]) -> ContextMessage:
    calls = tuple(ToolCall(call["name"], call.get("arguments", "")) for call in record.get("calls", ()))
    return ContextMessage(Role(record["role"]), record.get("text", ""), calls, record.get("name", ""))
