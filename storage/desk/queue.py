"""The post-edit queue: hands each pair to one person at a time and loses nothing that anybody wrote.

Promises, on every path: one holder an item; a submit counts only under the open lease of its sender and for the version
that was handed out; a retried submit stores nothing twice; the text of a refused one is kept as a draft.
docs/explanations/queue.md lists them with the tests that hold them.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from coachlm.desk.efficiency import Arm
from coachlm.desk.post_edit import PostEdit
from coachlm.desk.work import Ending, ItemState, Person, PersonRole, Receipt, ReviewReason, ReviewState, WorkItem
from coachlm.errors import AccessError, ConflictError, EmptyTextError, LeaseError
from coachlm.pairs import ExcludeReason, InstructionPair, TaskClass
from coachlm.status import Status
from storage.desk import submitting
from storage.desk.activity import note_activity
from storage.desk.approvals import approve_unsampled
from storage.desk.items import read_held, read_item
from storage.desk.review_items import check_reserved, delete_review_item, insert_review_item
from storage.desk.rules import DeskRules
from storage.desk.sampling import arm_of
from storage.desk.second_thoughts import SecondThought
from storage.engine.database import Database, utc_now
from storage.engine.schema import read_salt
from storage.pairs.edits import Seen, check_seen, keep_refused, save_draft
from storage.pairs.rollups import Stage, StageKey, WorkKey, count_stages, count_work, hour_of
from storage.pairs.states import ASKED, PairState, change_status, lock_pair, note
from storage.people import leases
from storage.people.conversations import hold_conversation
from storage.people.people import REVIEWERS, check_unit, find_editor, store_person
from storage.tables.desk import QueueItemRow

_SWEEP_SECONDS = 5
_SWEPT_AT_ONCE = 100
_NOTHING_SAID = Seen()


class PostEditQueue:
    """Safe to share between threads and processes. A person is given by name.

    Raises (from every method): StoreError, naming the remedy; NotFoundError, for a person or pair that isn't known;
    AccessError, for somebody who is no longer active, doesn't post-edit, or is of another unit.
    """

    def __init__(
        self,
        database: Database,
        lease_seconds: int = 1800,
        now: Callable[[], datetime] = utc_now,
        rules: DeskRules | None = None,
    ) -> None:
        self._database = database
        self._lease = timedelta(seconds=lease_seconds)
        self._now = now
        self._rules = rules or DeskRules()
        self._salt: str | None = None
        self._swept_at: datetime | None = None

    def ensure_person(self, name: str, role: PersonRole | None = None, unit: TaskClass | None = None) -> Person:
        """Adds the person or changes what is given; None leaves what is there (at first: annotator, every class)."""
        with self._database.writing(durable=True) as connection:
            return store_person(connection, name, role, unit, self._now())

    def claim(self, person: str, *, task_class: TaskClass | None = None) -> WorkItem | None:
        """The next item for this person, or None. Without a class the person's unit decides, if there is one.

        A person may hold several items (to have the next one ready): `held` names them after a lost answer.

        Raises: AccessError, when the class is another unit's; LeaseError, when as many are held as the rules allow.
        """
        self._sweep()
        with self._database.writing() as connection:
            now = self._now()
            who = find_editor(connection, person, for_update=True)
            check_unit(who, task_class)
            around = leases.look_around(connection, who, now)
            if around.is_overdue:
                leases.return_expired(connection, now)
            if around.held >= self._rules.max_held_items:
                raise LeaseError(f"{person!r} holds {around.held} items already; submit, skip or release one first")
            item = leases.next_item(
                connection,
                who,
                task_class or who.unit,
                is_reserved=around.reserved is not None or around.is_overdue,
                is_rater=around.is_rater,
                in_order_at=now if self._rules.conversations_in_order else None,
            )
            if item is None:
                return None
            if self._rules.conversations_in_order:
                hold_conversation(connection, item.pair, who.id, now + self._lease)
            arm = Arm(item.arm) if item.arm else arm_of(item.pair_id, self._read_salt(connection), self._rules)
            token = leases.open_lease(connection, item.pair, item.task_class, who, arm, now, now + self._lease)
            return read_item(connection, token)

    def held(self, person: str) -> list[WorkItem]:
        """What the person has in hands, first claimed first."""
        with self._database.reading() as connection:
            who = find_editor(connection, person)
            return read_held(connection, who, self._now())

    def heartbeat(self, token: str, person: str, active: bool = True) -> datetime:
        """Keep the item; gives the new end of the lease. `active`: the person has worked on this item since the last
        sign of life, and that time is counted unless it is longer than the idle cut. Raises: LeaseError.
        """
        with self._database.writing() as connection:
            now = self._now()
            lease = leases.check_lease(connection, token, find_editor(connection, person), now)
            leases.extend_lease(connection, lease.id, now + self._lease)
            note_activity(connection, lease, now, self._rules.idle_seconds, active=active)
            return now + self._lease

    def save_draft(
        self,
        pair_id: str,
        person: str,
        text: InstructionPair,
        *,
        token: str,
        comment: str = "",
        seen: Seen = _NOTHING_SAID,
    ) -> None:
        """Replaces the draft saved under this lease. Raises: LeaseError; the text was kept all the same. DivergedError,
        when another browser has saved a draft that the one of `seen` hasn't; nothing is stored then."""
        with self._database.writing(durable=True) as connection:
            now = self._now()
            who = find_editor(connection, person)
            pair = lock_pair(connection, pair_id)
            try:
                leases.check_lease(connection, token, who, now, pair=pair.seq)
            except LeaseError as error:
                keep_refused(connection, pair.seq, who, text, token=token, comment=comment, now=now)
                refusal = error
            else:
                check_seen(connection, pair.seq, who, token=token, seen=seen)
                save_draft(connection, pair.seq, who, text, token=token, comment=comment, now=now, writer=seen.writer)
                return
        raise refusal

    def submit(
        self, edit: PostEdit, *, token: str, version: int, idempotency_key: str, seen: Seen = _NOTHING_SAID
    ) -> Receipt:
        """Store the person's text; the pair goes to its owner, or passes unsampled once it can't be taken back. A retry
        with the same key gives the same receipt. The active time is the server's where heartbeats came.

        Raises: LeaseError, EmptyTextError, ConflictError (the key was used for another text, or withdrawn), StaleError;
        the text was kept as a draft then. DivergedError, as for drafts.
        """
        submitting.check_submit(edit, idempotency_key)
        with self._database.writing(durable=True) as connection:
            now = self._now()
            who = find_editor(connection, edit.person)
            pair = lock_pair(connection, edit.pair_id)
            submission = submitting.Submission(connection, self._rules, self._read_salt(connection), pair, who, now)
            try:
                return submission.store(edit, token, version, idempotency_key, seen)
            except (LeaseError, ConflictError, EmptyTextError) as error:
                keep_refused(connection, pair.seq, who, edit.final, token=token, comment=edit.comment, now=now)
                refusal = error
        raise refusal

    def undo(self, person: str, pair_id: str, post_edit: int) -> WorkItem:
        """Take the submit back; the pair is in the person's hands again, with the text as their draft. Once more gives
        the same item. The text stays in the history.

        Raises: ConflictError, when the time for it is over or an owner has acted.
        """
        with self._database.writing(durable=True) as connection:
            now = self._now()
            who = find_editor(connection, person, for_update=True)
            pair = lock_pair(connection, pair_id)
            submission = submitting.Submission(connection, self._rules, self._read_salt(connection), pair, who, now)
            return read_item(connection, submission.withdraw(post_edit, now + self._lease))

    def take_back(self, person: str, pair_id: str) -> WorkItem:
        """The person's exclusion, skip or question of this pair never was: it is in their hands again, under the same
        lease. Once more gives the same item. Raises: ConflictError, when the time for it is over or others have acted.
        """
        with self._database.writing(durable=True) as connection:
            now = self._now()
            who = find_editor(connection, person, for_update=True)
            pair = lock_pair(connection, pair_id)
            token = SecondThought(connection, pair, who, now, self._rules.undo_seconds).take_back(now + self._lease)
            if self._rules.conversations_in_order:
                hold_conversation(connection, pair.seq, who.id, now + self._lease)
            return read_item(connection, token)

    def send_to_owner(self, token: str, person: str, comment: str = "") -> None:
        """The item leaves the person's hands and waits for its unit's owner. Raises: LeaseError."""
        with self._database.writing(durable=True) as connection:
            now = self._now()
            who = find_editor(connection, person)
            pair = lock_pair(connection, leases.pair_under(connection, token))
            lease = leases.check_lease(connection, token, who, now, pair=pair.seq)
            leases.end_lease(connection, lease.id, Ending.SENT, now)
            leases.park(connection, pair.seq)
            insert_review_item(connection, pair, ReviewState.SENT, ReviewReason.SENT, who.id, now, comment=comment)
            note(connection, pair, now, who.id, f"{ASKED}{comment}")
            count_work(connection, (WorkKey.of(lease, now), {"sent": 1}))

    def skip(self, token: str, person: str) -> None:
        """Back into the queue, for others first. Raises: LeaseError."""
        self._give_back(token, person, Ending.SKIPPED)

    def release(self, token: str, person: str) -> None:
        """Back into the queue, for anybody. Raises: LeaseError."""
        self._give_back(token, person, Ending.RELEASED)

    def exclude(self, pair_id: str, person: str, reason: ExcludeReason, *, version: int, detail: str = "") -> int:
        """Set a pair aside that nobody else has in hands; gives its new version. Annotators: only while it waits for
        an annotator.

        Raises: LeaseError, StaleError, TransitionError.
        """
        with self._database.writing(durable=True) as connection:
            now = self._now()
            who = find_editor(connection, person)
            pair = lock_pair(connection, pair_id, version)
            check_unit(who, pair.task_class)
            check_reserved(connection, pair, who, now)
            state = connection.scalar(select(QueueItemRow.state).where(QueueItemRow.pair == pair.seq).with_for_update())
            _check_exclusion(who, pair, state)
            held = leases.holder(connection, pair.seq)
            if held is not None and held.person != who.id and held.expires_at > now:
                raise LeaseError(f"{held.name!r} has pair {pair_id} in hands; wait for the submit or the lease's end")
            if held is not None:
                ending = Ending.EXCLUDED if held.person == who.id else Ending.EXPIRED
                leases.end_lease(connection, held.id, ending, now)
            connection.execute(delete(QueueItemRow).where(QueueItemRow.pair == pair.seq))
            delete_review_item(connection, pair.seq)
            columns = {"exclude_reason": reason.value, "exclude_detail": detail}
            after = change_status(
                connection, pair, Status.EXCLUDED, now, person=who.id, detail=f"{reason}: {detail}", **columns
            )
            if held is not None and held.person == who.id:
                count_work(connection, (WorkKey.of(held, now), {"excluded": 1}))
            count_stages(connection, (StageKey(hour_of(now), Stage.SET_ASIDE.value, reason.value), {"pairs": 1}))
            return after

    def _give_back(self, token: str, person: str, ending: Ending) -> None:
        with self._database.writing() as connection:
            now = self._now()
            who = find_editor(connection, person)
            lease = leases.check_lease(connection, token, who, now)
            leases.give_back(connection, lease, ending, now)
            if self._rules.conversations_in_order:
                hold_conversation(connection, lease.pair, None, None)
            if ending is Ending.SKIPPED:
                leases.note_skip(connection, who, lease.pair, now)
            count_work(connection, (WorkKey.of(lease, now), {ending.value: 1}))

    def _read_salt(self, connection: Connection) -> str:
        if self._salt is None:
            self._salt = read_salt(connection)
        return self._salt

    def return_expired(self) -> None:
        """Items whose lease ran out go back. Claims do the same; a service does it by its clock, for when nobody works
        and the figures would still say that they are in hands.
        """
        with self._database.writing() as connection:
            leases.return_expired(connection, self._now())

    def _sweep(self) -> None:
        """Unsampled post-edits become approved while people work, a few at a time."""
        now = self._now()
        if self._swept_at is None or now - self._swept_at >= timedelta(seconds=_SWEEP_SECONDS):
            self._swept_at = now
            approve_unsampled(self._database, now, self._rules.undo_seconds, _SWEPT_AT_ONCE)


def _check_exclusion(who: Person, pair: PairState, state: str | None) -> None:
    if who.role in REVIEWERS:
        return
    if state == ItemState.SENT or pair.status is Status.POST_EDITED:
        raise AccessError(f"pair {pair.pair_id} is with its owner, who alone may exclude it now")
