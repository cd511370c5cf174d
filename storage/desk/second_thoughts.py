"""Taking back what a person did to an item without a text: an exclusion, a skip, a question to the owner."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from coachlm.desk.work import Ending, ItemState, Person, ReviewState
from coachlm.errors import ConflictError
from coachlm.status import Status
from storage.desk.review_items import delete_review_item
from storage.engine.results import one_row
from storage.pairs.revisions import queue_item
from storage.pairs.rollups import Stage, StageKey, WorkKey, count_stages, count_work, hour_of
from storage.pairs.states import PairState, change_status, last_move, note
from storage.people import leases
from storage.people.people import check_unit
from storage.tables.desk import LeaseRow, QueueItemRow, SkipRow
from storage.tables.rows import StoredLease

_TAKEN_BACK = (Ending.EXCLUDED, Ending.SKIPPED, Ending.SENT)


@dataclass(frozen=True, slots=True)
class SecondThought:
    """One person about one locked pair that was in their hands a moment ago."""

    connection: Connection
    pair: PairState
    who: Person
    now: datetime
    undo_seconds: int

    def take_back(self, expires_at: datetime) -> str:
        """Opens the person's last lease again and gives its token; once more gives the same. Raises: ConflictError."""
        own = (LeaseRow.pair == self.pair.seq, LeaseRow.person == self.who.id)
        last = select(LeaseRow.__table__).where(*own).order_by(LeaseRow.id.desc()).limit(1)
        lease = one_row(StoredLease, self.connection.execute(last))
        if lease is None:
            raise ConflictError(f"pair {self.pair.pair_id} was not in {self.who.name!r}'s hands; claim an item first")
        if lease.ending is None and lease.expires_at > self.now:
            return lease.token
        ending = None if lease.ending is None else Ending(lease.ending)
        if ending is None or ending not in _TAKEN_BACK or lease.ended_at is None:
            raise ConflictError(f"pair {self.pair.pair_id}: nothing was done to it that can be taken back here")
        if self.now - lease.ended_at > timedelta(seconds=self.undo_seconds):
            raise ConflictError(
                f"pair {self.pair.pair_id}: that can be taken back for {self.undo_seconds} s; ask its owner"
            )
        check_unit(self.who, self.pair.task_class)
        {Ending.EXCLUDED: self._include, Ending.SKIPPED: self._unskip, Ending.SENT: self._unask}[ending](lease)
        leases.reopen_lease(self.connection, lease.id, self.pair.seq, expires_at)
        count_work(self.connection, (WorkKey.of(lease, lease.ended_at), {ending.value: -1}))
        if ending is Ending.EXCLUDED:
            self._uncount_exclusion(lease.ended_at)
        return lease.token

    def _include(self, lease: StoredLease) -> None:
        move = last_move(self.connection, self.pair.seq)
        if self.pair.status is not Status.EXCLUDED or move is None or move.person != self.who.id:
            raise ConflictError(f"pair {self.pair.pair_id} is {self.pair.status} by now; ask its owner")
        before = Status(move.from_status)
        include(self.connection, self.pair, before, self.who.id, self.now)
        heir = self.who.id if before is Status.RETURNED else None
        item = queue_item(self.pair.seq, self.pair.task_class, self.now, reserved_for=heir, arm=lease.arm)
        self.connection.execute(insert(QueueItemRow).values(**item._asdict()))

    def _unskip(self, _: StoredLease) -> None:
        self._lock_item(ItemState.FREE, ItemState.RESERVED)
        skipped = (SkipRow.person == self.who.id, SkipRow.pair == self.pair.seq)
        self.connection.execute(delete(SkipRow).where(*skipped))

    def _unask(self, _: StoredLease) -> None:
        self._lock_item(ItemState.SENT)
        if delete_review_item(self.connection, self.pair.seq) != ReviewState.SENT:
            raise ConflictError(f"the owner has pair {self.pair.pair_id} already; wait for the answer")
        note(self.connection, self.pair, self.now, self.who.id, "question taken back")

    def _lock_item(self, *states: ItemState) -> None:
        item = select(QueueItemRow.state).where(QueueItemRow.pair == self.pair.seq).with_for_update()
        if self.connection.scalar(item) not in states:
            raise ConflictError(f"pair {self.pair.pair_id} is with somebody else by now; go on with the next item")

    def _uncount_exclusion(self, at: datetime) -> None:
        reason = last_move(self.connection, self.pair.seq, to=Status.EXCLUDED)
        assert reason is not None
        uncount_exclusion(self.connection, at, reason.detail)


def include(connection: Connection, pair: PairState, before: Status, person: int, now: datetime) -> int:
    """An excluded pair is where it was; gives its new version."""
    gone: dict[str, None] = {"exclude_reason": None, "exclude_detail": None}
    return change_status(connection, pair, before, now, person=person, detail="exclusion taken back", **gone)


def uncount_exclusion(connection: Connection, at: datetime, detail: str) -> None:
    """In the hour in which it was counted; `detail` as the history has it."""
    reason = detail.partition(":")[0]
    count_stages(connection, (StageKey(hour_of(at), Stage.SET_ASIDE.value, reason), {"pairs": -1}))
