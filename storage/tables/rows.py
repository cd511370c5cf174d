"""Rows of the tables as they travel between functions: one named tuple a kind, its fields in the order of the columns.

`storage.engine.results` makes them from what a query found.
"""

from datetime import datetime
from typing import NamedTuple, Protocol

from coachlm.pairs import InstructionPair, TaskClass
from storage.tables.desk import StoredFlag


class TextColumns(Protocol):
    """A row that has the three texts of a pair."""

    @property
    def instruction(self) -> str: ...
    @property
    def input(self) -> str: ...
    @property
    def response(self) -> str: ...


class ContextColumns(Protocol):
    """A row that says which context a pair has."""

    @property
    def context(self) -> int | None: ...
    @property
    def context_messages(self) -> int: ...
    @property
    def context_steps(self) -> int: ...


class ClassColumns(Protocol):
    """A row that has a pair's class as predicted and as a person corrected it."""

    @property
    def task_class(self) -> str | None: ...
    @property
    def corrected_class(self) -> str | None: ...


class StoredPair(NamedTuple):
    """A row of `PairRow`, with the id of the pair that it copies."""

    seq: int
    id: str
    instruction: str
    input: str
    response: str
    status: str
    version: int
    task_class: str | None
    class_confidence: float
    corrected_class: str | None
    duplicate_of: int | None
    exclude_reason: str | None
    exclude_detail: str | None
    created_at: datetime
    conversation: int | None
    turn: int | None
    context: int | None
    context_messages: int
    context_steps: int
    original: str | None


class StoredRevision(NamedTuple):
    """A row of `RevisionRow`."""

    id: int
    pair: int
    instruction: str | None
    input: str | None
    response: str | None
    outcome: str
    engine: str
    adapter: str | None
    reason: str | None
    flags: list[StoredFlag] | None
    prompt_tokens: int
    output_tokens: int
    seconds: float
    created_at: datetime

    @property
    def text(self) -> InstructionPair | None:
        return corrected_text(self.instruction, self.input, self.response)


class StoredEdit(NamedTuple):
    """A row of `PostEditRow`, with the name of whoever wrote it."""

    id: int
    pair: int
    person: int
    instruction: str
    input: str
    response: str
    active_seconds: float
    instruction_score: int | None
    response_score: int | None
    flaws: list[str] | None
    categories: list[str] | None
    comment: str
    idempotency_key: str
    version: int
    created_at: datetime
    lease: int | None
    arm: str
    adapter: str | None
    is_untouched: bool
    raw_distance: int | None
    revision_distance: int | None
    review_reason: str | None
    name: str


class StoredReview(NamedTuple):
    """A row of `ReviewRow`."""

    id: int
    pair: int
    person: int
    decision: str
    instruction: str | None
    input: str | None
    response: str | None
    comment: str
    created_at: datetime
    annotator: int | None
    post_edit: int | None
    distance: int | None
    idempotency_key: str | None
    version: int | None

    @property
    def text(self) -> InstructionPair | None:
        """Where the owner corrected."""
        return corrected_text(self.instruction, self.input, self.response)


class StoredDraft(NamedTuple):
    """A row of `DraftRow`."""

    id: int
    pair: int
    person: int
    token: str
    slot: str
    version: int
    writer: str
    instruction: str
    input: str
    response: str
    comment: str
    created_at: datetime


class StoredLease(NamedTuple):
    """A row of `LeaseRow`, ended or not."""

    id: int
    token: str
    pair: int
    person: int
    claimed_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    ending: str | None
    unit: str
    task_class: str
    engine: str
    adapter: str
    arm: str
    revision: int | None
    continues: int | None
    beats: int
    beat_at: datetime | None
    active_ms: int


class StoredStage(NamedTuple):
    """What came out of a stage in an hour; a row of `StageRollupRow`."""

    hour: int
    stage: str
    reason: str
    engine: str
    adapter: str
    pairs: int
    tokens: int
    work_ms: int


def pair_from_row(row: TextColumns) -> InstructionPair:
    return InstructionPair(row.instruction, row.input, row.response)


def class_from_row(row: ClassColumns) -> TaskClass | None:
    """As a person corrected it, else as predicted."""
    name = row.corrected_class or row.task_class
    return None if name is None else TaskClass(name)


def corrected_text(instruction: str | None, input_: str | None, response: str | None) -> InstructionPair | None:
    """Of columns that are NULL together where the text was left as it is."""
    if instruction is None or input_ is None or response is None:
        return None
    return InstructionPair(instruction, input_, response)
