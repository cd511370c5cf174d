"""Leases: who holds which item until when, and which item comes next.

The row in `queue_items` is the lock: whoever gives out, extends or ends a lease has locked that row first, and reads
the lease afterwards.
"""

# See docs/decisions/0045-queue-row-is-the-lock.md

import secrets
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import NamedTuple, cast

from sqlalchemy import ColumnElement, Connection, Executable, bindparam, case, exists, func, insert, select, update

from coachlm.desk.efficiency import Arm
from coachlm.desk.work import Ending, ItemState, Person
from coachlm.errors import LeaseError
from coachlm.pairs import TaskClass
from storage.engine.bulk import is_among
from storage.engine.results import all_rows, columns_of, one_row, the_row
from storage.pairs.rollups import WORK_KEY, WorkKey, count_work, hour_of
from storage.pairs.withheld import is_rater, is_withheld
from storage.people.conversations import is_others_turn, next_of_own
from storage.tables.desk import LeaseRow, QueueItemRow, RevisionRow, SkipRow
from storage.tables.pairs import PairRow, PersonRow

_OPEN = LeaseRow.ended_at.is_(None)
_ORDER = (QueueItemRow.priority, QueueItemRow.place, QueueItemRow.pair)
_EXPIRED_AT_ONCE = 1000
_IS_RESERVED = (QueueItemRow.state == ItemState.RESERVED.value, QueueItemRow.reserved_for == bindparam("who"))
_IS_FREE = QueueItemRow.state == ItemState.FREE.value
_TIERS: dict[str, tuple[ColumnElement[bool], ...]] = {
    "reserved": _IS_RESERVED,
    "of class": (_IS_FREE, QueueItemRow.task_class == bindparam("of_class")),
    "of none": (_IS_FREE, QueueItemRow.task_class == ""),
    "any": (_IS_FREE,),
}
# The statements of every claim and submit are put together once: that costs more than it costs to run them.
_SITUATION = select(
    select(func.count())
    .select_from(LeaseRow)
    .where(LeaseRow.person == bindparam("who"), _OPEN, LeaseRow.expires_at > bindparam("now"))
    .scalar_subquery()
    .label("held"),
    exists().where(_OPEN, LeaseRow.expires_at <= bindparam("now")).label("is_overdue"),
    # In order, though any would do: where few items are reserved for anybody, SQLite would read the whole queue.
    select(QueueItemRow.pair).where(*_IS_RESERVED).order_by(*_ORDER).limit(1).scalar_subquery().label("reserved"),
    # Here, after the person was locked: whoever draws a study locks its raters, so that no claim slips past it.
    is_rater(bindparam("who")).label("is_rater"),
)
_SHOWN = (
    select(RevisionRow.id, RevisionRow.engine, RevisionRow.adapter)
    .where(RevisionRow.pair == bindparam("of_pair"))
    .order_by(RevisionRow.id.desc())
    .limit(1)
)
_INSERT_LEASE = insert(LeaseRow)
_HAND_OUT = (
    update(QueueItemRow)
    .where(QueueItemRow.pair == bindparam("of_pair"))
    .values(state=ItemState.LEASED.value, arm=bindparam("new_arm"))
)
_LOCK_ITEM = select(QueueItemRow.pair).where(QueueItemRow.pair == bindparam("of_pair")).with_for_update()
_END_LEASE = (
    update(LeaseRow).where(LeaseRow.id == bindparam("lease")).values(ended_at=bindparam("now"), ending=bindparam("how"))
)


class Situation(NamedTuple):
    """What a claim begins with."""

    held: int  # items that the person has
    is_overdue: bool  # leases have run out
    reserved: int | None  # a pair that was sent back to the person
    is_rater: bool  # who rates some pairs blindly


class NextItem(NamedTuple):
    """A locked item that somebody gets next."""

    pair: int
    task_class: str
    arm: str | None
    pair_id: str


class Lease(NamedTuple):
    """A lease, its item locked."""

    id: int
    pair: int
    person: int
    claimed_at: datetime
    beats: int
    beat_at: datetime | None
    active_ms: int
    unit: str  # these five say where its work is counted
    task_class: str
    engine: str
    adapter: str
    arm: str
    revision: int | None  # number of the revision that was shown, or kept back
    expires_at: datetime
    ending: str | None


class Holder(NamedTuple):
    """The open lease of a locked item, with the person's name."""

    id: int
    person: int
    unit: str
    task_class: str
    engine: str
    adapter: str
    arm: str
    expires_at: datetime
    name: str


_LEASE = columns_of(LeaseRow, Lease)
_BY_TOKEN = select(*_LEASE).where(LeaseRow.token == bindparam("under"), LeaseRow.pair == bindparam("of_pair"))
_HOLDER = (LeaseRow.id, *(getattr(LeaseRow, name) for name in WORK_KEY[1:]), LeaseRow.expires_at, PersonRow.name)


def return_expired(connection: Connection, now: datetime) -> None:
    """Items whose lease has run out go back into the queue."""
    overdue = (_OPEN, LeaseRow.expires_at <= now)
    late = connection.scalars(
        select(LeaseRow.pair).where(*overdue).order_by(LeaseRow.expires_at).limit(_EXPIRED_AT_ONCE)
    ).all()
    if not late:
        return
    chosen = is_among(connection, QueueItemRow.pair.expression, late)
    locked = connection.scalars(select(QueueItemRow.pair).where(chosen).with_for_update(skip_locked=True)).all()
    # Asked again now that the items are locked: a heartbeat may have come between.
    ended = connection.scalars(
        update(LeaseRow)
        .where(*overdue, is_among(connection, LeaseRow.pair.expression, locked))
        .values(ended_at=now, ending=Ending.EXPIRED.value)
        .returning(LeaseRow.pair)
    ).all()
    _put_back(connection, ended)


def look_around(connection: Connection, person: Person, now: datetime) -> Situation:
    return the_row(Situation, connection.execute(_SITUATION, {"who": person.id, "now": now}))


def next_item(
    connection: Connection,
    person: Person,
    task_class: TaskClass | None,
    *,
    is_reserved: bool,
    is_rater: bool,
    in_order_at: datetime | None = None,
) -> NextItem | None:
    """Locks the item that the person should get next.

    What was sent back to the person comes first, then free items by priority and place, then what the person skipped,
    longest ago first. Items without a class go to whoever has nothing of the own class left. Pairs that they rate
    blindly are not for them.

    `in_order_at`: now, where the turns of a conversation go to one person in order. The next turn of one that the
    person has begun comes before other free items then.
    """
    tiers = (["reserved"] if is_reserved else []) + (["any"] if task_class is None else ["of class", "of none"])
    values = {"who": person.id, "of_class": task_class and task_class.value, "now": in_order_at}
    if in_order_at is not None and not is_reserved:
        begun = connection.execute(next_of_own(is_of_class=task_class is not None, skips_rated=is_rater), values)
        if found := one_row(NextItem, begun):
            return found
    for was_skipped in (False, True):
        for tier in tiers:
            statement = _next_of(tier, was_skipped, is_rater, in_order_at is not None)
            found = one_row(NextItem, connection.execute(statement, values))
            if found is not None:
                return found
    return None


@cache
def _next_of(tier: str, was_skipped: bool, skips_rated: bool, in_order: bool) -> Executable:
    pair_id = select(PairRow.id).where(PairRow.seq == QueueItemRow.pair).scalar_subquery().label("pair_id")
    item = select(QueueItemRow.pair, QueueItemRow.task_class, QueueItemRow.arm, pair_id).where(*_TIERS[tier])
    if in_order and tier != "reserved":
        item = item.where(~exists().where(*is_others_turn()))
    if skips_rated:
        item = item.where(~is_withheld(QueueItemRow.pair, bindparam("who")))
    own_skips = (SkipRow.person == bindparam("who"), SkipRow.pair == QueueItemRow.pair)
    if was_skipped:
        found = item.join(SkipRow, SkipRow.pair == QueueItemRow.pair).where(*own_skips)
        found = found.order_by(SkipRow.skipped_at, SkipRow.pair)
    else:
        found = item.where(~exists().where(*own_skips)).order_by(*_ORDER)
    return found.limit(1).with_for_update(of=QueueItemRow, skip_locked=True)


def open_lease(
    connection: Connection,
    pair: int,
    task_class: str,
    person: Person,
    arm: Arm,
    now: datetime,
    expires_at: datetime,
    *,
    continues: int | None = None,
    active_ms: int = 0,
) -> str:
    """Hand a locked item out; gives the token.

    `continues` is the number of the post-edit that was withdrawn to get the item back, with the time it had taken.
    """
    token = secrets.token_hex(16)
    shown = connection.execute(_SHOWN, {"of_pair": pair}).one_or_none()
    revision, engine, adapter = (None, "", "") if shown is None else shown
    place = WorkKey(hour_of(now), person.id, person.unit or "", task_class, engine, adapter or "", arm.value)
    values = {
        "token": token,
        "pair": pair,
        "person": person.id,
        "claimed_at": now,
        "expires_at": expires_at,
        "unit": place.unit,
        "task_class": task_class,
        "engine": engine,
        "adapter": place.adapter,
        "arm": arm.value,
        "revision": revision,
        "continues": continues,
        "beats": 0,
        "active_ms": active_ms,
    }
    connection.execute(_INSERT_LEASE, values)
    connection.execute(_HAND_OUT, {"of_pair": pair, "new_arm": arm.value})
    if continues is None:
        count_work(connection, (place, {"claimed": 1}))
    return token


def pair_under(connection: Connection, token: str) -> int:
    """The number of the pair that was handed out under the token. Raises: LeaseError."""
    pair = connection.scalar(select(LeaseRow.pair).where(LeaseRow.token == token))
    if pair is None:
        raise LeaseError("no item was handed out under this token; claim it first")
    return pair


def check_lease(connection: Connection, token: str, person: Person, now: datetime, *, pair: int | None = None) -> Lease:
    """The lease, its item locked; `pair` is the one that the token should be for.

    Raises: LeaseError, when the lease is unknown, of another pair, somebody else's, ended or out of time.
    """
    of = pair_under(connection, token) if pair is None else pair
    connection.execute(_LOCK_ITEM, {"of_pair": of})
    lease = one_row(Lease, connection.execute(_BY_TOKEN, {"under": token, "of_pair": of}))
    if lease is None:
        raise LeaseError("no item was handed out under this token; claim it first")
    if lease.person != person.id:
        raise LeaseError(f"the item is not {person.name!r}'s; claim another")
    if lease.ending is not None:
        raise LeaseError(f"the lease has ended ({lease.ending}); claim the item again")
    if lease.expires_at <= now:
        raise LeaseError(f"the lease ran out at {lease.expires_at:%Y-%m-%d %H:%M:%S} UTC; claim the item again")
    return lease


def park(connection: Connection, pair: int) -> None:
    """The item of a lease that has ended is with the owner: nobody gets it."""
    connection.execute(update(QueueItemRow).where(QueueItemRow.pair == pair).values(state=ItemState.SENT.value))


def extend_lease(connection: Connection, lease: int, expires_at: datetime) -> None:
    connection.execute(update(LeaseRow).where(LeaseRow.id == lease).values(expires_at=expires_at))


def reopen_lease(connection: Connection, lease: int, pair: int, expires_at: datetime) -> None:
    """One that has ended; its item, locked, is nobody's and is in the same hands again."""
    again = update(LeaseRow).where(LeaseRow.id == lease)
    connection.execute(again.values(ended_at=None, ending=None, expires_at=expires_at))
    connection.execute(update(QueueItemRow).where(QueueItemRow.pair == pair).values(state=ItemState.LEASED.value))


def end_lease(connection: Connection, lease: int, ending: Ending, now: datetime) -> None:
    """The item itself is deleted by the caller, or put back by `give_back`."""
    connection.execute(_END_LEASE, {"lease": lease, "now": now, "how": ending.value})


def give_back(connection: Connection, lease: Lease, ending: Ending, now: datetime) -> None:
    """Released or skipped."""
    end_lease(connection, lease.id, ending, now)
    _put_back(connection, [lease.pair])


def give_back_all(connection: Connection, person: Person, now: datetime) -> None:
    """What the person has in hands, to whoever comes next."""
    own = (LeaseRow.person == person.id, _OPEN)
    held = connection.scalars(select(LeaseRow.pair).where(*own)).all()
    chosen = is_among(connection, QueueItemRow.pair.expression, held)
    items = select(QueueItemRow.pair).where(chosen).order_by(QueueItemRow.pair)
    connection.execute(items.with_for_update()).all()
    ended = update(LeaseRow).where(*own).values(ended_at=now, ending=Ending.RELEASED.value)
    leases = all_rows(Lease, connection.execute(cast("Executable", ended.returning(*_LEASE))))
    _put_back(connection, [lease.pair for lease in leases])
    count_work(connection, *[(WorkKey.of(lease, now), {Ending.RELEASED.value: 1}) for lease in leases])


def note_skip(connection: Connection, person: Person, pair: int, now: datetime) -> None:
    again = update(SkipRow).where(SkipRow.person == person.id, SkipRow.pair == pair).values(skipped_at=now)
    if not connection.execute(again).rowcount:
        connection.execute(insert(SkipRow).values(person=person.id, pair=pair, skipped_at=now))


def holder(connection: Connection, pair: int) -> Holder | None:
    held = select(*_HOLDER).join(PersonRow, PersonRow.id == LeaseRow.person).where(LeaseRow.pair == pair, _OPEN)
    return one_row(Holder, connection.execute(held))


def _put_back(connection: Connection, pairs: Sequence[int]) -> None:
    state = case((QueueItemRow.reserved_for.is_(None), ItemState.FREE.value), else_=ItemState.RESERVED.value)
    chosen = is_among(connection, QueueItemRow.pair.expression, pairs)
    connection.execute(update(QueueItemRow).where(chosen).values(state=state))
