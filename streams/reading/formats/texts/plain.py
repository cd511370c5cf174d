"""Messages without what models and programs write into their texts: reasoning goes apart, marks go away."""

from collections.abc import Sequence
from dataclasses import replace

from coachlm.pairs import RejectReason
from streams.reading.formats.messages.transcripts import with_reasoning
from streams.reading.formats.texts.citations import without_marks
from streams.reading.formats.texts.reasoning import part_reasoning
from streams.reading.sources.records import Message, Remarks, Role

_BROKEN_OFF = (RejectReason.UNFINISHED, "the answer breaks off while the model thinks")


def plain_messages(messages: Sequence[Message]) -> list[Message]:
    """Each assistant's text as a user saw it."""
    plain: list[Message] = []
    asked = ""
    for message in messages:
        if message.role is Role.ASSISTANT and message.text:
            message = _plain(message, asked)
        elif message.role is Role.USER:
            asked = message.text
        plain.append(message)
    return plain


def _plain(message: Message, asked: str) -> Message:
    parted = part_reasoning(message.text, asked)
    text = without_marks(parted.answer)
    if text == message.text:
        return message
    message = replace(message, text=text)
    if parted.reasoning:
        message = with_reasoning(message, [parted.reasoning])
    if parted.broken_off:
        remarks = message.remarks or Remarks()
        message = replace(message, remarks=replace(remarks, problem=remarks.problem or _BROKEN_OFF))
    return message
