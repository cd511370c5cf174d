"""How much waits in the queue and for owners, at a cost that doesn't grow with the queue."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, literal, select

from coachlm.desk.work import ItemState, QueueDepth, ReviewState
from coachlm.pairs import TaskClass
from coachlm.status import Status
from storage.engine.arrivals import arrived, by_arrival
from storage.tables.desk import EventRow, QueueItemRow, ReviewItemRow, RevisionRow
from storage.tables.pairs import PairRow

COUNTED_AT_MOST = 10_000


@dataclass(frozen=True, slots=True)
class CoachDepth:
    """What waits for the coach, and how long ago it last answered."""

    waiting: int  # counted up to a bound
    oldest_seconds: float | None  # since the first in line was taken in, or restored
    idle_seconds: float | None  # since the newest revision; None: there is none


def read_depth(connection: Connection, at_most: int | None = COUNTED_AT_MOST) -> QueueDepth:
    """Each state (of free items: each class) is counted up to `at_most`: more means at least so many."""
    item = QueueItemRow
    free = {
        name: count
        for name in ("", *(one.value for one in TaskClass))
        if (count := _count(connection, at_most, item.state == ItemState.FREE.value, item.task_class == name))
    }
    reserved, leased, sent = (
        _count(connection, at_most, item.state == state.value)
        for state in (ItemState.RESERVED, ItemState.LEASED, ItemState.SENT)
    )
    waiting = _count(connection, at_most, ReviewItemRow.state == ReviewState.WAITING.value)
    return QueueDepth(sum(free.values()), reserved, leased, waiting, free, sent)


def oldest_queued(connection: Connection) -> datetime | None:
    """Since when the oldest free item waits."""
    free = select(QueueItemRow.queued_at).where(QueueItemRow.state == ItemState.FREE.value)
    return connection.scalar(free.order_by(QueueItemRow.queued_at).limit(1))


def read_coach_depth(connection: Connection, now: datetime, at_most: int = COUNTED_AT_MOST) -> CoachDepth:
    """Pairs are revised in order of arrival."""
    accepted = arrived(PairRow.status, Status.ACCEPTED.value)
    first = select(PairRow.seq, PairRow.created_at).where(*accepted).order_by(*by_arrival(PairRow.status)).limit(1)
    found = connection.execute(first).one_or_none()
    oldest = None
    if found is not None:
        moves = select(EventRow.created_at).where(EventRow.pair == found.seq)
        oldest = connection.scalar(moves.order_by(EventRow.id.desc()).limit(1)) or found.created_at
    last = connection.scalar(select(RevisionRow.created_at).order_by(RevisionRow.id.desc()).limit(1))
    return CoachDepth(_count(connection, at_most, *accepted), seconds_since(oldest, now), seconds_since(last, now))


def seconds_since(moment: datetime | None, now: datetime) -> float | None:
    return None if moment is None else max(0.0, (now - moment).total_seconds())


def _count(connection: Connection, at_most: int | None, *where: ColumnElement[bool]) -> int:
    some = select(literal(1).label("one")).where(*where).limit(at_most).subquery()
    return connection.scalar(select(func.count()).select_from(some)) or 0
