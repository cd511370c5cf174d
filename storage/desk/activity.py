"""Active time: what a person works on an item, counted from the signs of life that reach the server.

Time between two signs is work if it is no longer than the idle cut and no other item of the same person has it already:
whoever holds several items is counted once.
"""

# See docs/decisions/0109-one-activity-mark-a-person.md

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, select, update

from storage.people.leases import Lease
from storage.tables.desk import LeaseRow
from storage.tables.pairs import PersonRow

_MILLISECOND = timedelta(milliseconds=1)
_WORKED = update(PersonRow).where(PersonRow.id == bindparam("who")).values(worked_at=bindparam("now"))


def note_activity(connection: Connection, lease: Lease, now: datetime, idle_seconds: int, *, active: bool) -> int:
    """A sign of life for this item; gives the milliseconds of work that it has had. Not active: nothing is counted."""
    gap = now - _last_mark(connection, lease)
    is_work = active and timedelta(0) < gap <= timedelta(seconds=idle_seconds)
    total = lease.active_ms + (gap // _MILLISECOND if is_work else 0)
    marks = {"beats": lease.beats + 1, "beat_at": now, "active_ms": total}
    connection.execute(update(LeaseRow).where(LeaseRow.id == lease.id).values(**marks))
    if active:
        connection.execute(_WORKED, {"who": lease.person, "now": now})
    return total


def active_seconds(connection: Connection, lease: Lease, now: datetime, idle_seconds: int, said: float) -> float:
    """Of an item that is submitted now: the server's figure if the client gave signs of life, else what it `said`, at
    most as long as the item was out."""
    if lease.beats:
        return note_activity(connection, lease, now, idle_seconds, active=True) / 1000
    connection.execute(_WORKED, {"who": lease.person, "now": now})
    return lease.active_ms / 1000 + min(said, (now - lease.claimed_at).total_seconds())


def _last_mark(connection: Connection, lease: Lease) -> datetime:
    worked_at = connection.scalar(select(PersonRow.worked_at).where(PersonRow.id == lease.person))
    own = lease.beat_at or lease.claimed_at
    return own if worked_at is None else max(own, worked_at)
