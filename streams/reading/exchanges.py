"""A conversation's messages in order, taken apart into exchanges, each with what was said before it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from coachlm.context import Context, ContextMessage
from coachlm.text.blanks import is_blank
from coachlm.text.user_text import join_user_text
from streams.reading.remarks import flaw_of
from streams.reading.sources.records import Conversation, Message, Role


@dataclass
class Exchange:
    """What the user said and what the assistant then said and did; `before` are messages that belong to no speaker's
    turn: a later system prompt, or what stood before the first question."""

    before: list[Message] = field(default_factory=list)
    asked: list[Message] = field(default_factory=list)
    answered: list[Message] = field(default_factory=list)  # by the assistant
    acted: list[Message] = field(default_factory=list)  # the same with the results of tools, in order

    @cached_property
    def instruction(self) -> str:
        return joined_text(message.text for message in self.asked)

    @cached_property
    def input(self) -> str:
        return joined_text(message.input for message in self.asked)

    @cached_property
    def response(self) -> str:
        return joined_text(message.text for message in self.answered)

    @property
    def user_text(self) -> str:
        return join_user_text(self.instruction, self.input)

    @property
    def is_answered(self) -> bool:
        return bool(self.instruction and self.response) and flaw_of(self.asked, self.answered) is None

    @property
    def is_multi_modal(self) -> bool:
        return any(message.multi_modal for message in (*self.asked, *self.answered))

    def steps(self) -> list[ContextMessage]:
        """Calls and results up to the last text of the answer."""
        return _as_context(self.acted[: self._end], with_text=False)

    def told(self) -> list[ContextMessage]:
        """As later turns are told of it: question, steps, answer, and what followed the answer."""
        question = ContextMessage(Role.USER, self.user_text)
        answer = ContextMessage(Role.ASSISTANT, self.response)
        behind = _as_context(self.acted[self._end :], with_text=True)
        return [message for message in (question, *self.steps(), answer, *behind) if message.text or message.calls]

    @property
    def _end(self) -> int:
        """Behind the last text of the answer."""
        spoken = (n for n in reversed(range(len(self.acted))) if _is_spoken(self.acted[n]))
        return next(spoken, -1) + 1


@dataclass(frozen=True, slots=True)
class Telling:
    """A conversation: its exchanges, and what holds from the beginning."""

    origin: Context
    exchanges: list[Exchange]

    @classmethod
    def of(cls, conversation: Conversation) -> "Telling":
        """What the system says before the first answer is the system prompt; what it says later stays in its place."""
        prompts: list[Message] = []
        exchanges: list[Exchange] = []
        waiting: list[Message] = []  # before the first question
        for message in conversation.messages:
            last = exchanges[-1] if exchanges else None
            if message.role is Role.SYSTEM:
                _place_prompt(message, exchanges, prompts)
            elif message.role is Role.USER:
                if last is None or last.answered:
                    last = Exchange(before=waiting if last is None else _taken_prompts(last))
                    exchanges.append(last)
                last.asked.append(message)
            elif last is None:
                waiting.append(message)
            else:
                last.acted.append(message)
                if message.role is Role.ASSISTANT:
                    last.answered.append(message)
        system = joined_text(message.text for message in prompts)
        return cls(Context(system, tools=conversation.tools, documents=conversation.documents), exchanges)

    def contexts(self, count: int) -> list[Context]:
        """Of the first exchanges."""
        found: list[Context] = []
        so_far = self.origin
        for exchange in self.exchanges[:count]:
            so_far = so_far.extended(_as_context(exchange.before, with_text=True))
            found.append(so_far.with_steps(exchange.steps()))
            so_far = so_far.extended(exchange.told())
        return found


def joined_text(texts: Iterable[str]) -> str:
    """What is not blank, a blank line between."""
    return "\n\n".join([text for text in texts if not is_blank(text)])


def _place_prompt(message: Message, exchanges: list[Exchange], prompts: list[Message]) -> None:
    if not exchanges or (len(exchanges) == 1 and not exchanges[0].answered):
        prompts.append(message)
    elif exchanges[-1].answered:
        exchanges[-1].acted.append(message)
    else:
        exchanges[-1].before.append(message)


def _taken_prompts(exchange: Exchange) -> list[Message]:
    """The system's messages behind an answer belong before the next question."""
    taken: list[Message] = []
    while exchange.acted and exchange.acted[-1].role is Role.SYSTEM:
        taken.insert(0, exchange.acted.pop())
    return taken


def _is_spoken(message: Message) -> bool:
    return message.role is Role.ASSISTANT and not is_blank(message.text)


def _as_context(messages: Iterable[Message], *, with_text: bool) -> list[ContextMessage]:
    """`with_text`: the assistant's texts too; without, only what it did."""
    found: list[ContextMessage] = []
    for message in messages:
        text = joined_text((message.text, message.input))
        if message.role is Role.ASSISTANT and not with_text:
            text = ""
        if text or message.calls:
            found.append(ContextMessage(message.role, text, message.calls, message.name))
    return found
