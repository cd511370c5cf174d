"""Counts everything anew from the history: what the rollups must be, and how they are rebuilt."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple, TypeVar, TypeVarTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    Executable,
    Select,
    delete,
    exists,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.orm import aliased

from coachlm.desk.post_edit import Decision
from coachlm.desk.work import Ending
from coachlm.status import Status
from storage.desk.approvals import NOT_SAMPLED
from storage.desk.submitting import counted_of
from storage.engine.database import Database
from storage.engine.results import each_row
from storage.pairs.edits import is_reopened, is_withdrawn
from storage.pairs.rollups import (
    STAGE_COUNTS,
    STAGE_KEY,
    WORK_COUNTS,
    WORK_KEY,
    CountKey,
    Stage,
    StageKey,
    WorkKey,
    hour_of,
    revised_event,
    summed,
)
from storage.review.deciding import review_counts
from storage.review.desk import RESTORED
from storage.tables.desk import EventRow, LeaseRow, PostEditRow, ReviewRow, RevisionRow, WithdrawalRow
from storage.tables.pairs import Base, PairRow
from storage.tables.rollups import StageRollupRow, WorkRollupRow
from storage.tables.rows import StoredLease, StoredRevision

R = TypeVar("R", bound=NamedTuple)
Columns = TypeVarTuple("Columns")
_ROWS = 5000  # read at a time
_COUNTED_ENDINGS = tuple(one.value for one in (Ending.RELEASED, Ending.SKIPPED, Ending.EXCLUDED, Ending.SENT))
_STAGE_OF = {Status.ACCEPTED: Stage.ACCEPTED, Status.EXCLUDED: Stage.EXCLUDED, Status.DUPLICATE: Stage.DUPLICATE}


class _CountedEdit(NamedTuple):
    active_seconds: float
    is_untouched: bool
    raw_distance: int | None
    revision_distance: int | None
    review_reason: str | None
    at: datetime
    person: int
    unit: str
    task_class: str
    engine: str
    adapter: str
    arm: str


class _CountedReview(NamedTuple):
    decision: str
    distance: int | None
    at: datetime
    person: int
    unit: str
    task_class: str
    engine: str
    adapter: str
    arm: str


class _Counted(NamedTuple):
    at: datetime
    person: int
    unit: str
    task_class: str
    engine: str
    adapter: str
    arm: str


def rebuild_rollups(database: Database) -> int:
    """Replaces all rollups by a recount; gives how many rows these are. Work goes on: what is counted meanwhile waits
    for the end and is added then.
    """
    with database.writing(durable=True) as connection:
        if not database.is_sqlite:  # there a writer is alone anyway
            connection.execute(text("LOCK TABLE work_rollups, stage_rollups IN EXCLUSIVE MODE"))
        work = _replace(connection, WorkRollupRow, WORK_KEY, WORK_COUNTS, _work_events(connection))
        return work + _replace(connection, StageRollupRow, STAGE_KEY, STAGE_COUNTS, _stage_events(connection))


def _replace(
    connection: Connection,
    entity: type[Base],
    key_names: tuple[str, ...],
    count_names: tuple[str, ...],
    events: Iterable[tuple[CountKey, Mapping[str, int]]],
) -> int:
    rows = [
        {**dict.fromkeys(count_names, 0), **dict(zip(key_names, key, strict=True)), **counts}
        for key, counts in sorted(summed(events).items())
    ]
    connection.execute(delete(entity))
    if rows:
        connection.execute(insert(entity), rows)
    return len(rows)


def _work_events(connection: Connection) -> Iterator[tuple[WorkKey, dict[str, int]]]:
    for lease in _rows(StoredLease, connection, select(LeaseRow.__table__)):
        if lease.continues is None:
            yield WorkKey.of(lease, lease.claimed_at), {"claimed": 1}
        if lease.ending in _COUNTED_ENDINGS and lease.ended_at is not None:
            yield WorkKey.of(lease, lease.ended_at), {lease.ending: 1}
    counted = (
        PostEditRow.active_seconds,
        PostEditRow.is_untouched,
        PostEditRow.raw_distance,
        PostEditRow.revision_distance,
        PostEditRow.review_reason,
        PostEditRow.created_at.label("at"),
        *_key_columns(),
    )
    under_lease = select(*counted).join(LeaseRow, LeaseRow.id == PostEditRow.lease)
    for edit in _rows(_CountedEdit, connection, under_lease.where(~is_withdrawn())):
        yield WorkKey.of(edit, edit.at), counted_of(edit).counts()
    withdrawn = select(WithdrawalRow.created_at.label("at"), *_key_columns())
    withdrawn = withdrawn.join(PostEditRow, PostEditRow.id == WithdrawalRow.post_edit)
    for row in _rows(_Counted, connection, withdrawn.join(LeaseRow, LeaseRow.id == PostEditRow.lease)):
        yield WorkKey.of(row, row.at), {"withdrawn": 1}
    reviewed = select(ReviewRow.decision, ReviewRow.distance, ReviewRow.created_at.label("at"), *_key_columns())
    reviewed = reviewed.join(PostEditRow, PostEditRow.id == ReviewRow.post_edit)
    standing = reviewed.join(LeaseRow, LeaseRow.id == PostEditRow.lease).where(~is_reopened())
    for row in _rows(_CountedReview, connection, standing):
        yield WorkKey.of(row, row.at), review_counts(Decision(row.decision), row.distance)
    yield from _unsampled(connection)


def _unsampled(connection: Connection) -> Iterator[tuple[WorkKey, dict[str, int]]]:
    last = select(PostEditRow.pair, func.max(PostEditRow.id).label("edit")).where(~is_withdrawn())
    last_edits = last.group_by(PostEditRow.pair).subquery()
    approved = (
        select(EventRow.created_at.label("at"), *_key_columns())
        .join(last_edits, last_edits.c.pair == EventRow.pair)
        .join(PostEditRow, PostEditRow.id == last_edits.c.edit)
        .join(LeaseRow, LeaseRow.id == PostEditRow.lease)
        .where(EventRow.to_status == Status.APPROVED.value, EventRow.person.is_(None), EventRow.detail == NOT_SAMPLED)
        .where(~_is_left(Status.APPROVED))
    )
    for row in _rows(_Counted, connection, approved):
        yield WorkKey.of(row, row.at), {"approved": 1}


def _stage_events(connection: Connection) -> Iterator[tuple[StageKey, dict[str, int]]]:
    first = select(EventRow.pair, func.min(EventRow.id).label("event")).group_by(EventRow.pair).subquery()
    restores = select(EventRow.pair, func.min(EventRow.id).label("event")).where(
        EventRow.from_status == Status.EXCLUDED.value, EventRow.to_status == Status.ACCEPTED.value
    )
    restored = restores.group_by(EventRow.pair).subquery()
    details = dict(
        connection.execute(select(EventRow.pair, EventRow.detail).join(restored, restored.c.event == EventRow.id)).all()
    )
    pairs = (
        select(PairRow.seq, PairRow.status, PairRow.exclude_reason, PairRow.created_at, EventRow.from_status)
        .join(first, first.c.pair == PairRow.seq, isouter=True)
        .join(EventRow, EventRow.id == first.c.event, isouter=True)
    )
    for seq, status, exclude_reason, created_at, from_status in _streamed(connection, pairs):
        stage = _STAGE_OF[Status(from_status or status)]
        restored_from = details.get(seq, "").removeprefix(RESTORED)
        reason = (restored_from or exclude_reason or "") if stage is Stage.EXCLUDED else ""
        yield StageKey(hour_of(created_at), stage.value, reason), {"pairs": 1}
    for revision in _rows(StoredRevision, connection, select(RevisionRow.__table__)):
        yield revised_event(revision, revision.created_at)
    excluded = select(EventRow.detail, EventRow.created_at).where(
        EventRow.to_status == Status.EXCLUDED.value,
        EventRow.from_status != Status.EXCLUDED.value,
        ~_is_taken_back(),
    )
    for detail, created_at in _streamed(connection, excluded):
        reason = detail.partition(":")[0]
        yield StageKey(hour_of(created_at), Stage.SET_ASIDE.value, reason), {"pairs": 1}


_later = aliased(EventRow)


def _is_left(status: Status) -> ColumnElement[bool]:
    """Of a row of `EventRow`: the pair went on from there."""
    gone = (_later.from_status == status.value, _later.to_status != status.value)
    return exists().where(_later.pair == EventRow.pair, _later.id > EventRow.id, *gone)


def _is_taken_back() -> ColumnElement[bool]:
    """Of an exclusion: the pair went on to where it was, and not to the coach."""
    between = aliased(EventRow)
    gone = (between.from_status == Status.EXCLUDED.value, between.to_status != Status.EXCLUDED.value)
    following = select(func.min(between.id)).where(between.pair == EventRow.pair, between.id > EventRow.id, *gone)
    return exists().where(_later.id == following.scalar_subquery(), _later.to_status != Status.ACCEPTED.value)


def _key_columns() -> tuple[ColumnElement[object], ...]:
    return tuple(LeaseRow.__table__.c[name] for name in WORK_KEY[1:])


def _rows(kind: type[R], connection: Connection, statement: Executable) -> Iterator[R]:
    """In flat memory."""
    return each_row(kind, connection.execute(statement, execution_options={"yield_per": _ROWS}))


def _streamed(connection: Connection, statement: Select[*Columns]) -> CursorResult[*Columns]:
    """As `_rows`."""
    return connection.execute(statement, execution_options={"yield_per": _ROWS})
