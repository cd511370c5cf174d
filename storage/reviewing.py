"""The owner's side of the queue: reviews, and what steers or repairs it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from coachlm.errors import ConflictError, NotFoundError, StoreError
from coachlm.pairs import TaskClass
from coachlm.post_edit import Decision, Review
from coachlm.status import Status
from coachlm.streaming import Topic
from storage.announcements import announce_where_streamed
from storage.bulk import is_among
from storage.database import Database, utc_now
from storage.items import read_review_items
from storage.people import find_person, find_reviewer
from storage.revisions import NORMAL_PRIORITY
from storage.states import PairState, change_status, lock_pair
from storage.tables import PairRow
from storage.work import ItemState, Person, ReviewItem
from storage.work_tables import EventRow, PostEditRow, QueueItemRow, ReviewRow


class ReviewDesk:
    """Safe to share between threads and processes. Every change names the version that was seen.

    Raises (from every method): NotFoundError; ConflictError, when the pair changed meanwhile; TransitionError;
    StoreError, also when the person's role doesn't allow it.
    """

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    def awaiting(self, limit: int, *, task_class: TaskClass | None = None) -> list[ReviewItem]:
        """Post-edited pairs, oldest first."""
        with self._database.reading() as connection:
            return read_review_items(connection, task_class, limit)

    def review(self, review: Review, *, version: int) -> int:
        """Store the decision; gives the pair's new version. A returned pair goes to its annotator alone."""
        if (review.final is not None) != (review.decision is Decision.FIX):
            raise StoreError(f"pair {review.pair_id}: a corrected text goes with the decision `fix`, and only with it")
        with self._database.writing(durable=True) as connection:
            now = self._now()
            owner = find_reviewer(connection, review.owner)
            pair = lock_pair(connection, review.pair_id, version)
            returned = review.decision is Decision.RETURN
            wanted = Status.RETURNED if returned else Status.APPROVED
            after = change_status(connection, pair, wanted, now, person=owner.id, detail=review.comment)
            _insert_review(connection, pair, owner, review, now)
            if returned:
                _queue_again(connection, pair)
            return after

    def restore(self, pair_id: str, person: str, *, version: int) -> int:
        """An excluded pair, or one linked as a near copy, is accepted after all and goes to the coach."""
        with self._database.writing(durable=True) as connection:
            owner = find_reviewer(connection, person)
            pair = lock_pair(connection, pair_id, version)
            gone: dict[str, Any] = {"exclude_reason": None, "exclude_detail": None, "duplicate_of": None}
            now = self._now()
            announce_where_streamed(connection, Topic.ACCEPTED, pair.seq, now)
            return change_status(connection, pair, Status.ACCEPTED, now, person=owner.id, **gone)

    def correct_class(self, pair_id: str, task_class: TaskClass, person: str, *, version: int) -> int:
        """What was predicted stays beside it; a waiting item moves to the other unit."""
        with self._database.writing(durable=True) as connection:
            who = find_person(connection, person)
            pair = lock_pair(connection, pair_id, version)
            values = {"corrected_class": task_class.value, "version": pair.version + 1}
            connection.execute(update(PairRow).where(PairRow.seq == pair.seq).values(**values))
            item = update(QueueItemRow).where(QueueItemRow.pair == pair.seq)
            connection.execute(item.values(task_class=task_class.value))
            _note(connection, pair, who, f"task class {pair.task_class} → {task_class}", self._now())
            return pair.version + 1

    def hand_over(self, pair_id: str, to: str | None, person: str) -> None:
        """Give a returned pair to another annotator, or to everybody: its first one may have left."""
        with self._database.writing(durable=True) as connection:
            owner = find_reviewer(connection, person)
            pair = lock_pair(connection, pair_id)
            heir = None if to is None else find_person(connection, to).id
            state = ItemState.FREE if heir is None else ItemState.RESERVED
            waiting = (QueueItemRow.pair == pair.seq, QueueItemRow.state != ItemState.LEASED.value)
            moved = update(QueueItemRow).where(*waiting).values(reserved_for=heir, state=state.value)
            if not connection.execute(moved).rowcount:
                raise ConflictError(f"pair {pair_id} doesn't wait in the queue; look at it again")
            _note(connection, pair, owner, f"handed over to {to or 'everybody'}", self._now())

    def prioritise(self, pair_ids: Sequence[str], priority: int) -> int:
        """Smaller comes first; items start at 100. Gives how many items of the queue changed."""
        with self._database.writing() as connection:
            pairs = select(PairRow.seq).where(is_among(connection, PairRow.id.expression, pair_ids))
            changed = update(QueueItemRow).where(QueueItemRow.pair.in_(pairs)).values(priority=priority)
            return connection.execute(changed).rowcount


def _insert_review(connection: Connection, pair: PairState, owner: Person, review: Review, now: datetime) -> None:
    texts = {} if review.final is None else review.final.as_dict()
    connection.execute(
        insert(ReviewRow).values(
            pair=pair.seq,
            person=owner.id,
            decision=review.decision.value,
            instruction=texts.get("instruction"),
            input=texts.get("input"),
            response=texts.get("output"),
            comment=review.comment,
            created_at=now,
        )
    )


def _queue_again(connection: Connection, pair: PairState) -> None:
    annotator = connection.scalar(
        select(PostEditRow.person).where(PostEditRow.pair == pair.seq).order_by(PostEditRow.id.desc()).limit(1)
    )
    if annotator is None:
        raise NotFoundError(f"pair {pair.pair_id} has no post-edit to send back")
    connection.execute(
        insert(QueueItemRow).values(
            pair=pair.seq,
            state=ItemState.RESERVED.value,
            task_class=pair.task_class or "",
            priority=NORMAL_PRIORITY,
            reserved_for=annotator,
        )
    )


def _note(connection: Connection, pair: PairState, who: Person, detail: str, now: datetime) -> None:
    """A change without a change of status, for the history."""
    connection.execute(
        insert(EventRow).values(
            pair=pair.seq,
            person=who.id,
            from_status=pair.status.value,
            to_status=pair.status.value,
            detail=detail,
            created_at=now,
        )
    )
