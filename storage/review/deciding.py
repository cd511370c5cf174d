"""Owners' decisions: what is checked, counted and stored, within the caller's transaction."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, exists, insert, select, update

from coachlm.desk.post_edit import Decision, PostEdit, Review
from coachlm.desk.work import ItemState, Person, ReviewState
from coachlm.errors import ConflictError, EmptyTextError, NotFoundError, StaleError, StoreError, TransitionError
from coachlm.pairs import InstructionPair
from coachlm.status import Status
from coachlm.text.distance import pair_distance
from storage.desk.review_items import check_reserved, delete_review_item
from storage.desk.submitting import MAX_KEY
from storage.engine.results import columns_of, one_row
from storage.pairs.edits import insert_post_edit, last_edit_row
from storage.pairs.revisions import queue_item
from storage.pairs.rollups import WorkKey, count_work
from storage.pairs.states import PairState, change_status, note
from storage.people.reservations import heir_of
from storage.tables.desk import LeaseRow, QueueItemRow, ReviewItemRow, ReviewRow
from storage.tables.rows import StoredLease, corrected_text, pair_from_row


def check_decision(review: Review, key: str | None) -> None:
    """Raises: StoreError."""
    if (review.final is not None) != (review.decision is Decision.FIX):
        raise StoreError(f"pair {review.pair_id}: a corrected text goes with the decision `fix`, and only with it")
    if key is not None and not 0 < len(key) <= MAX_KEY:
        raise StoreError(f"an idempotency key has 1 to {MAX_KEY} characters; draw a new one for each decision")


def check_waiting(connection: Connection, pair: PairState, version: int) -> None:
    """Raises: StaleError, ConflictError."""
    _check_version(pair, version)
    if not connection.scalar(select(exists().where(ReviewItemRow.pair == pair.seq))):
        raise ConflictError(f"pair {pair.pair_id} is not waiting for review; load it again")


class EarlierReview(NamedTuple):
    """What an earlier decision with the same key stored."""

    pair: int
    decision: str
    comment: str
    instruction: str | None
    input: str | None
    response: str | None
    version: int


@dataclass(frozen=True, slots=True)
class Deciding:
    """One call of one owner about one locked pair."""

    connection: Connection
    pair: PairState
    owner: Person
    review: Review
    key: str | None
    now: datetime

    def store(self, version: int) -> int:
        """The pair's new version. Nothing has been written where it raises one of its own.

        Raises: StaleError, LeaseError, ConflictError, EmptyTextError, TransitionError.
        """
        if (earlier := self._earlier()) is not None:
            return self._again(earlier)
        _check_version(self.pair, version)
        check_reserved(self.connection, self.pair, self.owner, self.now)
        final = self.review.final
        if final is not None and not (final.instruction.strip() and final.response.strip()):
            raise EmptyTextError(f"pair {self.pair.pair_id}: instruction or response is empty; write both")
        sent = (ReviewItemRow.pair == self.pair.seq, ReviewItemRow.state == ReviewState.SENT.value)
        question = self.connection.execute(select(ReviewItemRow.annotator).where(*sent)).one_or_none()
        return self._decide() if question is None else self._answer(question.annotator)

    def _earlier(self) -> EarlierReview | None:
        if self.key is None:
            return None
        own = (ReviewRow.person == self.owner.id, ReviewRow.idempotency_key == self.key)
        stored = select(*columns_of(ReviewRow, EarlierReview)).where(*own)
        return one_row(EarlierReview, self.connection.execute(stored))

    def _again(self, earlier: EarlierReview) -> int:
        review = self.review
        text = corrected_text(earlier.instruction, earlier.input, earlier.response)
        before = (earlier.pair, earlier.decision, earlier.comment, text)
        if before != (self.pair.seq, review.decision, review.comment, review.final):
            raise ConflictError(f"the key {self.key!r} was used for another decision; send a new one under a new key")
        return earlier.version

    def _decide(self) -> int:
        """About a post-edit."""
        connection, pair, review, now = self.connection, self.pair, self.review, self.now
        returned = review.decision is Decision.RETURN
        wanted = Status.RETURNED if returned else Status.APPROVED
        if pair.status is not Status.POST_EDITED:  # an excluded pair may become returned: taken back, not decided
            raise TransitionError(f"pair {pair.pair_id} is {pair.status} and can't become {wanted} by a review")
        after = change_status(connection, pair, wanted, now, person=self.owner.id, detail=review.comment)
        edit = last_edit_row(connection, pair.seq)
        if edit is None:
            raise NotFoundError(f"pair {pair.pair_id} has no post-edit to review")
        distance = None if review.final is None else pair_distance(pair_from_row(edit), review.final)
        self._insert(after, annotator=edit.person, post_edit=edit.id, distance=distance)
        delete_review_item(connection, pair.seq)
        if returned:
            heir = heir_of(connection, edit.person, pair.task_class)
            item = queue_item(pair.seq, pair.task_class, now, reserved_for=heir, arm=edit.arm)
            connection.execute(insert(QueueItemRow).values(**item._asdict()))
        own = select(LeaseRow.__table__).where(LeaseRow.id == edit.lease)
        lease = one_row(StoredLease, connection.execute(own))
        if lease is not None:
            count_work(connection, (WorkKey.of(lease, now), review_counts(review.decision, distance)))
        return after

    def _answer(self, annotator: int | None) -> int:
        """To an annotator who sent the pair without a text."""
        connection, pair, review = self.connection, self.pair, self.review
        match review.decision:
            case Decision.APPROVE:
                said = "was sent to you without a text; fix it, return it with an answer or exclude it"
                raise TransitionError(f"pair {pair.pair_id} {said}")
            case Decision.RETURN:
                heir = None if annotator is None else heir_of(connection, annotator, pair.task_class)
                requeue(connection, pair, heir)
                delete_review_item(connection, pair.seq)
                after = note(connection, pair, self.now, self.owner.id, f"answered: {review.comment}")
                self._insert(after, annotator=annotator)
                return after
            case Decision.FIX:
                assert review.final is not None
                return self._write_and_approve(review.final, annotator)

    def _write_and_approve(self, final: InstructionPair, annotator: int | None) -> int:
        connection, pair, now, who = self.connection, self.pair, self.now, self.owner.id
        arm = connection.scalar(select(QueueItemRow.arm).where(QueueItemRow.pair == pair.seq))
        connection.execute(delete(QueueItemRow).where(QueueItemRow.pair == pair.seq))
        delete_review_item(connection, pair.seq)
        written = change_status(connection, pair, Status.POST_EDITED, now, person=who, detail="the owner's own text")
        edit = PostEdit(pair.pair_id, self.owner.name, final, 0.0, comment=self.review.comment)
        insert_post_edit(
            connection,
            pair.seq,
            self.owner,
            edit,
            key=f"review of {pair.pair_id} at {written}",
            version=written,
            now=now,
            is_untouched=False,
            **({} if arm is None else {"arm": arm}),
        )
        by_now = PairState(pair.seq, pair.pair_id, Status.POST_EDITED, written, pair.task_class)
        after = change_status(connection, by_now, Status.APPROVED, now, person=who, detail=self.review.comment)
        self._insert(after, annotator=annotator)
        return after

    def _insert(
        self, version: int, *, annotator: int | None, post_edit: int | None = None, distance: int | None = None
    ) -> None:
        final = self.review.final
        self.connection.execute(
            insert(ReviewRow).values(
                pair=self.pair.seq,
                person=self.owner.id,
                decision=self.review.decision.value,
                instruction=final and final.instruction,
                input=final and final.input,
                response=final and final.response,
                comment=self.review.comment,
                created_at=self.now,
                annotator=annotator,
                post_edit=post_edit,
                distance=distance,
                idempotency_key=self.key,
                version=version,
            )
        )


def review_counts(decision: Decision, distance: int | None) -> dict[str, int]:
    """What of an owner's decision is counted for the annotator."""
    is_return = decision is Decision.RETURN
    return {
        "reviewed": 1,
        "returned": int(is_return),
        "approved": int(not is_return),
        "fixed": int(decision is Decision.FIX),
        "disagreement": distance or 0,
    }


def requeue(connection: Connection, pair: PairState, heir: int | None) -> None:
    """Raises: ConflictError, when the item is not there or in somebody's hands."""
    state = ItemState.FREE if heir is None else ItemState.RESERVED
    waiting = (QueueItemRow.pair == pair.seq, QueueItemRow.state != ItemState.LEASED.value)
    moved = update(QueueItemRow).where(*waiting).values(reserved_for=heir, state=state.value)
    if not connection.execute(moved).rowcount:
        raise ConflictError(f"pair {pair.pair_id} is not waiting in the queue; load it again")


def _check_version(pair: PairState, version: int) -> None:
    if version != pair.version:
        raise StaleError(
            f"pair {pair.pair_id} changed meanwhile (version {pair.version}, not {version}); load it again"
        )
