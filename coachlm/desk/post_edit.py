"""What people made of a revised pair: the annotator's post-edit and the owner's review."""

from dataclasses import dataclass, field
from enum import StrEnum

from coachlm.desk.categories import RevisionCategory
from coachlm.desk.rubric import Scores
from coachlm.pairs import InstructionPair


@dataclass(frozen=True, slots=True)
class PostEdit:
    """An annotator's final text for a pair, with what it cost and how they rate it."""

    pair_id: str  # id of the raw pair
    person: str
    final: InstructionPair
    active_seconds: float  # claim to submit, idle gaps cut
    scores: Scores | None = None
    categories: tuple[RevisionCategory, ...] = field(default=())
    comment: str = ""


class Decision(StrEnum):
    """An owner's verdict on a post-edit."""

    APPROVE = "approve"
    FIX = "fix"  # approve with the owner's own correction
    RETURN = "return"  # back to the same annotator, with a comment


@dataclass(frozen=True, slots=True)
class Review:
    """An owner's decision; `final` is set for `FIX` alone."""

    pair_id: str
    owner: str
    decision: Decision
    final: InstructionPair | None = None
    comment: str = ""
