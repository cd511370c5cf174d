"""The tables of revising and post-editing.

What the coach or a person has said is append-only: triggers refuse to change or delete a row of revisions, post-edits,
withdrawals, reviews, reopenings and events, whatever program asks for it.
"""

from datetime import datetime
from typing import TypedDict

from sqlalchemy import ForeignKey, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.columns import AnyText, Json, Key
from storage.tables.pairs import Base, Name, Number, PairSeq, PersonId, Surrogate, Written


class StoredFlag(TypedDict):
    """A `coachlm.revision.Flag`, as JSON holds it."""

    kind: str
    field: str
    start: int
    end: int
    text: str


class RevisionRow(Base):
    """What the coach made of a pair; the texts are NULL where it left the raw pair as it is. Append-only."""

    __tablename__ = "revisions"
    __table_args__ = (Index(None, "pair"),)

    id: Mapped[Surrogate]
    pair: Mapped[PairSeq]
    instruction: Mapped[Written | None]
    input: Mapped[Written | None]
    response: Mapped[Written | None]
    outcome: Mapped[Name]
    engine: Mapped[Written]
    adapter: Mapped[Written | None]
    reason: Mapped[Written | None]
    flags: Mapped[list[StoredFlag] | None] = mapped_column(Json, nullable=True)
    prompt_tokens: Mapped[int]
    output_tokens: Mapped[int]
    seconds: Mapped[float]
    created_at: Mapped[datetime]


class PostEditRow(Base):
    """An annotator's submitted text. Append-only."""

    __tablename__ = "post_edits"
    __table_args__ = (Index(None, "pair"), Index(None, "created_at"), UniqueConstraint("person", "idempotency_key"))

    id: Mapped[Surrogate]
    pair: Mapped[PairSeq]
    person: Mapped[PersonId]
    instruction: Mapped[Written]
    input: Mapped[Written]
    response: Mapped[Written]
    active_seconds: Mapped[float]
    instruction_score: Mapped[int | None] = mapped_column(SmallInteger)
    response_score: Mapped[int | None] = mapped_column(SmallInteger)
    flaws: Mapped[list[str] | None] = mapped_column(Json, nullable=True)
    categories: Mapped[list[str] | None] = mapped_column(Json, nullable=True)
    comment: Mapped[Written]
    idempotency_key: Mapped[Written]
    version: Mapped[int]  # of the pair, after this
    created_at: Mapped[datetime]
    lease: Mapped[Number | None]  # None: an owner's own, or older than rollups
    arm: Mapped[Name]  # coachlm.desk.efficiency.Arm
    adapter: Mapped[Written | None]  # of the revision that was shown, or kept back in the control arm
    is_untouched: Mapped[bool]  # the text is the one that was handed out
    raw_distance: Mapped[int | None]  # characters of edits from the raw pair
    revision_distance: Mapped[int | None]  # and from the coach's text
    review_reason: Mapped[Name | None]  # coachlm.desk.work.ReviewReason


class WithdrawalRow(Base):
    """A post-edit that its writer took back within the time for that. Append-only."""

    __tablename__ = "withdrawals"

    id: Mapped[Surrogate]
    pair: Mapped[PairSeq]
    post_edit: Mapped[int] = mapped_column(Key, ForeignKey("post_edits.id"), unique=True)
    person: Mapped[PersonId]
    created_at: Mapped[datetime]


class ReviewRow(Base):
    """An owner's decision; the texts are NULL unless the owner corrected. Append-only."""

    __tablename__ = "reviews"
    __table_args__ = (
        Index(None, "pair"),
        Index(None, "annotator", "id"),
        Index("uq_reviews_key", "person", "idempotency_key", unique=True),
    )

    id: Mapped[Surrogate]
    pair: Mapped[PairSeq]
    person: Mapped[PersonId]
    decision: Mapped[Name]
    instruction: Mapped[Written | None]
    input: Mapped[Written | None]
    response: Mapped[Written | None]
    comment: Mapped[Written]
    created_at: Mapped[datetime]
    annotator: Mapped[Number | None]  # who wrote what was reviewed
    post_edit: Mapped[Number | None]  # None: an answer to an item that was sent to the owner
    distance: Mapped[int | None]  # characters of edits that the owner made to the annotator's text
    idempotency_key: Mapped[Written | None]  # None: sent without one
    version: Mapped[int | None]  # of the pair, after this; None: older than keys


class ReopeningRow(Base):
    """An approval, return or answer that an owner took back. Append-only."""

    __tablename__ = "reopenings"
    __table_args__ = (Index(None, "pair"),)

    id: Mapped[Surrogate]
    pair: Mapped[PairSeq]
    review: Mapped[int | None] = mapped_column(Key, ForeignKey("reviews.id"), unique=True)  # None: approved unsampled
    person: Mapped[PersonId]
    created_at: Mapped[datetime]


class EventRow(Base):
    """A change of status after intake: who, when, from what to what. Append-only."""

    __tablename__ = "events"
    __table_args__ = (Index(None, "pair"),)

    id: Mapped[Surrogate]
    pair: Mapped[PairSeq]
    person: Mapped[PersonId | None]  # None: the coach
    from_status: Mapped[Name]
    to_status: Mapped[Name]
    detail: Mapped[Written]
    created_at: Mapped[datetime]


class QueueItemRow(Base):
    """A pair that waits for an annotator or is with one: there is a row while its status is revised or returned."""

    __tablename__ = "queue_items"
    __table_args__ = (
        Index(None, "state", "task_class", "priority", "place", "pair"),
        Index(None, "state", "priority", "place", "pair"),
        Index(None, "reserved_for", "state", "priority", "place", "pair"),
        Index(
            "ix_queue_items_age",
            "queued_at",
            sqlite_where=text("state = 'free'"),
            postgresql_where=text("state = 'free'"),
        ),
    )

    pair: Mapped[PairSeq] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[Name]  # coachlm.desk.work.ItemState
    task_class: Mapped[Name]  # empty: none
    priority: Mapped[int]  # smaller comes first
    reserved_for: Mapped[PersonId | None]  # who gets it back
    arm: Mapped[Name | None]  # coachlm.desk.efficiency.Arm, from the first hand-out on
    queued_at: Mapped[datetime]
    place: Mapped[Number]  # within a priority: the pair's number, moved by what the log says about the answer


class ReviewItemRow(Base):
    """What an owner has to decide, or what becomes approved by itself: one row while that is so."""

    __tablename__ = "review_items"
    __table_args__ = (Index(None, "state", "task_class", "since"), Index(None, "state", "since"))

    pair: Mapped[PairSeq] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[Name]  # coachlm.desk.work.ReviewState
    task_class: Mapped[Name]  # empty: none
    reason: Mapped[Name]  # coachlm.desk.work.ReviewReason
    annotator: Mapped[PersonId | None]
    comment: Mapped[Written]  # the annotator's, of an item sent to the owner
    since: Mapped[datetime]
    reserved_by: Mapped[Number | None]  # the owner who has it in hands
    reserved_until: Mapped[datetime | None]


class LeaseRow(Base):
    """A hand-out of an item to a person, ended or not. The database itself refuses a second holder."""

    __tablename__ = "leases"
    __table_args__ = (
        Index(
            "uq_leases_open",
            "pair",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "ix_leases_expiry",
            "expires_at",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(None, "person", "ended_at"),
    )

    id: Mapped[Surrogate]
    token: Mapped[str] = mapped_column(AnyText, unique=True)
    pair: Mapped[PairSeq]
    person: Mapped[PersonId]
    claimed_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ending: Mapped[Name | None]  # coachlm.desk.work.Ending
    unit: Mapped[Name]  # these five, as they were when the item was handed out, say where its work is counted
    task_class: Mapped[Name]
    engine: Mapped[Written]
    adapter: Mapped[Written]
    arm: Mapped[Name]  # coachlm.desk.efficiency.Arm
    revision: Mapped[Number | None]
    continues: Mapped[Number | None]  # the post-edit that was withdrawn: no new hand-out
    beats: Mapped[int]  # heartbeats that came
    beat_at: Mapped[datetime | None]
    active_ms: Mapped[Number]  # milliseconds, idle gaps left out


class SkipRow(Base):
    """Somebody didn't want this item; others get it first."""

    __tablename__ = "skips"
    __table_args__ = ({"sqlite_with_rowid": False},)

    person: Mapped[PersonId] = mapped_column(primary_key=True)
    pair: Mapped[PairSeq] = mapped_column(primary_key=True)
    skipped_at: Mapped[datetime]


class DraftRow(Base):
    """A text on its way: the last one saved under a lease, and each one that a refused submit brought."""

    __tablename__ = "drafts"
    __table_args__ = (UniqueConstraint("pair", "person", "token", "slot"),)

    id: Mapped[Surrogate]
    pair: Mapped[PairSeq]
    person: Mapped[PersonId]
    token: Mapped[Written]  # as it was given; a refused one may be no lease at all; owners': storage.review.drafts
    slot: Mapped[Name]  # `saved`, or the content hash of a refused submit's text
    version: Mapped[int]  # counts how often it was saved
    writer: Mapped[Written]  # the browser that saved it last; empty: not said
    instruction: Mapped[Written]
    input: Mapped[Written]
    response: Mapped[Written]
    comment: Mapped[Written]
    created_at: Mapped[datetime]
