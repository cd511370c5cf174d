"""The owner's side: reviews, classes, priorities, and excluded pairs."""

from datetime import datetime

from pydantic import Field

from api.models.base import Comment, Given, Key, Name, PairId, PairText, Taken, Text, Version, Writer
from api.models.desk import Background, CoachRevision, SubmittedEdit
from coachlm.desk.post_edit import Decision
from coachlm.desk.work import Arm, ReviewReason
from coachlm.pairs import ExcludeReason, TaskClass
from coachlm.status import Status


class ReviewDraft(Given):
    """What the owner has typed and not decided yet."""

    text: PairText
    comment: Text
    saved_at: datetime
    version: int = Field(
        description="Of the pair that the owner saw; another one than the item's: the pair changed since."
    )
    writer: Text = Field(description="The browser, or other program, that saved it.")


class ReviewItem(Given):
    """What waits for an owner: a post-edited pair, or one that an annotator sent without a text."""

    pair_id: str
    version: int
    raw: PairText
    revision: CoachRevision | None = None
    post_edit: SubmittedEdit | None = Field(default=None, description="Null for an item sent without a text.")
    task_class: TaskClass | None = None
    reason: ReviewReason = ReviewReason.SAMPLED
    arm: Arm = Arm.COACH
    annotator: Text | None = Field(default=None, description="Who wrote or sent it.")
    comment: Text = Field(default="", description="With which it was sent.")
    since: datetime | None = None
    draft: ReviewDraft | None = Field(default=None, description="The caller's own latest.")
    reserved_by: Text | None = Field(default=None, description="The owner who has it in hands; null: nobody.")
    reserved_until: datetime | None = None
    background: Background = Field(default=Background(), description="To be read, not to be edited.")


class ReviewItems(Given):
    """What waits for the owner, questions first, then by age."""

    items: tuple[ReviewItem, ...]
    waiting: int = Field(default=0, description="How much waits in all; counted up to 10,000.")


class ReviewClaim(Taken):
    """How many reviews are wanted beside those that the caller knows already."""

    want: int = Field(default=1, ge=1, le=20)
    known: tuple[PairId, ...] = Field(default=(), max_length=200)
    task_class: TaskClass | None = None


class ReviewHold(Taken):
    """Reviews that the caller has in hands."""

    pair_ids: tuple[PairId, ...] = Field(max_length=200)


class HeldReviews(Given):
    """What stays in the caller's hands."""

    pair_ids: tuple[str, ...]


class ReopenRequest(Taken):
    """A pair whose last decision is to be taken back."""

    version: Version


class ReviewRequest(Taken):
    """An owner's decision; `final` goes with `fix`, and only with it. The same key again stores nothing twice."""

    pair_id: PairId
    version: Version
    decision: Decision
    final: PairText | None = None
    comment: Comment = ""
    idempotency_key: Key | None = None


class ReviewDraftRequest(Taken):
    """A text to keep until the owner decides; it replaces what the same writer saved of this version."""

    pair_id: PairId
    version: Version
    writer: Writer
    text: PairText
    comment: Comment = ""


class ClassRequest(Taken):
    """The class that a person sees."""

    task_class: TaskClass
    version: Version


class HandOverRequest(Taken):
    """Who gets a returned pair; null: everybody."""

    to: Name | None = None


class RestoreRequest(Taken):
    """An excluded pair, or a near copy, that is to go through the coach after all."""

    version: Version


class PriorityRequest(Taken):
    """Smaller comes first; items start at 100."""

    pair_ids: tuple[PairId, ...] = Field(min_length=1, max_length=10_000)
    priority: int = Field(ge=-1_000_000, le=1_000_000)


class Changed(Given):
    """How many things a request changed."""

    changed: int


class ExcludedPair(Given):
    """A pair that the filter or a person excluded."""

    pair_id: str
    version: int
    raw: PairText
    status: Status
    task_class: TaskClass | None = None
    reason: ExcludeReason | None = None
    detail: Text = ""
    duplicate_of: str | None = None
    created_at: datetime | None = None
    words: tuple[Text, ...] = ()


class Exclusions(Given):
    """A page of excluded pairs, in order of arrival."""

    pairs: tuple[ExcludedPair, ...]
    next: int | None = Field(description="Give it as `after` for the next page; null: this is the last one.")


class PairState(Given):
    """A pair as it stands."""

    pair_id: str
    version: int
    status: Status
    raw: PairText
    revision: CoachRevision | None = None
    final: PairText | None = Field(default=None, description="The owner's text, else the annotator's last.")
    annotator: Text | None = None
    reviewer: Text | None = Field(default=None, description="The owner who decided last.")
    task_class: TaskClass | None = None
    exclude_reason: ExcludeReason | None = None
    exclude_detail: Text = ""
    duplicate_of: str | None = None
    created_at: datetime | None = None
    background: Background = Field(default=Background(), description="To be read, not to be edited.")
