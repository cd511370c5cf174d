"""Items that wait for one annotator: who may get one back, and when a reservation ends."""

from sqlalchemy import ColumnElement, Connection, case, exists, or_, select, update

from coachlm.desk.work import ItemState
from coachlm.pairs import TaskClass
from storage.tables.desk import QueueItemRow
from storage.tables.pairs import PersonRow


def heir_of(connection: Connection, person: int, task_class: TaskClass | None) -> int | None:
    """The person, unless they have left or the class is another unit's: then anybody of the unit gets the item."""
    wanted = (PersonRow.id == person, PersonRow.is_active.is_(True))
    if task_class is not None:
        wanted += (or_(PersonRow.unit.is_(None), PersonRow.unit == task_class.value),)
    return connection.scalar(select(PersonRow.id).where(*wanted))


def end_reservations(connection: Connection, *, person: int | None = None, pair: int | None = None) -> None:
    """Of a person who has left, all; else those whose item is another unit's than the annotator's."""
    elsewhere = exists().where(
        PersonRow.id == QueueItemRow.reserved_for,
        or_(
            PersonRow.is_active.is_(False),
            PersonRow.unit.is_not(None) & (QueueItemRow.task_class != "") & (PersonRow.unit != QueueItemRow.task_class),
        ),
    )
    chosen: list[ColumnElement[bool]] = [elsewhere]
    if person is not None:
        chosen.append(QueueItemRow.reserved_for == person)
    if pair is not None:
        chosen.append(QueueItemRow.pair == pair)
    state = case((QueueItemRow.state == ItemState.RESERVED.value, ItemState.FREE.value), else_=QueueItemRow.state)
    connection.execute(update(QueueItemRow).where(*chosen).values(reserved_for=None, state=state))
