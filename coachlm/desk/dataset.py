"""What the store hands to exports and reports: one row a pair, and the counts of the whole flow."""

from dataclasses import dataclass, field
from enum import StrEnum

from coachlm.context import Context
from coachlm.desk.efficiency import Arm
from coachlm.desk.rubric import Scores
from coachlm.pairs import ExcludeReason, InstructionPair, Provenance, TaskClass
from coachlm.revision import Revision
from coachlm.status import Status
from coachlm.text.retelling import retold


class TextChoice(StrEnum):
    """Which text of a pair goes into a data set."""

    RAW = "raw"  # as logged, personal data replaced
    REVISED = "revised"  # the coach's; raw where it has not come that far
    FINAL = "final"  # the people's; the coach's or raw where no person has come that far


@dataclass(frozen=True, slots=True)
class TurnTexts:
    """What was made of a turn."""

    raw: InstructionPair
    revised: InstructionPair | None = None
    final: InstructionPair | None = None
    turn: int = 0  # of its conversation, from 1

    def text(self, choice: TextChoice) -> InstructionPair:
        """The text at the wanted stage, or at the latest one before it that exists."""
        if choice is TextChoice.FINAL and self.final is not None:
            return self.final
        if choice is not TextChoice.RAW and self.revised is not None:
            return self.revised
        return self.raw


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A pair with everything an export or report may show."""

    pair_id: str
    status: Status
    raw: InstructionPair
    provenance: Provenance  # of its first occurrence
    task_class: TaskClass | None = None
    revision: Revision | None = None  # the latest
    final: InstructionPair | None = None  # the owner's text, else the annotator's last
    annotator: str | None = None
    unit: str | None = None  # the annotator's: the class whose items they get
    active_seconds: float | None = None  # of the last edit
    arm: Arm | None = None  # what that edit started from
    scores: Scores | None = None
    exclude_reason: ExcludeReason | None = None
    duplicate_of: str | None = None  # pair id

    told: tuple[TurnTexts, ...] = ()  # turns of its conversation that were worked on
    beginning: Provenance | None = None  # of the pair with which its conversation came first; None: of this one

    def own_text(self, choice: TextChoice) -> InstructionPair:
        """The pair's text at the wanted stage, or at the latest one before it that exists, without its context."""
        revised = None if self.revision is None else self.revision.revised
        return TurnTexts(self.raw, revised, self.final).text(choice)

    def text(self, choice: TextChoice) -> InstructionPair:
        """`own_text` in its context as told."""
        return self.own_text(choice).within(self.context(choice))

    def context(self, choice: TextChoice) -> Context | None:
        """What was said before, in the texts of that stage where there are any."""
        if self.raw.context is None:
            return None
        return retold(self.raw.context, [(turn.turn, turn.raw, turn.text(choice)) for turn in self.told])


@dataclass(frozen=True, slots=True)
class FlowCounts:
    """Where everything that came in has gone. Conservation: `occurrences` = `pairs` + `exact_duplicates`, and `pairs`
    = the sum of `by_status`."""

    occurrences: int = 0  # pairs parsed out of records, repeats of the same text included
    pairs: int = 0  # distinct texts
    exact_duplicates: int = 0  # occurrences beyond a pair's first
    by_status: dict[str, int] = field(default_factory=dict)
    rejects_by_reason: dict[str, int] = field(default_factory=dict)
    excluded_by_reason: dict[str, int] = field(default_factory=dict)
    revisions_by_outcome: dict[str, int] = field(default_factory=dict)
    fallbacks_by_reason: dict[str, int] = field(default_factory=dict)
    flags_by_kind: dict[str, int] = field(default_factory=dict)
    occurrences_by_format: dict[str, int] = field(default_factory=dict)
    rejects_by_format: dict[str, int] = field(default_factory=dict)
    by_class: dict[str, int] = field(default_factory=dict)
    redactions_by_kind: dict[str, int] = field(default_factory=dict)
