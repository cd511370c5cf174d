"""An owner's decision is taken back: the pair waits for review again, and the history keeps what was decided."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from coachlm.desk.post_edit import Decision
from coachlm.desk.work import ItemState, Person, ReviewReason, ReviewState
from coachlm.errors import ConflictError, NotFoundError
from coachlm.status import Status
from storage.desk.review_items import insert_review_item
from storage.desk.second_thoughts import include, uncount_exclusion
from storage.engine.results import one_row
from storage.pairs.edits import is_reopened, last_edit_row
from storage.pairs.revisions import queue_item
from storage.pairs.rollups import WorkKey, count_work
from storage.pairs.states import PairState, change_status, find_question, last_move, note
from storage.people import leases
from storage.review.deciding import review_counts
from storage.tables.desk import LeaseRow, QueueItemRow, ReopeningRow, ReviewRow
from storage.tables.rows import StoredEdit, StoredLease, StoredReview


@dataclass(frozen=True, slots=True)
class Reopening:
    """One owner about one locked pair."""

    connection: Connection
    pair: PairState
    owner: Person
    now: datetime
    until: datetime  # how long the owner has it in hands then

    def reopen(self) -> None:
        """Raises: ConflictError, when there is nothing to take back or an annotator has the pair by now."""
        review = self._last_review()
        match self.pair.status:
            case Status.APPROVED:
                self._back_to_review(review)
            case Status.EXCLUDED:
                self._include()
            case Status.REVISED | Status.RETURNED if review is not None and review.decision == Decision.RETURN:
                if review.post_edit is None:
                    self._ask_again(review)
                else:
                    self._fetch_back(review)
            case status:
                raise ConflictError(f"pair {self.pair.pair_id} is {status}: no decision about it can be taken back")

    def _back_to_review(self, review: StoredReview | None) -> None:
        """From approved or returned."""
        edit = self._edit()
        approved = last_move(self.connection, self.pair.seq)
        assert approved is not None
        change_status(self.connection, self.pair, Status.POST_EDITED, self.now, person=self.owner.id, detail="reopened")
        self._note(review)
        self._wait(edit)
        self._uncount(edit, review, approved.created_at)

    def _fetch_back(self, review: StoredReview) -> None:
        self._lock_item()
        self.connection.execute(delete(QueueItemRow).where(QueueItemRow.pair == self.pair.seq))
        self._back_to_review(review)

    def _ask_again(self, review: StoredReview) -> None:
        """The answer to a question; the question waits again."""
        self._lock_item()
        leases.park(self.connection, self.pair.seq)
        note(self.connection, self.pair, self.now, self.owner.id, "answer taken back")
        self._note(review)
        self._wait_for_answer()

    def _include(self) -> None:
        move = last_move(self.connection, self.pair.seq)
        if move is None or move.from_status not in (Status.POST_EDITED, Status.REVISED, Status.RETURNED):
            raise ConflictError(f"pair {self.pair.pair_id} was excluded by the filter; restore it")
        before = Status(move.from_status)
        include(self.connection, self.pair, before, self.owner.id, self.now)
        if before is Status.POST_EDITED:
            self._wait(self._edit())
        else:
            item = queue_item(self.pair.seq, self.pair.task_class, self.now, reserved_for=self._asker(), arm=None)
            values = item._asdict() | {"state": ItemState.SENT.value}
            self.connection.execute(insert(QueueItemRow).values(**values))
            self._wait_for_answer()
        uncount_exclusion(self.connection, move.created_at, move.detail)

    def _wait(self, edit: StoredEdit) -> None:
        sampled = edit.review_reason and edit.review_reason != ReviewReason.NOT_SAMPLED
        reason = ReviewReason(edit.review_reason) if sampled else ReviewReason.REOPENED
        insert_review_item(
            self.connection,
            self.pair,
            ReviewState.WAITING,
            reason,
            edit.person,
            self.now,
            since=edit.created_at,
            reserved_by=self.owner.id,
            reserved_until=self.until,
        )

    def _wait_for_answer(self) -> None:
        question = find_question(self.connection, self.pair.seq)
        if question is None or question.person is None:
            raise ConflictError(f"pair {self.pair.pair_id} was not before its owner; restore it")
        insert_review_item(
            self.connection,
            self.pair,
            ReviewState.SENT,
            ReviewReason.SENT,
            question.person,
            self.now,
            comment=question.text,
            since=question.at,
            reserved_by=self.owner.id,
            reserved_until=self.until,
        )

    def _asker(self) -> int | None:
        question = find_question(self.connection, self.pair.seq)
        return None if question is None else question.person

    def _lock_item(self) -> None:
        item = select(QueueItemRow.state).where(QueueItemRow.pair == self.pair.seq).with_for_update()
        if self.connection.scalar(item) == ItemState.LEASED:
            raise ConflictError(f"an annotator has pair {self.pair.pair_id} in hands by now; wait for the submit")

    def _edit(self) -> StoredEdit:
        edit = last_edit_row(self.connection, self.pair.seq)
        if edit is None:
            raise NotFoundError(f"pair {self.pair.pair_id} has no post-edit to review")
        return edit

    def _last_review(self) -> StoredReview | None:
        standing = select(ReviewRow.__table__).where(ReviewRow.pair == self.pair.seq, ~is_reopened())
        return one_row(StoredReview, self.connection.execute(standing.order_by(ReviewRow.id.desc()).limit(1)))

    def _note(self, review: StoredReview | None) -> None:
        values = {"pair": self.pair.seq, "person": self.owner.id, "created_at": self.now}
        self.connection.execute(insert(ReopeningRow).values(**values, review=review and review.id))

    def _uncount(self, edit: StoredEdit, review: StoredReview | None, at: datetime) -> None:
        own = select(LeaseRow.__table__).where(LeaseRow.id == edit.lease)
        lease = one_row(StoredLease, self.connection.execute(own))
        if lease is None:
            return
        counts = {"approved": 1} if review is None else review_counts(Decision(review.decision), review.distance)
        when = at if review is None else review.created_at
        count_work(self.connection, (WorkKey.of(lease, when), {name: -value for name, value in counts.items()}))
