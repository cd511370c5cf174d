"""A conversation of some turns, as intake finds it."""

from coachlm.context import Context, ContextMessage, Role
from coachlm.pairs import InstructionPair, TaskClass
from coachlm.protocols.intake import IntakePair
from tests.storage.factories import make_intake

SYSTEM = "You are a pirate."


def question(turn: int) -> str:
    return f"Question number {turn}?"


def answer(turn: int) -> str:
    return f"Answer number {turn}."


def context_before(turn: int, system: str = SYSTEM) -> Context:
    said = [(Role.USER, question), (Role.ASSISTANT, answer)]
    messages = [ContextMessage(role, text(earlier)) for earlier in range(1, turn) for role, text in said]
    return Context(system, tuple(messages))


def make_turn(turn: int, system: str = SYSTEM) -> InstructionPair:
    return InstructionPair(question(turn), "", answer(turn), context_before(turn, system) or None)


def make_conversation(
    turns: int, *, record: int = 0, name: str = "c" * 32, classes: tuple[TaskClass, ...] = ()
) -> list[IntakePair]:
    """Turn after turn, all of one record."""
    kinds = classes or (TaskClass.QA,) * turns
    return [
        make_intake(
            make_turn(turn), record, part=turn - 1, task_class=kinds[turn - 1], conversation=name, turn=turn, model="m"
        )
        for turn in range(1, turns + 1)
    ]
