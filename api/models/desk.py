"""The post-edit desk: items, drafts, submits, and what a pair has been through."""

from datetime import datetime

from pydantic import Field

from api.models.base import (
    Comment,
    Given,
    Key,
    LeaseToken,
    PairId,
    PairText,
    ScoreCard,
    Taken,
    Text,
    Version,
    Writer,
)
from coachlm.context import Role
from coachlm.desk.categories import RevisionCategory
from coachlm.desk.rubric import Dimension, Level, Part
from coachlm.desk.signals import Opinion
from coachlm.desk.work import Arm
from coachlm.pairs import ExcludeReason, InstructionPair, TaskClass
from coachlm.revision import Field as PairField
from coachlm.revision import FlagKind, Outcome
from coachlm.status import Status


class RevisionFlag(Given):
    """A span of the revised text to check: code points `start:end` of `field`, counted as Python does."""

    kind: FlagKind
    field: PairField
    start: int
    end: int
    text: Text


class CoachRevision(Given):
    """What the coach made of a pair."""

    revised: PairText
    outcome: Outcome
    engine: Text
    adapter: str | None = None
    reason: Text | None = None
    flags: tuple[RevisionFlag, ...] = ()


class SavedDraft(Given):
    """A text on its way: saved while editing, or kept from a submit that was refused."""

    text: PairText
    comment: Text
    saved_at: datetime
    is_refused: bool
    version: int = Field(default=0, description="How often it was saved; goes back as `seen`.")
    writer: Text = Field(default="", description="The browser, or other program, that saved it last.")


class SubmittedEdit(Given):
    """An annotator's submitted text."""

    person: Text
    final: PairText
    active_seconds: float
    scores: ScoreCard | None = None
    categories: tuple[RevisionCategory, ...] = ()
    comment: Text = ""


class ToolCall(Given):
    """A call of a tool, its arguments as the model wrote them."""

    name: Text
    arguments: Text = ""


class ContextMessage(Given):
    """A message that came before."""

    role: Role
    text: Text
    calls: tuple[ToolCall, ...] = ()
    name: Text = Field(default="", description="The tool whose result the text is.")


class Context(Given):
    """What a pair was said in; nobody edits it."""

    system: Text = ""
    messages: tuple[ContextMessage, ...] = Field(default=(), description="Before the turn, in order.")
    steps: tuple[ContextMessage, ...] = Field(default=(), description="Between the turn's question and its answer.")
    tools: tuple[Text, ...] = ()
    documents: tuple[Text, ...] = ()


class LogRemarks(Given):
    """What the log says about the answer: the same for everybody, whatever the arm."""

    opinion: Opinion | None = Field(default=None, description="Where its marks say whether the answer is good.")
    signals: tuple[Text, ...] = Field(default=(), description="In words, such as `thumbs: down`.")
    maybe_cut: bool = Field(default=False, description="The answer ends in mid-sentence.")
    reasoning: Text = Field(default="", description="What the model thought before it answered.")
    rejected: tuple[Text, ...] = Field(default=(), description="Answers that lost against this one.")


class Background(Given):
    """Where and when a pair was said."""

    context: Context | None = None
    turn: int | None = Field(default=None, description="Of its conversation, from 1; null: a single exchange.")
    model: Text | None = None
    timestamp: datetime | None = None
    remarks: LogRemarks = LogRemarks()


class Item(Given):
    """A pair in the caller's hands until `expires_at`; `token` and `version` go back with the submit."""

    pair_id: str
    token: str
    version: int
    expires_at: datetime
    status: Status
    raw: PairText
    revision: CoachRevision | None = Field(default=None, description="Null in the control arm: edit the raw text.")
    task_class: TaskClass | None = None
    draft: SavedDraft | None = Field(default=None, description="The caller's own latest.")
    last_edit: SubmittedEdit | None = Field(default=None, description="What the owner sent back.")
    owner_comment: Text = ""
    question: Text = Field(default="", description="The annotator's, which `owner_comment` answers.")
    arm: Arm = Arm.COACH
    background: Background = Field(default=Background(), description="To be read, not to be edited.")

    @property
    def text(self) -> InstructionPair:
        """What the editor starts with: the draft, what was sent back, the coach's text, or the raw pair."""
        if self.draft is not None:
            return self.draft.text.pair()
        if self.last_edit is not None:
            return self.last_edit.final.pair()
        return (self.raw if self.revision is None else self.revision.revised).pair()


class Items(Given):
    """What the caller has in hands, first claimed first."""

    items: tuple[Item, ...]


class ClaimRequest(Taken):
    """Which class is wanted; a person of a unit gets that unit's items alone."""

    task_class: TaskClass | None = None


class HeartbeatRequest(Taken):
    """A sign of life; `active` says whether the person has done anything since the last one."""

    token: LeaseToken
    active: bool = True


class LeaseEnd(Given):
    """Until when the item stays."""

    expires_at: datetime


class DraftRequest(Taken):
    """A text to keep; it replaces the one saved under the same lease. With `writer`, not one that another writer saved
    after the version `seen`: that is refused as `diverged`."""

    pair_id: PairId
    token: LeaseToken
    text: PairText
    comment: Comment = ""
    writer: Writer | None = None
    seen: Version = 0


class SubmitRequest(Taken):
    """The person's final text. The same key again gives the same receipt and stores nothing twice."""

    pair_id: PairId
    token: LeaseToken
    version: Version
    idempotency_key: Key
    final: PairText
    scores: ScoreCard | None = None
    categories: tuple[RevisionCategory, ...] = Field(default=(), max_length=len(RevisionCategory))
    comment: Comment = ""
    writer: Writer | None = Field(default=None, description="As for drafts.")
    seen: Version = 0


class Receipt(Given):
    """A submit that was stored."""

    pair_id: str
    post_edit: int = Field(description="Its number; an undo names it.")
    version: int


class UndoRequest(Taken):
    """The submit to take back, within a minute of it."""

    pair_id: PairId
    post_edit: int = Field(ge=0, le=2**63 - 1)


class TakeBackRequest(Taken):
    """The pair that the caller excluded, skipped or sent to its owner a moment ago."""

    pair_id: PairId


class LeaseRequest(Taken):
    """The item that is meant."""

    token: LeaseToken


class SendToOwnerRequest(Taken):
    """An item that the person can't do; the owner reads the comment."""

    token: LeaseToken
    comment: Comment = ""


class ExcludeRequest(Taken):
    """A pair to exclude; it stays exportable and can be restored."""

    pair_id: PairId
    version: Version
    reason: ExcludeReason
    detail: Comment = ""


class NewVersion(Given):
    """The pair's version after the change."""

    pair_id: str
    version: int


class HistoryEntry(Given):
    """One thing that was said about a pair."""

    at: datetime
    kind: str = Field(description="raw, revision, draft, refused, post_edit, review or change.")
    who: Text | None
    text: PairText | None
    detail: Text = ""
    adapter: str | None = None


class History(Given):
    """What was said about a pair, oldest first."""

    entries: tuple[HistoryEntry, ...]


class Criterion(Given):
    """One row of Table II."""

    dimension: Dimension
    part: Part
    level: Level
    description: str
    checklist: str


class ScoreRange(Given):
    """The scores that a part may get with a flaw of this level; null: without flaws."""

    part: Part
    level: Level | None
    lowest: int
    highest: int


class Rubric(Given):
    """Table II, with its caps."""

    criteria: tuple[Criterion, ...]
    ranges: tuple[ScoreRange, ...]
    target: int = Field(description="Experts revise until both scores reach this.")
