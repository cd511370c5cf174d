"""Counts everything anew from the history: what the rollups must be, and how they are rebuilt."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, text

from coachlm.desk.post_edit import Decision
from coachlm.desk.work import Ending
from coachlm.status import Status
from storage.desk.approvals import NOT_SAMPLED
from storage.desk.submitting import counted_of
from storage.engine.database import Database
from storage.pairs.edits import is_withdrawn
from storage.pairs.rollups import (
    STAGE_COUNTS,
    STAGE_KEY,
    WORK_COUNTS,
    WORK_KEY,
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
from storage.tables.pairs import PairRow
from storage.tables.rollups import StageRollupRow, WorkRollupRow

_ROWS = 5000  # read at a time
_COUNTED_ENDINGS = (Ending.RELEASED, Ending.SKIPPED, Ending.EXCLUDED, Ending.SENT)
_STAGE_OF = {Status.ACCEPTED: Stage.ACCEPTED, Status.EXCLUDED: Stage.EXCLUDED, Status.DUPLICATE: Stage.DUPLICATE}


def rebuild_rollups(database: Database) -> int:
    """Replaces all rollups by a recount; gives how many rows these are. Work goes on: what is counted meanwhile waits
    for the end and is added then.
    """
    with database.writing(durable=True) as connection:
        if not database.is_sqlite:  # there a writer is alone anyway
            connection.execute(text("LOCK TABLE work_rollups, stage_rollups IN EXCLUSIVE MODE"))
        tables = (
            (WorkRollupRow, WORK_KEY, WORK_COUNTS, _work_events(connection)),
            (StageRollupRow, STAGE_KEY, STAGE_COUNTS, _stage_events(connection)),
        )
        total = 0
        for entity, key_names, count_names, events in tables:
            rows = [
                {**dict.fromkeys(count_names, 0), **dict(zip(key_names, key, strict=True)), **counts}
                for key, counts in sorted(summed(events).items())
            ]
            connection.execute(delete(entity))
            if rows:
                connection.execute(insert(entity), rows)
            total += len(rows)
        return total


def _work_events(connection: Connection) -> Iterator[tuple[WorkKey, dict[str, int]]]:
    for lease in _rows(connection, select(LeaseRow.__table__)):
        if lease.continues is None:
            yield WorkKey.of(lease, lease.claimed_at), {"claimed": 1}
        if lease.ending in _COUNTED_ENDINGS:
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
    for edit in _rows(connection, under_lease.where(~is_withdrawn())):
        yield WorkKey.of(edit, edit.at), counted_of(edit).counts()
    withdrawn = select(WithdrawalRow.created_at.label("at"), *_key_columns())
    withdrawn = withdrawn.join(PostEditRow, PostEditRow.id == WithdrawalRow.post_edit)
    for row in _rows(connection, withdrawn.join(LeaseRow, LeaseRow.id == PostEditRow.lease)):
        yield WorkKey.of(row, row.at), {"withdrawn": 1}
    reviewed = select(ReviewRow.decision, ReviewRow.distance, ReviewRow.created_at.label("at"), *_key_columns())
    reviewed = reviewed.join(PostEditRow, PostEditRow.id == ReviewRow.post_edit)
    for row in _rows(connection, reviewed.join(LeaseRow, LeaseRow.id == PostEditRow.lease)):
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
    )
    for row in _rows(connection, approved):
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
    for pair in _rows(connection, pairs):
        stage = _STAGE_OF[Status(pair.from_status or pair.status)]
        restored_from = details.get(pair.seq, "").removeprefix(RESTORED)
        reason = (restored_from or pair.exclude_reason or "") if stage is Stage.EXCLUDED else ""
        yield StageKey(hour_of(pair.created_at), stage.value, reason), {"pairs": 1}
    for revision in _rows(connection, select(RevisionRow.__table__)):
        yield revised_event(revision, revision.created_at)
    excluded = select(EventRow.detail, EventRow.created_at).where(
        EventRow.to_status == Status.EXCLUDED.value, EventRow.from_status != Status.EXCLUDED.value
    )
    for event in _rows(connection, excluded):
        reason = event.detail.partition(":")[0]
        yield StageKey(hour_of(event.created_at), Stage.SET_ASIDE.value, reason), {"pairs": 1}


def _key_columns() -> tuple[Any, ...]:
    return (
        LeaseRow.person,
        LeaseRow.unit,
        LeaseRow.task_class,
        LeaseRow.engine,
        LeaseRow.adapter,
        LeaseRow.arm,
    )


def _rows(connection: Connection, statement: Any) -> Iterator[Any]:
    """In flat memory."""
    yield from connection.execute(statement, execution_options={"yield_per": _ROWS})
