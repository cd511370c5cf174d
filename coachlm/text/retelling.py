"""A context told again with what people have made of its earlier turns."""

from collections.abc import Iterable
from dataclasses import replace

from coachlm.context import Context, ContextMessage, Role
from coachlm.digests import normalise_text
from coachlm.pairs import InstructionPair
from coachlm.text.user_text import join_user_text

ToldTurn = tuple[int, InstructionPair, InstructionPair]
"""Its number, from 1, the turn as it was logged, and as it is told."""


def retold(context: Context, turns: Iterable[ToldTurn]) -> Context:
    """The context with these turns in other words, where the message is what was logged.

    A turn that another branch of the conversation answered otherwise stays as it was said here.
    """
    by_number: dict[int, list[ToldTurn]] = {}
    for told in turns:
        by_number.setdefault(told[0], []).append(told)
    if not by_number:
        return context
    messages: list[ContextMessage] = []
    number = 0
    for message in context.messages:
        number += message.role is Role.USER
        messages.append(_in_other_words(message, by_number.get(number, [])))
    return replace(context, messages=tuple(messages))


def _in_other_words(message: ContextMessage, turns: list[ToldTurn]) -> ContextMessage:
    if message.role not in (Role.USER, Role.ASSISTANT) or not message.text:
        return message
    for _, logged, now in turns:
        before, after = (_question if message.role is Role.USER else _answer)(logged, now)
        if normalise_text(message.text) == normalise_text(before):
            return replace(message, text=after)
    return message


def _question(*pairs: InstructionPair) -> list[str]:
    return [join_user_text(pair.instruction, pair.input) for pair in pairs]


def _answer(*pairs: InstructionPair) -> list[str]:
    return [pair.response for pair in pairs]
