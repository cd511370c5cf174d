"""Items as people see them: everything about a pair that the work on it needs."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from coachlm.pairs import InstructionPair, TaskClass
from coachlm.post_edit import Decision
from coachlm.revision import Revision
from coachlm.status import Status
from storage.edits import last_post_edit, latest_draft, pair_from_row
from storage.revisions import revision_from_row
from storage.tables import PairRow
from storage.work import ReviewItem, WorkItem
from storage.work_tables import LeaseRow, ReviewRow, RevisionRow

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


def read_items(connection: Connection, *leases: ColumnElement[bool]) -> list[WorkItem]:
    """The items under the chosen leases, first claimed first."""
    rows = connection.execute(
        select(*_PAIR, LeaseRow.token, LeaseRow.expires_at, LeaseRow.person)
        .join(PairRow, PairRow.seq == LeaseRow.pair)
        .where(*leases)
        .order_by(LeaseRow.id)
    ).all()
    return [_work_item(connection, row) for row in rows]


def read_review_items(connection: Connection, task_class: TaskClass | None, limit: int) -> list[ReviewItem]:
    """Post-edited pairs, oldest first."""
    chosen = [PairRow.status == Status.POST_EDITED.value]
    if task_class is not None:
        chosen.append(class_column() == task_class.value)
    rows = connection.execute(select(*_PAIR).where(*chosen).order_by(PairRow.seq).limit(limit)).all()
    return [item for row in rows if (item := _review_item(connection, row)) is not None]


def class_column() -> ColumnElement[str | None]:
    """A pair's class: as a person corrected it, else as predicted."""
    return func.coalesce(PairRow.corrected_class, PairRow.task_class)


def _work_item(connection: Connection, row: Any) -> WorkItem:
    raw, status = pair_from_row(row), Status(row.status)
    is_returned = status is Status.RETURNED
    return WorkItem(
        pair_id=row.pair_id,
        token=row.token,
        version=row.version,
        expires_at=row.expires_at,
        status=status,
        raw=raw,
        revision=_last_revision(connection, row, raw),
        task_class=_task_class(row),
        draft=latest_draft(connection, row.seq, row.person),
        last_edit=last_post_edit(connection, row.seq, row.pair_id) if is_returned else None,
        owner_comment=_owner_comment(connection, row.seq) if is_returned else "",
    )


def _review_item(connection: Connection, row: Any) -> ReviewItem | None:
    edit = last_post_edit(connection, row.seq, row.pair_id)
    if edit is None:
        return None
    raw = pair_from_row(row)
    revision = _last_revision(connection, row, raw)
    return ReviewItem(row.pair_id, row.version, raw, revision, edit, _task_class(row))


def _last_revision(connection: Connection, pair: Any, raw: InstructionPair) -> Revision | None:
    row = connection.execute(
        select(RevisionRow.__table__).where(RevisionRow.pair == pair.seq).order_by(RevisionRow.id.desc()).limit(1)
    ).one_or_none()
    return None if row is None else revision_from_row(row, pair.pair_id, raw)


def _owner_comment(connection: Connection, seq: int) -> str:
    returned = (ReviewRow.pair == seq, ReviewRow.decision == Decision.RETURN.value)
    latest = select(ReviewRow.comment).where(*returned).order_by(ReviewRow.id.desc()).limit(1)
    return connection.scalar(latest) or ""


def _task_class(row: Any) -> TaskClass | None:
    name = row.corrected_class or row.task_class
    return None if name is None else TaskClass(name)
