"""The owner's side of the queue: reviews, and what steers or repairs it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from coachlm.distance import pair_distance
from coachlm.errors import ConflictError, NotFoundError, StoreError, TransitionError
from coachlm.pairs import ExcludeReason, InstructionPair, TaskClass
from coachlm.post_edit import Decision, PostEdit, Review
from coachlm.status import Status
from coachlm.streaming import Topic
from storage.announcements import announce_where_streamed
from storage.approvals import approve_unsampled
from storage.bulk import is_among
from storage.database import Database, utc_now
from storage.edits import insert_post_edit, last_edit_row, pair_from_row
from storage.exclusions import read_excluded
from storage.items import read_review_items
from storage.people import check_unit, find_editor, find_reviewer
from storage.reservations import end_reservations, heir_of
from storage.review_items import delete_review_item
from storage.revisions import queue_item
from storage.rollups import WorkKey, count_work
from storage.rules import DeskRules
from storage.states import PairState, change_status, lock_pair, note
from storage.tables import PairRow
from storage.work import ExcludedPage, ItemState, Person, ReviewItem, ReviewState
from storage.work_tables import LeaseRow, QueueItemRow, ReviewItemRow, ReviewRow

RESTORED = "restored, was "  # in the history, and how a recount finds what the filter had said


class ReviewDesk:
    """Safe to share between threads and processes. Every change names the version that was seen.

    Raises (from every method): NotFoundError; StaleError, when the pair changed meanwhile; TransitionError;
    AccessError, when the person's role or unit doesn't allow it; StoreError.
    """

    def __init__(
        self, database: Database, now: Callable[[], datetime] = utc_now, rules: DeskRules | None = None
    ) -> None:
        self._database = database
        self._now = now
        self._rules = rules or DeskRules()

    def awaiting(self, person: str, limit: int, *, task_class: TaskClass | None = None) -> list[ReviewItem]:
        """What waits for this owner: sampled post-edits and questions of annotators, oldest first."""
        with self._database.reading() as connection:
            owner = find_reviewer(connection, person)
            check_unit(owner, task_class)
            chosen = task_class or owner.unit
            classes = None if chosen is None else [chosen.value, *([""] if task_class is None else [])]
            return read_review_items(connection, owner, classes, limit)

    def approve_unsampled(self, limit: int = 1000) -> int:
        """Approves post-edits that no owner looks at and nobody can take back any more; gives how many. Claims do the
        same in small steps; a service does it by its clock, for when nobody works.
        """
        return approve_unsampled(self._database, self._now(), self._rules.undo_seconds, limit)

    def review(self, review: Review, *, version: int) -> int:
        """Store the decision; gives the pair's new version. A returned pair goes to its annotator alone.

        Of a pair that was sent to the owner: `fix` writes the post-edit and approves it, `return` answers.
        """
        if (review.final is not None) != (review.decision is Decision.FIX):
            raise StoreError(f"pair {review.pair_id}: a corrected text goes with the decision `fix`, and only with it")
        with self._database.writing(durable=True) as connection:
            now = self._now()
            owner = find_reviewer(connection, review.owner)
            pair = lock_pair(connection, review.pair_id, version)
            check_unit(owner, pair.task_class)
            sent = (ReviewItemRow.pair == pair.seq, ReviewItemRow.state == ReviewState.SENT.value)
            question = connection.execute(select(ReviewItemRow.annotator).where(*sent)).one_or_none()
            if question is not None:
                return _answer(connection, pair, owner, review, question.annotator, now)
            return _decide(connection, pair, owner, review, now)

    def exclusions(
        self, person: str, limit: int, *, status: Status = Status.EXCLUDED, reason: ExcludeReason | None = None,
        task_class: TaskClass | None = None, after: int = 0,
    ) -> ExcludedPage:  # fmt: skip
        """What was set aside (or is a near copy, by `status`) of this owner's unit, in order of arrival."""
        with self._database.reading() as connection:
            owner = find_reviewer(connection, person)
            check_unit(owner, task_class)
            return read_excluded(connection, owner, limit, status, reason, task_class or owner.unit, after)

    def restore(self, pair_id: str, person: str, *, version: int) -> int:
        """An excluded pair, or one linked as a near copy, is accepted after all and goes to the coach."""
        with self._database.writing(durable=True) as connection:
            owner = find_reviewer(connection, person)
            pair = lock_pair(connection, pair_id, version)
            check_unit(owner, pair.task_class)
            gone: dict[str, Any] = {"exclude_reason": None, "exclude_detail": None, "duplicate_of": None}
            now = self._now()
            was = connection.scalar(select(PairRow.exclude_reason).where(PairRow.seq == pair.seq))
            announce_where_streamed(connection, Topic.ACCEPTED, pair.seq, now)
            detail = f"{RESTORED}{was or pair.status}"
            return change_status(connection, pair, Status.ACCEPTED, now, person=owner.id, detail=detail, **gone)

    def correct_class(self, pair_id: str, task_class: TaskClass, person: str, *, version: int) -> int:
        """What was predicted stays beside it; a waiting item moves to the other unit."""
        with self._database.writing(durable=True) as connection:
            who = find_editor(connection, person)
            pair = lock_pair(connection, pair_id, version)
            check_unit(who, pair.task_class)
            for entity in (QueueItemRow, ReviewItemRow):
                item = update(entity).where(entity.pair == pair.seq)
                connection.execute(item.values(task_class=task_class.value))
            end_reservations(connection, pair=pair.seq)
            detail = f"task class {pair.task_class} → {task_class}"
            return note(connection, pair, self._now(), who.id, detail, corrected_class=task_class.value)

    def hand_over(self, pair_id: str, to: str | None, person: str) -> None:
        """Give a pair that was returned, or sent to the owner, to another annotator, or to everybody."""
        with self._database.writing(durable=True) as connection:
            owner = find_reviewer(connection, person)
            pair = lock_pair(connection, pair_id)
            check_unit(owner, pair.task_class)
            heir = None if to is None else find_editor(connection, to)
            if heir is not None:
                check_unit(heir, pair.task_class)
            _requeue(connection, pair, heir and heir.id)
            delete_review_item(connection, pair.seq)
            note(connection, pair, self._now(), owner.id, f"handed over to {to or 'everybody'}")

    def prioritise(self, pair_ids: Sequence[str], priority: int) -> int:
        """Smaller comes first; items start at 100. Gives how many items of the queue changed."""
        with self._database.writing() as connection:
            pairs = select(PairRow.seq).where(is_among(connection, PairRow.id.expression, pair_ids))
            changed = update(QueueItemRow).where(QueueItemRow.pair.in_(pairs)).values(priority=priority)
            return connection.execute(changed).rowcount


def _decide(connection: Connection, pair: PairState, owner: Person, review: Review, now: datetime) -> int:
    """About a post-edit."""
    returned = review.decision is Decision.RETURN
    wanted = Status.RETURNED if returned else Status.APPROVED
    after = change_status(connection, pair, wanted, now, person=owner.id, detail=review.comment)
    edit = last_edit_row(connection, pair.seq)
    if edit is None:
        raise NotFoundError(f"pair {pair.pair_id} has no post-edit to review")
    distance = None if review.final is None else pair_distance(pair_from_row(edit), review.final)
    _insert_review(
        connection, pair, owner, review, now, annotator=edit.person, post_edit=edit.id, distance=distance
    )  # fmt: skip
    delete_review_item(connection, pair.seq)
    if returned:
        heir = heir_of(connection, edit.person, pair.task_class)
        item = queue_item(pair.seq, pair.task_class, now, reserved_for=heir, arm=edit.arm)
        connection.execute(insert(QueueItemRow).values(**item))
    lease = connection.execute(select(LeaseRow.__table__).where(LeaseRow.id == edit.lease)).one_or_none()
    if lease is not None:
        count_work(connection, (WorkKey.of(lease, now), review_counts(review.decision, distance)))
    return after


def review_counts(decision: Decision, distance: int | None) -> dict[str, int]:
    """What of an owner's decision is counted for the annotator."""
    is_return = decision is Decision.RETURN
    return {
        "reviewed": 1, "returned": int(is_return), "approved": int(not is_return),
        "fixed": int(decision is Decision.FIX), "disagreement": distance or 0,
    }  # fmt: skip


def _answer(
    connection: Connection, pair: PairState, owner: Person, review: Review, annotator: int | None, now: datetime
) -> int:
    """To an annotator who sent the pair without a text."""
    match review.decision:
        case Decision.APPROVE:
            raise TransitionError(
                f"pair {pair.pair_id} was sent to you without a text; fix it, return it with an answer or exclude it"
            )
        case Decision.RETURN:
            _insert_review(connection, pair, owner, review, now, annotator=annotator)
            heir = None if annotator is None else heir_of(connection, annotator, pair.task_class)
            _requeue(connection, pair, heir)
            delete_review_item(connection, pair.seq)
            return note(connection, pair, now, owner.id, f"answered: {review.comment}")
        case Decision.FIX:
            assert review.final is not None
            return _write_and_approve(connection, pair, owner, review, review.final, annotator, now)


def _write_and_approve(
    connection: Connection, pair: PairState, owner: Person, review: Review, final: InstructionPair,
    annotator: int | None, now: datetime,
) -> int:  # fmt: skip
    arm = connection.scalar(select(QueueItemRow.arm).where(QueueItemRow.pair == pair.seq))
    _insert_review(connection, pair, owner, review, now, annotator=annotator)
    connection.execute(delete(QueueItemRow).where(QueueItemRow.pair == pair.seq))
    delete_review_item(connection, pair.seq)
    after = change_status(connection, pair, Status.POST_EDITED, now, person=owner.id, detail="the owner's own text")
    edit = PostEdit(pair.pair_id, owner.name, final, 0.0, comment=review.comment)
    insert_post_edit(
        connection, pair.seq, owner, edit, key=f"review of {pair.pair_id} at {after}", version=after, now=now,
        is_untouched=False, **({} if arm is None else {"arm": arm}),
    )  # fmt: skip
    written = PairState(pair.seq, pair.pair_id, Status.POST_EDITED, after, pair.task_class)
    return change_status(connection, written, Status.APPROVED, now, person=owner.id, detail=review.comment)


def _insert_review(
    connection: Connection, pair: PairState, owner: Person, review: Review, now: datetime, *,
    annotator: int | None, post_edit: int | None = None, distance: int | None = None,
) -> None:  # fmt: skip
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
            annotator=annotator,
            post_edit=post_edit,
            distance=distance,
        )
    )


def _requeue(connection: Connection, pair: PairState, heir: int | None) -> None:
    """Raises: ConflictError, when the item is not there or in somebody's hands."""
    state = ItemState.FREE if heir is None else ItemState.RESERVED
    waiting = (QueueItemRow.pair == pair.seq, QueueItemRow.state != ItemState.LEASED.value)
    moved = update(QueueItemRow).where(*waiting).values(reserved_for=heir, state=state.value)
    if not connection.execute(moved).rowcount:
        raise ConflictError(f"pair {pair.pair_id} doesn't wait in the queue; look at it again")
