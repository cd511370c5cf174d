"""Submitting a post-edit and taking it back: what is checked, counted and stored, within the caller's transaction."""

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection, bindparam, delete, exists, insert, select

from coachlm.desk.efficiency import Arm
from coachlm.desk.post_edit import PostEdit
from coachlm.desk.work import Ending, Person, Receipt, ReviewReason, ReviewState
from coachlm.errors import ConflictError, EmptyTextError, StaleError, StoreError
from coachlm.pairs import InstructionPair
from coachlm.revision import Revision
from coachlm.status import Status
from coachlm.text.distance import pair_distance
from storage.desk.activity import active_seconds
from storage.desk.review_items import delete_review_item, insert_review_item
from storage.desk.rules import DeskRules
from storage.desk.sampling import review_reason
from storage.engine.results import the_row
from storage.pairs.edits import (
    EarlierEdit,
    Seen,
    check_seen,
    insert_post_edit,
    last_edit_row,
    save_draft,
    submitted_under,
)
from storage.pairs.revisions import queue_item, revision_from_row
from storage.pairs.rollups import Submitted, WorkKey, count_work
from storage.pairs.states import PairState, change_status
from storage.people import leases
from storage.people.leases import Lease
from storage.people.people import check_unit
from storage.tables.desk import EventRow, LeaseRow, QueueItemRow, RevisionRow, WithdrawalRow
from storage.tables.pairs import PairRow
from storage.tables.rows import StoredEdit, StoredLease, StoredRevision, pair_from_row

MAX_KEY = 200
_TEXTS = select(PairRow.instruction, PairRow.input, PairRow.response).where(PairRow.seq == bindparam("of_pair"))
_SHOWN = select(RevisionRow.__table__).where(RevisionRow.id == bindparam("number"))
_TAKE_OUT = delete(QueueItemRow).where(QueueItemRow.pair == bindparam("of_pair"))
_MAX_CELLS = 2_000_000_000
"""Product of two texts' lengths above which their distance is not computed; some 50 ms of one core."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A person's text of one locked pair: stored, or taken back."""

    connection: Connection
    rules: DeskRules
    salt: str
    pair: PairState
    who: Person
    now: datetime

    def store(self, edit: PostEdit, token: str, version: int, key: str, seen: Seen) -> Receipt:
        """Raises: LeaseError, EmptyTextError, ConflictError, StaleError, DivergedError."""
        earlier = submitted_under(self.connection, self.who, key)
        if earlier is not None:
            return self._again(earlier, edit, key)
        lease = leases.check_lease(self.connection, token, self.who, self.now, pair=self.pair.seq)
        if version != self.pair.version:
            raise StaleError(
                f"pair {self.pair.pair_id} changed (version {self.pair.version}, not {version}); load it again"
            )
        check_seen(self.connection, self.pair.seq, self.who, token=token, seen=seen)
        if not edit.final.instruction.strip() or not edit.final.response.strip():
            raise EmptyTextError(
                f"pair {self.pair.pair_id}: instruction or response is empty; write both, exclude the pair or skip it"
            )
        return self._accept(edit, lease, key)

    def withdraw(self, post_edit: int, expires_at: datetime) -> str:
        """Gives the token of the lease under which the person has the pair again. Raises: ConflictError."""
        number, again = self.pair.pair_id, self._withdrawn_before(post_edit)
        if again is not None:
            return again
        edit = last_edit_row(self.connection, self.pair.seq)
        if edit is None or edit.id != post_edit or edit.person != self.who.id:
            raise ConflictError(f"pair {number}: {post_edit} is not its last post-edit by {self.who.name!r}")
        if self.pair.status is not Status.POST_EDITED:
            raise ConflictError(f"pair {number} is {self.pair.status} by now; ask its owner")
        if self.now - edit.created_at > timedelta(seconds=self.rules.undo_seconds):
            raise ConflictError(
                f"pair {number}: a submit can be taken back for {self.rules.undo_seconds} s; ask its owner"
            )
        return self._give_back(edit, expires_at)

    def _again(self, earlier: EarlierEdit, edit: PostEdit, key: str) -> Receipt:
        if earlier.pair != self.pair.seq or pair_from_row(earlier) != edit.final:
            raise ConflictError(f"the key {key!r} was used for another text; send a new text under a new key")
        if self.connection.scalar(select(exists().where(WithdrawalRow.post_edit == earlier.id))):
            raise ConflictError(f"the submit under the key {key!r} was taken back; submit under a new key")
        return Receipt(self.pair.pair_id, earlier.id, earlier.version)

    def _accept(self, edit: PostEdit, lease: Lease, key: str) -> Receipt:
        connection, pair, now = self.connection, self.pair, self.now
        raw, revision = self._read_texts(lease)
        seconds = active_seconds(connection, lease, now, self.rules.idle_seconds, edit.active_seconds)
        leases.end_lease(connection, lease.id, Ending.SUBMITTED, now)
        connection.execute(_TAKE_OUT, {"of_pair": pair.seq})
        after = change_status(connection, pair, Status.POST_EDITED, now, person=self.who.id)
        is_control = lease.arm == Arm.CONTROL
        reason = review_reason(
            connection,
            self.who,
            self.rules,
            salt=self.salt,
            text=f"{pair.pair_id}:{after}",
            is_again=pair.status is Status.RETURNED,
            flags=() if is_control or not revision else revision.flags,
        )
        shown = raw if is_control or revision is None else revision.revised
        counted = Submitted(
            round(seconds, 3),
            pair.status is not Status.RETURNED,
            edit.final == shown,
            _distance(raw, edit.final),
            revision and _distance(revision.revised, edit.final),
        )
        number = insert_post_edit(
            connection,
            pair.seq,
            self.who,
            replace(edit, active_seconds=counted.active_seconds),
            key=key,
            now=now,
            version=after,
            lease=lease.id,
            arm=lease.arm,
            adapter=lease.adapter or None,
            is_untouched=counted.is_untouched,
            raw_distance=counted.raw_distance,
            revision_distance=counted.revision_distance,
            review_reason=reason.value,
        )
        state = ReviewState.PASSING if reason is ReviewReason.NOT_SAMPLED else ReviewState.WAITING
        insert_review_item(connection, pair, state, reason, self.who.id, now)
        count_work(connection, (WorkKey.of(lease, now), counted.counts()))
        return Receipt(pair.pair_id, number, after)

    def _read_texts(self, lease: Lease) -> tuple[InstructionPair, Revision | None]:
        instruction, input_, response = self.connection.execute(_TEXTS, {"of_pair": self.pair.seq}).one()
        raw = InstructionPair(instruction, input_, response)
        if lease.revision is None:
            return raw, None
        shown = the_row(StoredRevision, self.connection.execute(_SHOWN, {"number": lease.revision}))
        return raw, revision_from_row(shown, self.pair.pair_id, raw)

    def _withdrawn_before(self, post_edit: int) -> str | None:
        own = (
            LeaseRow.continues == post_edit,
            LeaseRow.pair == self.pair.seq,
            LeaseRow.person == self.who.id,
            LeaseRow.ended_at.is_(None),
            LeaseRow.expires_at > self.now,
        )
        return self.connection.scalar(select(LeaseRow.token).where(*own))

    def _give_back(self, edit: StoredEdit, expires_at: datetime) -> str:
        connection, pair, now = self.connection, self.pair, self.now
        check_unit(self.who, pair.task_class)
        delete_review_item(connection, pair.seq)
        before = Status(self._status_before())
        change_status(connection, pair, before, now, person=self.who.id, detail=f"post-edit {edit.id} taken back")
        connection.execute(
            insert(WithdrawalRow).values(pair=pair.seq, post_edit=edit.id, person=self.who.id, created_at=now)
        )
        heir = self.who.id if before is Status.RETURNED else None
        item = queue_item(pair.seq, pair.task_class, now, reserved_for=heir, arm=edit.arm)
        connection.execute(insert(QueueItemRow).values(**item._asdict()))
        token = leases.open_lease(
            connection,
            pair.seq,
            item.task_class,
            self.who,
            Arm(edit.arm),
            now,
            expires_at,
            continues=edit.id,
            active_ms=round(edit.active_seconds * 1000),
        )
        text = pair_from_row(edit)
        save_draft(connection, pair.seq, self.who, text, token=token, comment=edit.comment, now=now)
        self._uncount(edit)
        return token

    def _status_before(self) -> str:
        last = select(EventRow.from_status).where(
            EventRow.pair == self.pair.seq,
            EventRow.to_status == Status.POST_EDITED.value,
            EventRow.from_status != Status.POST_EDITED.value,
        )
        return self.connection.execute(last.order_by(EventRow.id.desc()).limit(1)).scalar_one()

    def _uncount(self, edit: StoredEdit) -> None:
        own = select(LeaseRow.__table__).where(LeaseRow.id == edit.lease)
        lease = the_row(StoredLease, self.connection.execute(own))
        counted = counted_of(edit)
        taken_back = (WorkKey.of(lease, edit.created_at), counted.counts(sign=-1))
        count_work(self.connection, taken_back, (WorkKey.of(lease, self.now), {"withdrawn": 1}))


class CountedEdit(Protocol):
    """A row that has what of a post-edit is counted."""

    @property
    def active_seconds(self) -> float: ...
    @property
    def review_reason(self) -> str | None: ...
    @property
    def is_untouched(self) -> bool: ...
    @property
    def raw_distance(self) -> int | None: ...
    @property
    def revision_distance(self) -> int | None: ...


def counted_of(edit: CountedEdit) -> Submitted:
    is_first = edit.review_reason != ReviewReason.RETURNED
    return Submitted(edit.active_seconds, is_first, edit.is_untouched, edit.raw_distance, edit.revision_distance)


def check_submit(edit: PostEdit, key: str) -> None:
    """Raises: StoreError."""
    if not key or len(key) > MAX_KEY:
        raise StoreError(f"an idempotency key has 1 to {MAX_KEY} characters; draw a new one for each submit")
    if not math.isfinite(edit.active_seconds) or edit.active_seconds < 0:
        raise StoreError(f"pair {edit.pair_id}: active_seconds is {edit.active_seconds}; send the seconds of work")


def _distance(before: InstructionPair, after: InstructionPair) -> int | None:
    lengths = [len(pair.instruction) + len(pair.input) + len(pair.response) for pair in (before, after)]
    return None if lengths[0] * lengths[1] > _MAX_CELLS else pair_distance(before, after)
