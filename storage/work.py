"""What the post-edit queue hands out and takes back."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from coachlm.pairs import InstructionPair, TaskClass
from coachlm.post_edit import PostEdit
from coachlm.revision import Revision
from coachlm.status import Status


class ItemState(StrEnum):
    """Where an item of the queue is."""

    FREE = "free"  # anybody of its unit may get it
    RESERVED = "reserved"  # sent back; only the annotator who wrote it gets it
    LEASED = "leased"  # with a person


class Ending(StrEnum):
    """How a lease ended."""

    SUBMITTED = "submitted"
    RELEASED = "released"
    SKIPPED = "skipped"
    EXCLUDED = "excluded"  # the pair was set aside
    EXPIRED = "expired"


class PersonRole(StrEnum):
    """What a person may do with pairs."""

    ANNOTATOR = "annotator"
    OWNER = "owner"  # also reviews
    ADMIN = "admin"  # also reviews


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody known to the store."""

    id: int
    name: str
    role: PersonRole
    unit: TaskClass | None  # whose items the person gets; None: every class


@dataclass(frozen=True, slots=True)
class Draft:
    """A text on its way: saved while editing, or kept from a submit that was refused."""

    text: InstructionPair
    comment: str
    saved_at: datetime
    is_refused: bool


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
    owner_comment: str = ""  # for RETURNED: why


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """A post-edited pair that waits for its owner."""

    pair_id: str
    version: int
    raw: InstructionPair
    revision: Revision | None
    post_edit: PostEdit
    task_class: TaskClass | None


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
