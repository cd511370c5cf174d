"""Blind ratings by people: what is drawn, in which order each rater gets it, and which scores a rater may give.

The same rules hold for sheets (`evaluation.ratings.sheets`) and for studies in the database
(`storage.studies.studies`).
"""

import random
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from coachlm.desk.rubric import Dimension, Part, named_flaws, score_cap
from coachlm.errors import InputError, RubricError
from coachlm.pairs import InstructionPair

RATERS = 3
"""As in the paper. Source: §III-B1, Table VIII."""

STUDY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")

Versions = Mapping[str, Sequence[InstructionPair]]
"""Name of a source → pairs; the n-th of each are versions of one pair."""


@dataclass(frozen=True, slots=True)
class RatingTask:
    """One version of one pair. `item` is the same for all versions of a pair."""

    task: str
    source: str
    item: int
    instruction_differs: bool  # between the versions of this pair


@dataclass(frozen=True, slots=True)
class Score:
    """One rater's score of one text."""

    rater: str
    task: RatingTask
    part: Part
    value: float


@dataclass(frozen=True, slots=True)
class Sheet:
    """What one rater has given. `problems` name the row, from 1 for the first task, and what is wrong with it."""

    rater: str
    scores: tuple[Score, ...]
    unrated: int  # scores that are missing
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rating:
    """A rater's two scores of one text, with the dimensions that they found flawed; construction validates.

    Raises: RubricError, when a score is none of 0 to 100, or not what its flaws allow.
    """

    instruction: int
    response: int
    flaws: frozenset[Dimension] = frozenset()
    comment: str = ""

    def __post_init__(self) -> None:
        check_score(Part.INSTRUCTION, self.instruction, self.flaws)
        check_score(Part.RESPONSE, self.response, self.flaws)


def check_score(part: Part, value: float, flaws: Collection[Dimension]) -> None:
    """Any score from 0 to what the worst flaw of that part leaves (Table II). Raises: RubricError, with the range."""
    cap = score_cap(part, flaws)
    if not 0 <= value <= cap:
        why = f", as its flaws have it ({named_flaws(part, flaws)})" if cap < 100 else ""
        raise RubricError(f"{part}_score {value:g} is not within 0 to {cap}{why}; change the score or the flaws")


def draw_items(
    sources: Versions, count: int, chance: random.Random, without: Collection[int] = ()
) -> list[tuple[int, dict[str, InstructionPair]]]:
    """`count` rows, none of those `without`, in their order: row → its versions by source. Raises: InputError."""
    lengths = {name: len(pairs) for name, pairs in sources.items()}
    if len(set(lengths.values())) != 1:
        raise InputError(f"the sources must hold versions of the same pairs, row by row, but hold {lengths}")
    rows = [row for row in range(next(iter(lengths.values()))) if row not in without]
    if count > len(rows):
        left_out = f" ({len(without):,} were seen by a rater)" if without else ""
        raise InputError(f"{count:,} pairs are to be drawn and there are {len(rows):,}{left_out}")
    return [(row, {name: pairs[row] for name, pairs in sources.items()}) for row in sorted(chance.sample(rows, count))]


def each_version(items: Sequence[Mapping[str, InstructionPair]]) -> Iterator[tuple[RatingTask, InstructionPair]]:
    """Every version of every item, numbered from 0; `task` is the number in that order."""
    number = 0
    for item, versions in enumerate(items):
        differs = len({(pair.instruction, pair.input) for pair in versions.values()}) > 1
        for source, pair in versions.items():
            yield RatingTask(str(number), source, item, differs), pair
            number += 1
