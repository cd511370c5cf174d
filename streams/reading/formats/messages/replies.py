"""What a model answered in one call: its choices, and which of them (if any) is an answer to learn from."""

# See docs/decisions/0019-answers-that-call-tools.md

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from coachlm.pairs import RejectReason
from coachlm.text.blanks import is_blank
from streams.reading.formats.messages.content import Content, read_content
from streams.reading.formats.messages.finishes import FINISH_KEYS, finish_of, finish_word, is_whole
from streams.reading.formats.messages.transcripts import Transcript, calls_tools, remarks_of, texts_elsewhere
from streams.reading.formats.parts.fields import Record, first_of
from streams.reading.formats.parts.outcomes import Chat, EntryError
from streams.reading.sources.records import Message, Remarks, Role

LOST = "lost_stream"
"""Stands as the finish reason where a stream has no end."""
_CALLS_TOOLS = frozenset({"tool_calls", "tool_call", "function_call", "tool_use"})
_REFUSED = frozenset({"refusal"})


@dataclass(slots=True)
class Choice:
    """One of the answers."""

    content: Content
    finish: str | None = None  # as the provider writes it; None: not said
    remarks: Remarks | None = None  # what the message itself says

    def message(self) -> Message:
        """The answer as a message.

        Raises: EntryError, when it is not one to learn from.
        """
        content, text = self.content, self.content.text(Role.ASSISTANT)
        finish = finish_word(self.finish)
        if content.refused or finish in _REFUSED:
            raise EntryError(RejectReason.REFUSED, "the provider says that the model refused")
        if is_blank(text) and (content.tool_call or finish in _CALLS_TOOLS):
            raise EntryError(RejectReason.TOOL_ONLY, "the answer is a tool call without text")
        if finish and not is_whole(finish):
            said = "the text goes on with a tool call: " if finish in _CALLS_TOOLS else ""
            raise EntryError(RejectReason.UNFINISHED, f"{said}finish reason `{finish[:40]}`")
        if is_blank(text):
            raise self._without_text()
        remarks = self.remarks or Remarks()
        if content.reasoning and not remarks.reasoning:
            remarks = replace(remarks, reasoning="\n\n".join(content.reasoning))
        if finish is not None:
            remarks = replace(remarks, finished=True)
        return Message(
            Role.ASSISTANT, text, multi_modal=content.multi_modal, remarks=None if remarks == Remarks() else remarks
        )

    def _without_text(self) -> EntryError:
        if self.content.multi_modal:
            return EntryError(RejectReason.NOT_A_GENERATION, "the answer is not a text")
        if self.content.notes:
            return EntryError(RejectReason.MALFORMED_RECORD, self.content.notes[0])
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
    continues: bool = False  # the provider goes on with an answer that the request begins


def read_choice(message: Record, finish: Any = None, name: str = "message") -> Choice:
    """An assistant's message."""
    value = message.get("content")
    if value is None:
        value = first_of(message, "parts", "text")
    content = read_content(value, f"{name}.content")
    if (
        not value
        and not content.notes
        and (unknown := texts_elsewhere({key: item for key, item in message.items() if item is not None}))
    ):
        content.notes.append(f"the message has no text under a known key, but {unknown}")
    content.tool_call = calls_tools(message, content)
    content.refused = content.refused or bool(message.get("refusal"))
    content.multi_modal = content.multi_modal or bool(message.get("audio"))
    # How the answer ended stands beside the message, most often.
    own = {key: item for key, item in message.items() if key not in FINISH_KEYS}
    remarks = remarks_of(own, content, content.text(Role.ASSISTANT))
    word = finish_word(finish)
    return Choice(content, finish_of(message) if word is None else word, remarks)


def text_choice(text: str | None, finish: Any = None) -> Choice:
    return Choice(Content([] if text is None else [text]), finish_word(finish))


def answered(prompt: Transcript, reply: Reply) -> Iterator[Chat | EntryError]:
    """The prompt with the first choice as a chat, or why that is no answer to learn from; the others, not chosen."""
    if not reply.choices:
        raise EntryError(RejectReason.NO_RESPONSE, "the response has no choices")
    choice = reply.choices[0]
    try:
        answer = choice.message()
        messages = _continued([*prompt.messages, *reply.before], answer, reply.continues or prompt.rendered)
        if prompt.rendered and messages[-1] is answer:
            messages[-1] = replace(answer, text=answer.text.strip())
        chat = Chat(messages, source_id=reply.id, timestamp=reply.created, model=reply.model)
        chat.notes = [*prompt.notes, *choice.content.notes]
        yield chat
    except EntryError as error:
        yield error
    for number in range(1, len(reply.choices)):
        yield EntryError(RejectReason.NOT_CHOSEN, f"choice {number}")


def _continued(before: list[Message], answer: Message, continues: bool) -> list[Message]:
    """An answer that the request began and the model went on with is one text, as it was generated."""
    begun = before[-1] if before else None
    if begun is None or begun.role is not Role.ASSISTANT or is_blank(begun.text):
        return [*before, answer]
    if answer.text.startswith(begun.text.rstrip()):
        return [*before[:-1], answer]
    first = answer.text[0]
    if continues or first.isspace() or first in ",.;:!?)":
        return [*before[:-1], replace(answer, text=begun.text + answer.text)]
    return [*before, answer]
