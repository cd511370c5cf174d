"""Pairs of one conversation as one row each way that it went, with all of its turns.

Where a conversation branched, each branch is a row; a turn that two branches share is learned in the first one alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from coachlm.context import ContextMessage, Role
from coachlm.desk.dataset import DatasetRow, TextChoice
from coachlm.digests import normalise_text
from coachlm.revision import Outcome
from exports.choices.export_formats import TrainOn
from exports.shapes.dialogues import Dialogue, Said, dialogue_of, question_of, reasoning_of

_Place = tuple[int, int]  # a turn's number, and a hash of all that was said up to its answer


@dataclass(slots=True)
class Branch:
    """The last turn of a way that a conversation went, and the pairs that are turns of it and of no row before."""

    last: DatasetRow
    turns: dict[int, DatasetRow]  # by number; the last one's among them

    @property
    def rows(self) -> list[DatasetRow]:
        return list(self.turns.values())


def branches(rows: Sequence[DatasetRow]) -> Iterator[Branch]:
    """Of the chosen pairs of one conversation. Every pair is in exactly one branch."""
    waiting: dict[_Place, DatasetRow] = {}
    found: list[Branch] = []
    for row in rows:
        place = _places(row)[-1]
        if waiting.setdefault(place, row) is not row:  # the same words, told apart by what is input
            found.append(Branch(row, {place[0]: row}))
    for place, row in sorted(waiting.items(), key=lambda item: -item[0][0]):
        if place in waiting:
            passed = {at[0]: waiting.pop(at) for at in _places(row) if at in waiting}
            found.append(Branch(row, passed))
    yield from reversed(found)


def is_edited(row: DatasetRow, choice: TextChoice) -> bool:
    """Whether people wrote or confirmed the chosen text, or the coach changed it."""
    if choice is TextChoice.RAW:
        return False
    return (choice is TextChoice.FINAL and row.final is not None) or (
        row.revision is not None and row.revision.outcome is Outcome.REVISED
    )


def whole_dialogue(branch: Branch, choice: TextChoice, train_on: TrainOn, *, with_reasoning: bool = False) -> Dialogue:
    """Every assistant's message has a weight, 1 where it is to be learned, and says whether it was edited."""
    found = dialogue_of(branch.last.text(choice))
    return replace(found, said=_weighted(found.said, branch, choice, train_on, with_reasoning))


def _weighted(
    said: Sequence[Said], branch: Branch, choice: TextChoice, train_on: TrainOn, with_reasoning: bool
) -> tuple[Said, ...]:
    found: list[Said] = []
    number = 0
    for each in said:
        number += each.message.role is Role.USER
        turn = branch.turns.get(number)
        if each.message.role is not Role.ASSISTANT:
            found.append(each)
            continue
        is_answer = turn is not None and _is_answer(each.message, turn, choice)
        edited = turn is not None and is_answer and is_edited(turn, choice)
        learned = turn is not None if train_on is TrainOn.ALL else edited
        reasoning = reasoning_of(turn) if with_reasoning and is_answer and turn is not None else ""
        found.append(Said(each.message, int(learned), reasoning, edited))
    return tuple(found)


def _is_answer(message: ContextMessage, turn: DatasetRow, choice: TextChoice) -> bool:
    return normalise_text(message.text) == normalise_text(turn.own_text(choice).response)


def _places(row: DatasetRow) -> list[_Place]:
    """Where each turn up to the row's own ends, as logged."""
    context = row.raw.context
    before = () if context is None else context.messages
    steps = () if context is None else context.steps
    last = ContextMessage(Role.ASSISTANT, row.raw.response)
    found: list[_Place] = []
    number, so_far = 0, hash("" if context is None else context.system)
    for message in (*before, question_of(row.raw), *steps, last):
        number += message.role is Role.USER
        so_far = hash((so_far, message.role, normalise_text(message.text), message.calls))
        if message.role is Role.ASSISTANT and message.text:
            found.append((number, so_far))
    return found
