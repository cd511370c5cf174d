"""What owners have to look at: one row a pair while a post-edit or a question waits."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert

from coachlm.desk.work import Person, ReviewReason, ReviewState
from storage.pairs.states import PairState
from storage.tables.desk import ReviewItemRow

_INSERT = insert(ReviewItemRow)


def insert_review_item(
    connection: Connection,
    pair: PairState,
    state: ReviewState,
    reason: ReviewReason,
    annotator: Person,
    now: datetime,
    *,
    comment: str = "",
) -> None:
    item = {
        "pair": pair.seq,
        "state": state.value,
        "task_class": pair.task_class or "",
        "reason": reason.value,
        "annotator": annotator.id,
        "comment": comment,
        "since": now,
    }
    connection.execute(_INSERT, item)


def delete_review_item(connection: Connection, seq: int) -> str | None:
    """The state that it was in, if there was one."""
    gone = delete(ReviewItemRow).where(ReviewItemRow.pair == seq).returning(ReviewItemRow.state)
    return connection.scalar(gone)
