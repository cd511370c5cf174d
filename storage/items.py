"""Items as people see them: everything about a pair that the work on it needs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, exists, func, literal, select

from coachlm.efficiency import Arm
from coachlm.pairs import InstructionPair, TaskClass
from coachlm.post_edit import Decision
from coachlm.revision import Revision
from coachlm.status import Status
from storage.bulk import is_among
from storage.edits import last_edit_row, last_edit_rows, latest_draft, pair_from_row, post_edit_from_row
from storage.review_drafts import read_review_drafts
from storage.revisions import revision_from_row
from storage.tables import PairRow, PersonRow
from storage.withheld import is_withheld
from storage.work import Person, ReviewDraft, ReviewItem, ReviewReason, ReviewState, WorkItem
from storage.work_tables import DraftRow, LeaseRow, QueueItemRow, ReviewItemRow, ReviewRow, RevisionRow

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


def read_review_items(
    connection: Connection, owner: Person, classes: Sequence[str] | None, limit: int
) -> list[ReviewItem]:
    """What waits for this owner, of these classes (None: of all), oldest first; with her own drafts."""
    item = ReviewItemRow
    columns = (*_PAIR, item.state, item.reason, item.comment, item.since, PersonRow.name)
    found: list[Any] = []
    for state in (ReviewState.WAITING, ReviewState.SENT):
        for task_class in (None,) if classes is None else classes:
            found += connection.execute(
                select(*columns)
                .join(PairRow, PairRow.seq == item.pair)
                .join(PersonRow, PersonRow.id == item.annotator, isouter=True)
                .where(*_waiting_for(owner, state, task_class))
                .order_by(item.since)
                .limit(limit)
            ).all()
    found.sort(key=lambda row: (row.since, row.seq))
    rows = found[:limit]
    pairs = [row.seq for row in rows]
    revisions = {row.pair: row for row in _latest(connection, RevisionRow, pairs)}
    edits = {row.pair: row for row in last_edit_rows(connection, [row.seq for row in rows if not _is_question(row)])}
    drafts = read_review_drafts(connection, owner, {row.seq: row.version for row in rows})
    return [_review_item(row, revisions.get(row.seq), edits.get(row.seq), drafts.get(row.seq)) for row in rows]


def count_review_items(connection: Connection, owner: Person, classes: Sequence[str] | None, at_most: int) -> int:
    """How much waits for this owner, of these classes (None: of all); counted up to `at_most`."""
    total = 0
    for state in (ReviewState.WAITING, ReviewState.SENT):
        for task_class in (None,) if classes is None else classes:
            waiting = _waiting_for(owner, state, task_class)
            some = select(literal(1).label("one")).where(*waiting).limit(at_most).subquery()
            total += connection.scalar(select(func.count()).select_from(some)) or 0
    return min(total, at_most)


def _waiting_for(owner: Person, state: ReviewState, task_class: str | None) -> list[ColumnElement[bool]]:
    item = ReviewItemRow
    chosen = [item.state == state.value]
    if task_class is not None:
        chosen.append(item.task_class == task_class)
    if owner.is_rater:
        chosen.append(~is_withheld(item.pair, owner.id))
    return chosen


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


def _review_item(row: Any, revision: Any | None, edit: Any | None, draft: ReviewDraft | None) -> ReviewItem:
    raw = pair_from_row(row)
    return ReviewItem(
        pair_id=row.pair_id,
        version=row.version,
        raw=raw,
        revision=None if revision is None else revision_from_row(revision, row.pair_id, raw),
        post_edit=None if edit is None else post_edit_from_row(edit, row.pair_id),
        task_class=_task_class(row),
        reason=ReviewReason(row.reason),
        arm=Arm.COACH if edit is None else Arm(edit.arm),
        annotator=row.name,
        comment=row.comment,
        since=row.since,
        draft=draft,
    )


def _is_question(row: Any) -> bool:
    return row.state == ReviewState.SENT


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
