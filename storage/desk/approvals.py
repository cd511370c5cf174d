"""Post-edits that no owner looks at become approved by themselves once they can't be taken back any more."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from coachlm.desk.work import ReviewState
from coachlm.status import Status, check_transition
from storage.engine.bulk import is_among
from storage.engine.database import Database
from storage.engine.results import all_rows
from storage.pairs.edits import is_withdrawn
from storage.pairs.rollups import WorkKey, count_work
from storage.tables.desk import EventRow, LeaseRow, PostEditRow, ReviewItemRow
from storage.tables.pairs import PairRow
from storage.tables.rows import StoredLease

NOT_SAMPLED = "not sampled for review"  # in the history, and how a recount finds these approvals


def approve_unsampled(database: Database, now: datetime, undo_seconds: int, limit: int) -> int:
    """At most so many, oldest first; gives how many. Any number of processes may do it at once."""
    due = (
        ReviewItemRow.state == ReviewState.PASSING.value,
        ReviewItemRow.since < now - timedelta(seconds=undo_seconds),
    )
    with database.reading() as connection:
        oldest = select(ReviewItemRow.pair).where(*due).order_by(ReviewItemRow.since).limit(limit)
        pairs = connection.scalars(oldest).all()
    if not pairs:
        return 0
    with database.writing() as connection:
        return _approve(connection, pairs, now)


def _approve(connection: Connection, pairs: Sequence[int], now: datetime) -> int:
    chosen = is_among(connection, PairRow.seq.expression, pairs)
    free = select(PairRow.seq, PairRow.id).where(chosen, PairRow.status == Status.POST_EDITED.value)
    locking = free.order_by(PairRow.seq).with_for_update(key_share=True, skip_locked=True)
    locked = dict(connection.execute(locking).all())
    # Asked again now that the pairs are locked: an owner may have acted, or the annotator submitted anew.
    passing = connection.scalars(
        delete(ReviewItemRow)
        .where(
            is_among(connection, ReviewItemRow.pair.expression, list(locked)),
            ReviewItemRow.state == ReviewState.PASSING.value,
        )
        .returning(ReviewItemRow.pair)
    ).all()
    if not passing:
        return 0
    for pair_id in locked.values():
        check_transition(pair_id, Status.POST_EDITED, Status.APPROVED)
    connection.execute(
        update(PairRow)
        .where(is_among(connection, PairRow.seq.expression, passing))
        .values(status=Status.APPROVED.value, version=PairRow.version + 1)
    )
    connection.execute(insert(EventRow), [_event(seq, now) for seq in sorted(passing)])
    leases = last_leases(connection, passing)
    count_work(connection, *[(WorkKey.of(lease, now), {"approved": 1}) for lease in leases])
    return len(passing)


def last_leases(connection: Connection, pairs: Sequence[int]) -> list[StoredLease]:
    """The lease under which the last post-edit of each pair was written, where there is one."""
    last = (
        select(func.max(PostEditRow.id))
        .where(is_among(connection, PostEditRow.pair.expression, pairs), ~is_withdrawn())
        .group_by(PostEditRow.pair)
    )
    leases = select(LeaseRow.__table__).join(PostEditRow, PostEditRow.lease == LeaseRow.id)
    return all_rows(StoredLease, connection.execute(leases.where(PostEditRow.id.in_(last))))


def _event(seq: int, now: datetime) -> dict[str, object]:
    return {
        "pair": seq,
        "person": None,
        "from_status": Status.POST_EDITED.value,
        "to_status": Status.APPROVED.value,
        "detail": NOT_SAMPLED,
        "created_at": now,
    }
