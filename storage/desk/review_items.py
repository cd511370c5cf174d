"""What owners have to look at: one row a pair while a post-edit or a question waits."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from coachlm.desk.work import Person, ReviewReason, ReviewState
from coachlm.errors import LeaseError
from storage.pairs.states import PairState
from storage.tables.desk import ReviewItemRow
from storage.tables.pairs import PersonRow

_INSERT = insert(ReviewItemRow)


def insert_review_item(
    connection: Connection,
    pair: PairState,
    state: ReviewState,
    reason: ReviewReason,
    annotator: int,
    now: datetime,
    *,
    comment: str = "",
    since: datetime | None = None,
    reserved_by: int | None = None,
    reserved_until: datetime | None = None,
) -> None:
    item = {
        "pair": pair.seq,
        "state": state.value,
        "task_class": pair.task_class or "",
        "reason": reason.value,
        "annotator": annotator,
        "comment": comment,
        "since": since or now,
        "reserved_by": reserved_by,
        "reserved_until": reserved_until,
    }
    connection.execute(_INSERT, item)


def delete_review_item(connection: Connection, seq: int) -> str | None:
    """The state that it was in, if there was one."""
    gone = delete(ReviewItemRow).where(ReviewItemRow.pair == seq).returning(ReviewItemRow.state)
    return connection.scalar(gone)


def check_reserved(connection: Connection, pair: PairState, owner: Person, now: datetime) -> None:
    """Raises: LeaseError, while another owner has the pair in hands."""
    others = (ReviewItemRow.pair == pair.seq, ReviewItemRow.reserved_by != owner.id, ReviewItemRow.reserved_until > now)
    held = select(PersonRow.name).join(ReviewItemRow, ReviewItemRow.reserved_by == PersonRow.id).where(*others)
    name = connection.scalar(held)
    if name is not None:
        raise LeaseError(f"{name!r} is reviewing pair {pair.pair_id}; go on with the next one")
