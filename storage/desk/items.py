"""Items as people see them: everything about a pair that the work on it needs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, exists, func, select

from coachlm.desk.efficiency import Arm
from coachlm.desk.post_edit import Decision
from coachlm.desk.work import Person, WorkItem
from coachlm.pairs import InstructionPair, TaskClass
from coachlm.revision import Revision
from coachlm.status import Status
from storage.engine.bulk import is_among
from storage.pairs.edits import last_edit_row, latest_draft, pair_from_row, post_edit_from_row
from storage.pairs.revisions import revision_from_row
from storage.tables.desk import DraftRow, LeaseRow, QueueItemRow, ReviewRow, RevisionRow
from storage.tables.pairs import PairRow

_PAIR = (
    PairRow.seq,
    PairRow.id.label("pair_id"),
    PairRow.version,
    PairRow.status,
    PairRow.instruction,
    PairRow.input,
    PairRow.response,
    PairRow.task_class,
    PairRow.corrected_class,
)
_HAS_DRAFT = exists().where(DraftRow.pair == LeaseRow.pair, DraftRow.person == LeaseRow.person).label("has_draft")
_ITEMS = (
    select(
        *_PAIR,
        LeaseRow.token,
        LeaseRow.expires_at,
        LeaseRow.person,
        LeaseRow.arm,
        QueueItemRow.reserved_for,
        _HAS_DRAFT,
    )
    .join(PairRow, PairRow.seq == LeaseRow.pair)
    .join(QueueItemRow, QueueItemRow.pair == LeaseRow.pair)
)
_BY_TOKEN = _ITEMS.where(LeaseRow.token == bindparam("under"))
_OF_PERSON = _ITEMS.where(
    LeaseRow.person == bindparam("who"), LeaseRow.ended_at.is_(None), LeaseRow.expires_at > bindparam("now")
).order_by(LeaseRow.id)
_LAST_REVISION = (
    select(RevisionRow.__table__)
    .where(RevisionRow.pair == bindparam("of_pair"))
    .order_by(RevisionRow.id.desc())
    .limit(1)
)


def read_item(connection: Connection, token: str) -> WorkItem:
    """The item that was just handed out under this token."""
    return _work_item(connection, connection.execute(_BY_TOKEN, {"under": token}).one())


def read_held(connection: Connection, person: Person, now: datetime) -> list[WorkItem]:
    """What the person has in hands, first claimed first."""
    rows = connection.execute(_OF_PERSON, {"who": person.id, "now": now}).all()
    return [_work_item(connection, row) for row in rows]


def class_column() -> ColumnElement[str | None]:
    """A pair's class: as a person corrected it, else as predicted."""
    return func.coalesce(PairRow.corrected_class, PairRow.task_class)


def _work_item(connection: Connection, row: Any) -> WorkItem:
    raw, status = pair_from_row(row), Status(row.status)
    last_edit = last_edit_row(connection, row.seq) if status is Status.RETURNED else None
    arm = Arm(row.arm)
    return WorkItem(
        pair_id=row.pair_id,
        token=row.token,
        version=row.version,
        expires_at=row.expires_at,
        status=status,
        raw=raw,
        revision=None if arm is Arm.CONTROL else _last_revision(connection, row, raw),
        task_class=_task_class(row),
        draft=latest_draft(connection, row.seq, row.person) if row.has_draft else None,
        last_edit=None if last_edit is None else post_edit_from_row(last_edit, row.pair_id),
        owner_comment="" if row.reserved_for is None else _owner_comment(connection, row.seq),
        arm=arm,
    )


def _latest(connection: Connection, entity: Any, pairs: Sequence[int]) -> Sequence[Any]:
    """The last row of each pair that has one."""
    last = select(func.max(entity.id)).where(is_among(connection, entity.pair.expression, pairs)).group_by(entity.pair)
    return connection.execute(select(entity.__table__).where(entity.id.in_(last))).all()


def _last_revision(connection: Connection, pair: Any, raw: InstructionPair) -> Revision | None:
    row = connection.execute(_LAST_REVISION, {"of_pair": pair.seq}).one_or_none()
    return None if row is None else revision_from_row(row, pair.pair_id, raw)


def _owner_comment(connection: Connection, seq: int) -> str:
    returned = (ReviewRow.pair == seq, ReviewRow.decision == Decision.RETURN.value)
    latest = select(ReviewRow.comment).where(*returned).order_by(ReviewRow.id.desc()).limit(1)
    return connection.scalar(latest) or ""


def _task_class(row: Any) -> TaskClass | None:
    name = row.corrected_class or row.task_class
    return None if name is None else TaskClass(name)
