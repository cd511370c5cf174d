"""What the post-edit queue hands out and takes back."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from coachlm.context import Context
from coachlm.desk.efficiency import Arm
from coachlm.desk.post_edit import PostEdit
from coachlm.desk.signals import NO_REMARKS, LogRemarks
from coachlm.pairs import ExcludeReason, InstructionPair, TaskClass
from coachlm.revision import Revision
from coachlm.status import Status


class ItemState(StrEnum):
    """Where an item of the queue is."""

    FREE = "free"  # anybody of its unit may get it
    RESERVED = "reserved"  # sent back; only the annotator who wrote it gets it
    LEASED = "leased"  # with a person
    SENT = "sent"  # with the unit's owner, to whom an annotator sent it


class Ending(StrEnum):
    """How a lease ended."""

    SUBMITTED = "submitted"  # the person submitted
    RELEASED = "released"  # the person gave it back, for anybody
    SKIPPED = "skipped"  # the person gave it back, for others first
    EXCLUDED = "excluded"  # the person excluded the pair
    EXPIRED = "expired"  # time ran out
    SENT = "sent"  # the item went to the owner


class ReviewState(StrEnum):
    """Where a post-edit stands on its way to being approved."""

    WAITING = "waiting"  # for the unit's owner
    PASSING = "passing"  # not sampled: approved by itself once it can't be undone any more
    SENT = "sent"  # no post-edit: an annotator asks the owner


class ReviewReason(StrEnum):
    """Why an owner looks at a post-edit, or doesn't."""

    SAMPLED = "sampled"  # drawn by its share
    NEWCOMER = "newcomer"  # one of the first of somebody new
    RETURNED = "returned"  # written after the owner had sent it back
    FLAGGED = "flagged"  # the coach's text had flags to check
    SENT = "sent"  # the annotator asked
    REOPENED = "reopened"  # it was approved, and an owner looks again
    NOT_SAMPLED = "not_sampled"  # not drawn: approved by itself


class PersonRole(StrEnum):
    """What a person may do."""

    INGEST = "ingest"  # only posts logs
    ANNOTATOR = "annotator"  # post-edits and sees their own figures
    OWNER = "owner"  # also reviews
    OPERATOR = "operator"  # runs the service; doesn't post-edit
    ADMIN = "admin"  # everything


class Seniority(StrEnum):
    """How much of a person's work an owner looks at."""

    NEWCOMER = "newcomer"
    REGULAR = "regular"
    SENIOR = "senior"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody known to the store."""

    id: int
    name: str
    role: PersonRole
    unit: TaskClass | None  # whose items the person gets; None: every class
    seniority: Seniority = Seniority.REGULAR
    is_active: bool = True
    created_at: datetime | None = None
    is_rater: bool = False  # in a study of blind ratings that is open: its pairs are withheld from them
    time_zone: str = "UTC"  # an IANA name: where the person's days begin


@dataclass(frozen=True, slots=True)
class Unit:
    """The annotators of a task class."""

    task_class: TaskClass
    name: str  # as the settings call it
    owners: tuple[str, ...]  # active ones
    annotators: int  # active ones


@dataclass(frozen=True, slots=True)
class Draft:
    """A text on its way: saved while editing, or kept from a submit that was refused."""

    text: InstructionPair
    comment: str
    saved_at: datetime
    is_refused: bool
    version: int = 0  # counts how often it was saved
    writer: str = ""  # the browser that saved it last; empty: not said


@dataclass(frozen=True, slots=True)
class Background:
    """Where and when a pair was said; people read it and nobody edits it."""

    context: Context | None = None  # with the people's texts of earlier turns, where there are any
    turn: int | None = None  # of its conversation, from 1; None: a single exchange
    model: str | None = None
    timestamp: datetime | None = None
    remarks: LogRemarks = NO_REMARKS


@dataclass(frozen=True, slots=True)
class WorkItem:
    """A pair in somebody's hands until `expires_at`; `token` and `version` go back with the submit."""

    pair_id: str
    token: str
    version: int
    expires_at: datetime
    status: Status  # REVISED or RETURNED
    raw: InstructionPair
    revision: Revision | None
    task_class: TaskClass | None
    draft: Draft | None = None  # the person's own latest
    last_edit: PostEdit | None = None  # for RETURNED: what the owner sent back
    owner_comment: str = ""  # the owner's latest, to a text that was returned or an item that was sent to the owner
    question: str = ""  # the annotator's, which `owner_comment` answers
    arm: Arm = Arm.COACH  # in CONTROL there is no revision
    background: Background = Background()


@dataclass(frozen=True, slots=True)
class ReviewDraft:
    """What an owner has typed and not decided yet: the text to approve, and the comment."""

    text: InstructionPair
    comment: str
    saved_at: datetime
    version: int  # of the pair that the owner saw
    writer: str  # the browser (or other program) that saved it


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """What waits for an owner: a post-edited pair, or one that an annotator sent without a text (`post_edit` None)."""

    pair_id: str
    version: int
    raw: InstructionPair
    revision: Revision | None
    post_edit: PostEdit | None
    task_class: TaskClass | None
    reason: ReviewReason = ReviewReason.SAMPLED
    arm: Arm = Arm.COACH
    annotator: str | None = None  # who wrote or sent it
    comment: str = ""  # with which it was sent
    since: datetime | None = None
    draft: ReviewDraft | None = None  # the owner's own latest
    reserved_by: str | None = None  # the owner who has it in hands
    reserved_until: datetime | None = None
    background: Background = Background()


@dataclass(frozen=True, slots=True)
class ExcludedItem:
    """A pair that was excluded, by the filter or by a person, or that is a near copy."""

    pair_id: str
    version: int
    raw: InstructionPair
    status: Status  # EXCLUDED or DUPLICATE
    task_class: TaskClass | None
    reason: ExcludeReason | None
    detail: str
    duplicate_of: str | None  # pair id
    created_at: datetime
    words: tuple[str, ...] = ()  # of the pair, that made the filter's rule fire


@dataclass(frozen=True, slots=True)
class ExcludedPage:
    """Pairs in order of arrival; `next` goes back as `after` for the following page, None: this is the last."""

    pairs: tuple[ExcludedItem, ...]
    next: int | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A submit that was stored; the same one for every retry with its key."""

    pair_id: str
    post_edit: int  # its number
    version: int  # of the pair, after it


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """What lies in the queue."""

    free: int
    reserved: int
    leased: int
    awaiting_review: int
    free_by_class: dict[str, int]
    sent: int = 0  # with an owner
