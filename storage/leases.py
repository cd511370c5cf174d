"""Leases: who holds which item until when, and which item comes next.

The row in `queue_items` is the lock: whoever gives out, extends or ends a lease has locked that row first, and reads
the lease afterwards.
"""

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, exists, insert, select, update

from coachlm.errors import LeaseError
from coachlm.pairs import TaskClass
from storage.bulk import is_among
from storage.tables import PersonRow
from storage.work import Ending, ItemState, Person
from storage.work_tables import LeaseRow, QueueItemRow, SkipRow

_OPEN = LeaseRow.ended_at.is_(None)
_ORDER = (QueueItemRow.priority, QueueItemRow.pair)
_EXPIRED_AT_ONCE = 1000


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


def next_item(connection: Connection, person: Person, task_class: TaskClass | None) -> int | None:
    """Locks and names the pair that the person should get next.

    What was sent back to the person comes first, then free items by priority and age, then what the person skipped,
    longest ago first. Items without a class go to whoever has nothing of the own class left.
    """
    reserved = (QueueItemRow.state == ItemState.RESERVED.value, QueueItemRow.reserved_for == person.id)
    free = QueueItemRow.state == ItemState.FREE.value
    tiers: list[tuple[Any, ...]] = [reserved]
    if task_class is None:
        tiers.append((free,))
    else:
        tiers += [(free, QueueItemRow.task_class == name) for name in (task_class.value, "")]
    is_skipped = exists().where(SkipRow.person == person.id, SkipRow.pair == QueueItemRow.pair)
    for tier in tiers:
        found = _first(connection, select(QueueItemRow.pair).where(*tier, ~is_skipped).order_by(*_ORDER))
        if found is not None:
            return found
    own_skips = (SkipRow.person == person.id, SkipRow.pair == QueueItemRow.pair)
    for tier in tiers:
        again = select(QueueItemRow.pair).join(SkipRow, SkipRow.pair == QueueItemRow.pair).where(*tier, *own_skips)
        found = _first(connection, again.order_by(SkipRow.skipped_at, SkipRow.pair))
        if found is not None:
            return found
    return None


def open_lease(connection: Connection, pair: int, person: Person, now: datetime, expires_at: datetime) -> str:
    """Hand a locked item out; gives the token."""
    token = secrets.token_hex(16)
    connection.execute(
        insert(LeaseRow).values(token=token, pair=pair, person=person.id, claimed_at=now, expires_at=expires_at)
    )
    connection.execute(
        update(QueueItemRow).where(QueueItemRow.pair == pair).values(state=ItemState.LEASED.value)
    )  # fmt: skip
    return token


def check_lease(
    connection: Connection, token: str, person: Person, now: datetime, *, pair: int | None = None
) -> tuple[int, int]:
    """(number of the lease, number of the pair), the item locked; `pair` is the one that the token should be for.

    Raises: LeaseError, when the lease is unknown, of another pair, somebody else's, ended or out of time.
    """
    of = connection.scalar(select(LeaseRow.pair).where(LeaseRow.token == token))
    if of is None or (pair is not None and of != pair):
        raise LeaseError("no item was handed out under this token; claim it first")
    connection.execute(select(QueueItemRow.pair).where(QueueItemRow.pair == of).with_for_update())
    lease = connection.execute(
        select(LeaseRow.id, LeaseRow.person, LeaseRow.expires_at, LeaseRow.ending).where(LeaseRow.token == token)
    ).one()
    if lease.person != person.id:
        raise LeaseError(f"the item is not {person.name!r}'s; claim another")
    if lease.ending is not None:
        raise LeaseError(f"the lease has ended ({lease.ending}); claim the item again")
    if lease.expires_at <= now:
        raise LeaseError(f"the lease ran out at {lease.expires_at:%Y-%m-%d %H:%M:%S} UTC; claim the item again")
    return lease.id, of


def extend_lease(connection: Connection, lease: int, expires_at: datetime) -> None:
    connection.execute(update(LeaseRow).where(LeaseRow.id == lease).values(expires_at=expires_at))


def end_lease(connection: Connection, lease: int, ending: Ending, now: datetime) -> None:
    """The item itself is deleted by the caller, or put back by `give_back`."""
    connection.execute(update(LeaseRow).where(LeaseRow.id == lease).values(ended_at=now, ending=ending.value))


def give_back(connection: Connection, lease: int, pair: int, ending: Ending, now: datetime) -> None:
    end_lease(connection, lease, ending, now)
    _put_back(connection, [pair])


def note_skip(connection: Connection, person: Person, pair: int, now: datetime) -> None:
    again = update(SkipRow).where(SkipRow.person == person.id, SkipRow.pair == pair).values(skipped_at=now)
    if not connection.execute(again).rowcount:
        connection.execute(insert(SkipRow).values(person=person.id, pair=pair, skipped_at=now))


def holder(connection: Connection, pair: int) -> Any | None:
    """The open lease of a locked item: its `id`, `expires_at`, and `person` with `name`."""
    return connection.execute(
        select(LeaseRow.id, LeaseRow.person, LeaseRow.expires_at, PersonRow.name)
        .join(PersonRow, PersonRow.id == LeaseRow.person)
        .where(LeaseRow.pair == pair, _OPEN)
    ).one_or_none()


def _first(connection: Connection, statement: Any) -> int | None:
    return connection.scalar(statement.limit(1).with_for_update(of=QueueItemRow, skip_locked=True))


def _put_back(connection: Connection, pairs: Any) -> None:
    state = case(
        (QueueItemRow.reserved_for.is_(None), ItemState.FREE.value), else_=ItemState.RESERVED.value
    )  # fmt: skip
    chosen = is_among(connection, QueueItemRow.pair.expression, pairs)
    connection.execute(update(QueueItemRow).where(chosen).values(state=state))
