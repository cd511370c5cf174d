"""A pair or a whole conversation as messages in order, each with what trainers are to know of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from coachlm.context import Context, ContextMessage, Role
from coachlm.desk.dataset import DatasetRow, TextChoice
from coachlm.pairs import InstructionPair
from coachlm.text.user_text import join_user_text

_NOTHING = Context()


@dataclass(frozen=True, slots=True)
class Said:
    """One message. `weight`: whether it is to be learned; None: the format does not say."""

    message: ContextMessage
    weight: int | None = None
    reasoning: str = ""  # what the model thought before; as logged
    is_edited: bool | None = None  # whether people or the coach wrote it; None: the format does not say


@dataclass(frozen=True, slots=True)
class Dialogue:
    """All messages but the system prompt, in order, the answer last."""

    system: str
    said: tuple[Said, ...]
    tools: tuple[str, ...] = ()

    @property
    def prompt(self) -> "Dialogue":
        """Without the answer."""
        return Dialogue(self.system, self.said[:-1], self.tools)

    @property
    def turns(self) -> int:
        return sum(each.message.role is Role.USER for each in self.said)


def dialogue_of(pair: InstructionPair, reasoning: str = "") -> Dialogue:
    """A pair in its context; one without is a question and an answer."""
    context = pair.context or _NOTHING
    said = [Said(message) for message in (*context.messages, question_of(pair), *context.steps)]
    answer = Said(ContextMessage(Role.ASSISTANT, pair.response), reasoning=reasoning)
    return Dialogue(context.system, (*said, answer), context.tools)


def question_of(pair: InstructionPair) -> ContextMessage:
    return ContextMessage(Role.USER, join_user_text(pair.instruction, pair.input))


def reasoning_of(row: DatasetRow) -> str:
    found = row.provenance.extra.get("reasoning")
    return found if isinstance(found, str) else ""


def text_of(row: DatasetRow, choice: TextChoice, *, with_reasoning: bool = False) -> Dialogue:
    return dialogue_of(row.text(choice), reasoning_of(row) if with_reasoning else "")


def texts_in(value: object) -> Iterator[str]:
    """All texts of a record, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts_in(inner)
    elif isinstance(value, Sequence):
        for inner in value:
            yield from texts_in(inner)
