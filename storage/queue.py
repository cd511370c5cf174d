"""The post-edit queue: hands each pair to one person at a time and loses nothing that anybody wrote.

Promises, on every path: one holder an item; a submit counts only under the open lease of its sender and for the version
that was handed out; a retried submit stores nothing twice; the text of a refused one is kept as a draft.
"""

import math
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select

from coachlm.errors import ConflictError, LeaseError, StaleError, StoreError
from coachlm.pairs import ExcludeReason, InstructionPair, TaskClass
from coachlm.post_edit import PostEdit
from coachlm.status import Status
from storage import leases
from storage.database import Database, utc_now
from storage.edits import insert_post_edit, keep_refused, pair_from_row, save_draft, submitted_under
from storage.items import read_items
from storage.people import find_person, store_person
from storage.states import PairState, change_status, lock_pair
from storage.work import Ending, Person, PersonRole, Receipt, WorkItem
from storage.work_tables import LeaseRow, QueueItemRow

MAX_KEY = 200


class PostEditQueue:
    """Safe to share between threads and processes. A person is given by name.

    Raises (from every method): StoreError, naming the remedy; NotFoundError, for a person or pair that isn't known.
    """

    def __init__(self, database: Database, lease_seconds: int = 1800, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._lease = timedelta(seconds=lease_seconds)
        self._now = now

    def ensure_person(
        self, name: str, role: PersonRole | None = None, unit: TaskClass | None = None
    ) -> Person:  # fmt: skip
        """Adds the person or changes what is given; None leaves what is there (at first: annotator, every class)."""
        with self._database.writing(durable=True) as connection:
            return store_person(connection, name, role, unit, self._now())

    def claim(self, person: str, *, task_class: TaskClass | None = None) -> WorkItem | None:
        """The next item for this person, or None. Without a class the person's unit decides, if there is one.

        A person may hold several items (to have the next one ready): `held` names them after a lost answer.
        """
        with self._database.writing() as connection:
            now = self._now()
            who = find_person(connection, person)
            leases.return_expired(connection, now)
            seq = leases.next_item(connection, who, task_class or who.unit)
            if seq is None:
                return None
            token = leases.open_lease(connection, seq, who, now, now + self._lease)
            return read_items(connection, LeaseRow.token == token)[0]

    def held(self, person: str) -> list[WorkItem]:
        """What the person has in hands, first claimed first."""
        with self._database.reading() as connection:
            who = find_person(connection, person)
            own = (LeaseRow.person == who.id, LeaseRow.ended_at.is_(None), LeaseRow.expires_at > self._now())
            return read_items(connection, *own)

    def heartbeat(self, token: str, person: str) -> datetime:
        """Keep the item; gives the new end of the lease. Raises: LeaseError."""
        with self._database.writing() as connection:
            now = self._now()
            lease, _seq = leases.check_lease(connection, token, find_person(connection, person), now)
            leases.extend_lease(connection, lease, now + self._lease)
            return now + self._lease

    def save_draft(self, pair_id: str, person: str, text: InstructionPair, *, token: str, comment: str = "") -> None:
        """Replaces the draft saved under this lease. Raises: LeaseError; the text was kept all the same."""
        with self._database.writing(durable=True) as connection:
            now = self._now()
            who = find_person(connection, person)
            pair = lock_pair(connection, pair_id)
            try:
                leases.check_lease(connection, token, who, now, pair=pair.seq)
            except LeaseError as error:
                keep_refused(connection, pair.seq, who, text, token=token, comment=comment, now=now)
                refusal = error
            else:
                save_draft(connection, pair.seq, who, text, token=token, comment=comment, now=now)
                return
        raise refusal

    def submit(self, edit: PostEdit, *, token: str, version: int, idempotency_key: str) -> Receipt:
        """Store the person's text; the pair goes to its owner. A retry with the same key gives the same receipt.

        Raises: LeaseError, ConflictError (the pair changed, or the key was used for another text); the text was kept
        as a draft then.
        """
        _check_submit(edit, idempotency_key)
        with self._database.writing(durable=True) as connection:
            now = self._now()
            who = find_person(connection, edit.person)
            pair = lock_pair(connection, edit.pair_id)
            try:
                return self._store_edit(connection, pair, who, edit, token, version, idempotency_key, now)
            except (LeaseError, ConflictError) as error:
                keep_refused(connection, pair.seq, who, edit.final, token=token, comment=edit.comment, now=now)
                refusal = error
        raise refusal

    def skip(self, token: str, person: str) -> None:
        """Back into the queue, for others first. Raises: LeaseError."""
        with self._database.writing() as connection:
            now = self._now()
            who = find_person(connection, person)
            lease, seq = leases.check_lease(connection, token, who, now)
            leases.give_back(connection, lease, seq, Ending.SKIPPED, now)
            leases.note_skip(connection, who, seq, now)

    def release(self, token: str, person: str) -> None:
        """Back into the queue, for anybody. Raises: LeaseError."""
        with self._database.writing() as connection:
            now = self._now()
            lease, seq = leases.check_lease(connection, token, find_person(connection, person), now)
            leases.give_back(connection, lease, seq, Ending.RELEASED, now)

    def exclude(self, pair_id: str, person: str, reason: ExcludeReason, *, version: int, detail: str = "") -> int:
        """Set a pair aside that nobody else has in hands; gives its new version.

        Raises: LeaseError, ConflictError, TransitionError.
        """
        with self._database.writing(durable=True) as connection:
            now = self._now()
            who = find_person(connection, person)
            pair = lock_pair(connection, pair_id, version)
            connection.execute(select(QueueItemRow.pair).where(QueueItemRow.pair == pair.seq).with_for_update())
            held = leases.holder(connection, pair.seq)
            if held is not None and held.person != who.id and held.expires_at > now:
                raise LeaseError(f"{held.name!r} has pair {pair_id} in hands; wait for the submit or the lease's end")
            if held is not None:
                ending = Ending.EXCLUDED if held.person == who.id else Ending.EXPIRED
                leases.end_lease(connection, held.id, ending, now)
            connection.execute(delete(QueueItemRow).where(QueueItemRow.pair == pair.seq))
            columns = {"exclude_reason": reason.value, "exclude_detail": detail}
            return change_status(
                connection, pair, Status.EXCLUDED, now, person=who.id, detail=f"{reason}: {detail}", **columns
            )

    def _store_edit(
        self, connection: Connection, pair: PairState, who: Person, edit: PostEdit, token: str, version: int,
        key: str, now: datetime,
    ) -> Receipt:  # fmt: skip
        earlier = submitted_under(connection, who, key)
        if earlier is not None:
            if earlier.pair == pair.seq and pair_from_row(earlier) == edit.final:
                return Receipt(pair.pair_id, earlier.id, earlier.version)
            raise ConflictError(f"the key {key!r} was used for another text; send a new text under a new key")
        lease, _seq = leases.check_lease(connection, token, who, now, pair=pair.seq)
        if version != pair.version:
            raise StaleError(f"pair {pair.pair_id} changed (version {pair.version}, not {version}); load it again")
        leases.end_lease(connection, lease, Ending.SUBMITTED, now)
        connection.execute(delete(QueueItemRow).where(QueueItemRow.pair == pair.seq))
        after = change_status(connection, pair, Status.POST_EDITED, now, person=who.id)
        number = insert_post_edit(connection, pair.seq, who, edit, key=key, version=after, now=now)
        return Receipt(pair.pair_id, number, after)


def _check_submit(edit: PostEdit, key: str) -> None:
    if not key or len(key) > MAX_KEY:
        raise StoreError(f"an idempotency key has 1 to {MAX_KEY} characters; draw a new one for each submit")
    if not math.isfinite(edit.active_seconds) or edit.active_seconds < 0:
        raise StoreError(f"pair {edit.pair_id}: active_seconds is {edit.active_seconds}; send the seconds of work")
