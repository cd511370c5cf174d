"""What a model answered in one call: its choices, and which of them (if any) is an answer to learn from."""

# See docs/decisions/0019-answers-that-call-tools.md

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from coachlm.pairs import RejectReason
from streams.reading.formats.parts.content import Content, Transcript, calls_tools, read_content
from streams.reading.formats.parts.fields import Record
from streams.reading.formats.parts.outcomes import Chat, EntryError
from streams.reading.sources.records import Message, Role

LOST = "lost stream"
"""Stands as the finish reason where a stream has no end."""
_FINISHED = frozenset(
    {
        "stop",
        "end_turn",
        "eos",
        "eos_token",
        "stop_sequence",
        "end",
        "done",
        "complete",
        "completed",
        "finish",
        "finished",
        "success",
        "finish_reason_stop",
        "end_of_turn",
        "",
    }
)
_CALLS_TOOLS = frozenset({"tool_calls", "tool_call", "tool-calls", "function_call", "tool_use"})
_REFUSED = frozenset({"refusal"})


@dataclass(slots=True)
class Choice:
    """One of the answers."""

    content: Content
    finish: str | None = None  # as the provider writes it; None: not said

    def message(self) -> Message:
        """The answer as a message.

        Raises: EntryError, when it is not one to learn from.
        """
        content, text = self.content, self.content.text(Role.ASSISTANT)
        finish = self.finish.lower() if self.finish else ""
        if content.refused or finish in _REFUSED:
            raise EntryError(RejectReason.REFUSED)
        if not text.strip() and (content.tool_call or finish in _CALLS_TOOLS):
            raise EntryError(RejectReason.TOOL_ONLY)
        if finish not in _FINISHED:
            raise EntryError(RejectReason.UNFINISHED, f"finish reason `{finish[:40]}`")
        if not text.strip():
            raise self._without_text()
        return Message(Role.ASSISTANT, text, multi_modal=content.multi_modal)

    def _without_text(self) -> EntryError:
        if self.content.multi_modal:
            return EntryError(RejectReason.NOT_A_GENERATION, "the answer is not a text")
        if self.content.texts:
            return EntryError(RejectReason.EMPTY, "the answer is blank")
        return EntryError(RejectReason.NO_RESPONSE, "the answer has no text")


@dataclass(slots=True)
class Reply:
    """All choices of a call, and its circumstances as the response tells them."""

    choices: list[Choice] = field(default_factory=list)
    before: list[Message] = field(default_factory=list)  # calls of tools and their results on the way to the answer
    id: str | None = None
    model: str | None = None
    created: datetime | None = None


def read_choice(message: Record, finish: Any = None, name: str = "message") -> Choice:
    """An assistant's message.

    Raises: EntryError, naming the field.
    """
    value = message.get("content")
    if value is None:
        value = message["parts"] if "parts" in message else message.get("text")
    content = read_content(value, f"{name}.content")
    content.tool_call = calls_tools(message, content)
    content.refused = content.refused or bool(message.get("refusal"))
    content.multi_modal = content.multi_modal or bool(message.get("audio"))
    return Choice(content, finish if isinstance(finish, str) else None)


def text_choice(text: str | None, finish: Any = None) -> Choice:
    return Choice(Content([] if text is None else [text]), finish if isinstance(finish, str) else None)


def answered(prompt: Transcript, reply: Reply) -> Iterator[Chat | EntryError]:
    """The prompt with the first choice as a chat, or why that is no answer to learn from; the others, not chosen."""
    if not reply.choices:
        raise EntryError(RejectReason.NO_RESPONSE, "the response has no choices")
    try:
        message = reply.choices[0].message()
        yield Chat(
            [*prompt.messages, *reply.before, message], source_id=reply.id, timestamp=reply.created, model=reply.model
        )
    except EntryError as error:
        yield error
    for number in range(1, len(reply.choices)):
        yield EntryError(RejectReason.NOT_CHOSEN, f"choice {number}")
