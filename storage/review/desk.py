"""The owner's side of the queue: reviews, and what steers or repairs it."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update

from coachlm.desk.post_edit import Review
from coachlm.desk.work import ExcludedPage, Person, ReviewItem
from coachlm.errors import AccessError, ConflictError, EmptyTextError, LeaseError
from coachlm.pairs import ExcludeReason, InstructionPair, TaskClass
from coachlm.protocols.streams import Topic
from coachlm.status import Status
from storage.desk.approvals import approve_unsampled
from storage.desk.review_items import delete_review_item
from storage.desk.rules import DeskRules
from storage.engine.bulk import is_among
from storage.engine.database import Database, utc_now
from storage.pairs.announcements import announce_where_streamed
from storage.pairs.states import change_status, lock_pair, note
from storage.people.people import check_unit, find_editor, find_reviewer
from storage.people.reservations import end_reservations
from storage.review.deciding import Deciding, check_decision, check_waiting, requeue
from storage.review.drafts import keep_refused_review, save_review_draft
from storage.review.exclusions import read_excluded
from storage.review.items import count_review_items, read_review_items, read_reviews_of
from storage.review.reopening import Reopening
from storage.review.reservations import hold_reviews, release_reviews, reserve_reviews
from storage.tables.desk import QueueItemRow, ReviewItemRow
from storage.tables.pairs import PairRow

RESTORED = "restored, was "  # in the history, and how a recount finds what the filter had said


class ReviewDesk:
    """Safe to share between threads and processes. Every change names the version that was seen.

    Raises (from every method): NotFoundError; StaleError, when the pair changed meanwhile; TransitionError;
    AccessError, when the person's role or unit doesn't allow it; StoreError.
    """

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime] = utc_now,
        rules: DeskRules | None = None,
        lease_seconds: int = 1800,
    ) -> None:
        self._database = database
        self._now = now
        self._rules = rules or DeskRules()
        self._lease = timedelta(seconds=lease_seconds)

    def awaiting(self, person: str, limit: int, *, task_class: TaskClass | None = None) -> list[ReviewItem]:
        """What waits for this owner: sampled post-edits and questions of annotators; questions first, then by
        age. Nothing is reserved: `claim` does that."""
        with self._database.reading() as connection:
            owner = find_reviewer(connection, person)
            check_unit(owner, task_class)
            return read_review_items(connection, owner, _classes(owner, task_class), limit)

    def claim(
        self, person: str, want: int = 1, *, known: Sequence[str] = (), task_class: TaskClass | None = None
    ) -> list[ReviewItem]:
        """What this owner should decide next, reserved for them as long as a lease lasts: first what they have in hands
        and don't name as known, then what nobody has."""
        with self._database.writing() as connection:
            now = self._now()
            owner = find_reviewer(connection, person)
            check_unit(owner, task_class)
            classes = _classes(owner, task_class)
            until = now + self._lease
            pairs = reserve_reviews(connection, owner, classes, want=want, known=known, now=now, until=until)
            return read_reviews_of(connection, owner, pairs)

    def hold(self, person: str, pair_ids: Sequence[str]) -> list[str]:
        """Keeps these reserved; gives those that no other owner has got meanwhile."""
        with self._database.writing() as connection:
            now = self._now()
            return hold_reviews(connection, find_reviewer(connection, person), pair_ids, now, now + self._lease)

    def release(self, person: str, pair_ids: Sequence[str]) -> None:
        """Anybody may have these next."""
        with self._database.writing() as connection:
            release_reviews(connection, find_reviewer(connection, person), pair_ids)

    def reopen(self, pair_id: str, person: str, *, version: int) -> ReviewItem:
        """An approved pair waits for review again, and so does one that was returned, answered or excluded from there;
        it is reserved for this owner. What was decided stays in the history, and an adapter that learned from it stays
        recorded so.

        Raises: ConflictError, when nothing was decided or an annotator has the pair by now.
        """
        with self._database.writing(durable=True) as connection:
            now = self._now()
            owner = find_reviewer(connection, person)
            pair = lock_pair(connection, pair_id, version)
            check_unit(owner, pair.task_class)
            Reopening(connection, pair, owner, now, now + self._lease).reopen()
            (item,) = read_reviews_of(connection, owner, [pair.seq])
            return item

    def count_awaiting(self, person: str, *, task_class: TaskClass | None = None, at_most: int) -> int:
        """How much of it there is, counted up to `at_most`."""
        with self._database.reading() as connection:
            owner = find_reviewer(connection, person)
            check_unit(owner, task_class)
            return count_review_items(connection, owner, _classes(owner, task_class), at_most)

    def approve_unsampled(self, limit: int = 1000) -> int:
        """Approves post-edits that no owner looks at and nobody can take back any more; gives how many. Claims do the
        same in small steps; a service does it by its clock, for when nobody works.
        """
        return approve_unsampled(self._database, self._now(), self._rules.undo_seconds, limit)

    def save_draft(
        self, pair_id: str, person: str, text: InstructionPair, *, version: int, writer: str, comment: str = ""
    ) -> None:
        """Keep what the owner has typed until they decide; it replaces what the same writer (a browser) saved before.

        Raises: StaleError, ConflictError (nothing waits for a review); the text was kept all the same.
        """
        with self._database.writing(durable=True) as connection:
            now = self._now()
            owner = find_reviewer(connection, person)
            pair = lock_pair(connection, pair_id)
            try:
                check_unit(owner, pair.task_class)
                check_waiting(connection, pair, version)
            except (AccessError, ConflictError) as error:
                keep_refused_review(connection, pair, owner, text, version=version, comment=comment, now=now)
                refusal = error
            else:
                save_review_draft(connection, pair, owner, text, writer=writer, comment=comment, now=now)
                return
        raise refusal

    def review(self, review: Review, *, version: int, key: str | None = None) -> int:
        """Store the decision; gives the pair's new version. A returned pair goes to its annotator alone. The same
        decision under the same key again gives the same version and stores nothing twice.

        Of a pair that was sent to the owner: `fix` writes the post-edit and approves it, `return` answers.

        Raises: StaleError, LeaseError (another owner has it in hands), ConflictError (the key was used for another
        decision), EmptyTextError; text and comment were
        kept as a draft then.
        """
        check_decision(review, key)
        with self._database.writing(durable=True) as connection:
            now = self._now()
            owner = find_reviewer(connection, review.owner)
            pair = lock_pair(connection, review.pair_id)
            try:
                check_unit(owner, pair.task_class)
                return Deciding(connection, pair, owner, review, key, now).store(version)
            except (AccessError, ConflictError, EmptyTextError, LeaseError) as error:
                text = review.final or InstructionPair("", "", "")
                if review.final is not None or review.comment.strip():
                    keep_refused_review(connection, pair, owner, text, version=version, comment=review.comment, now=now)
                refusal = error
        raise refusal

    def exclusions(
        self,
        person: str,
        limit: int,
        *,
        status: Status = Status.EXCLUDED,
        reason: ExcludeReason | None = None,
        task_class: TaskClass | None = None,
        after: int = 0,
    ) -> ExcludedPage:
        """Excluded pairs (or near copies, by `status`) of this owner's unit, in order of arrival."""
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
            gone: dict[str, None] = {"exclude_reason": None, "exclude_detail": None, "duplicate_of": None}
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
            requeue(connection, pair, heir and heir.id)
            delete_review_item(connection, pair.seq)
            note(connection, pair, self._now(), owner.id, f"handed over to {to or 'everybody'}")

    def prioritise(self, pair_ids: Sequence[str], priority: int) -> int:
        """Smaller comes first; items start at 100. Gives how many items of the queue changed."""
        with self._database.writing() as connection:
            pairs = select(PairRow.seq).where(is_among(connection, PairRow.id.expression, pair_ids))
            changed = update(QueueItemRow).where(QueueItemRow.pair.in_(pairs)).values(priority=priority)
            return connection.execute(changed).rowcount


def _classes(owner: Person, task_class: TaskClass | None) -> list[str] | None:
    """Which the owner looks at (empty: pairs without one); None: all."""
    chosen = task_class or owner.unit
    return None if chosen is None else [chosen.value, *([""] if task_class is None else [])]
