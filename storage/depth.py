"""How much waits in the queue and for owners, at a cost that doesn't grow with the queue."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, literal, select

from coachlm.pairs import TaskClass
from storage.work import ItemState, QueueDepth, ReviewState
from storage.work_tables import QueueItemRow, ReviewItemRow

COUNTED_AT_MOST = 10_000


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


def _count(connection: Connection, at_most: int | None, *where: ColumnElement[bool]) -> int:
    some = select(literal(1).label("one")).where(*where).limit(at_most).subquery()
    return connection.scalar(select(func.count()).select_from(some)) or 0
