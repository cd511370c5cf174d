"""The one place where a pair's status changes: checked against the transition table, guarded by its version, logged."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from coachlm.errors import NotFoundError, StaleError
from coachlm.pairs import TaskClass
from coachlm.status import Status, check_transition
from storage.engine.results import columns_of, one_row
from storage.tables.desk import EventRow
from storage.tables.pairs import PairRow
from storage.tables.rows import class_from_row


class _LockedPair(NamedTuple):
    seq: int
    id: str
    status: str
    version: int
    task_class: str | None
    corrected_class: str | None


# A claim's lease refers to this row and must not wait for us.
_LOCK = select(*columns_of(PairRow, _LockedPair)).with_for_update(key_share=True)
_LOCK_BY_ID = _LOCK.where(PairRow.id == bindparam("wanted"))
_LOCK_BY_SEQ = _LOCK.where(PairRow.seq == bindparam("wanted"))
_INSERT_EVENT = insert(EventRow)
ASKED = "sent to the owner: "  # in the history, before the annotator's question


@dataclass(frozen=True, slots=True)
class PairState:
    """What decides about a pair's next step."""

    seq: int
    pair_id: str
    status: Status
    version: int
    task_class: TaskClass | None  # as a person corrected it, else as predicted


def lock_pair(connection: Connection, pair_id: str | int, version: int | None = None) -> PairState:
    """The state of the pair with this id (or number); nobody else changes it until the transaction ends.

    Raises: NotFoundError; StaleError, when its version is not the one given.
    """
    locking = _LOCK_BY_ID if isinstance(pair_id, str) else _LOCK_BY_SEQ
    row = one_row(_LockedPair, connection.execute(locking, {"wanted": pair_id}))
    if row is None:
        raise NotFoundError(f"pair {pair_id!r} does not exist; take its id from `coachlm queue` or an export")
    if version is not None and version != row.version:
        raise StaleError(f"pair {pair_id} changed meanwhile (version {row.version}, not {version}); load it again")
    return PairState(row.seq, row.id, Status(row.status), row.version, class_from_row(row))


def change_status(
    connection: Connection,
    pair: PairState,
    wanted: Status,
    now: datetime,
    *,
    person: int | None = None,
    detail: str = "",
    **columns: object,
) -> int:
    """Move a locked pair on, with further columns of its row; gives its new version.

    Raises: TransitionError, when the table of transitions has no such step.
    """
    check_transition(pair.pair_id, pair.status, wanted)
    version = pair.version + 1
    connection.execute(
        update(PairRow).where(PairRow.seq == pair.seq).values(status=wanted.value, version=version, **columns)
    )
    event = {
        "pair": pair.seq,
        "person": person,
        "from_status": pair.status.value,
        "to_status": wanted.value,
        "detail": detail,
        "created_at": now,
    }
    connection.execute(_INSERT_EVENT, event)
    return version


def note(connection: Connection, pair: PairState, now: datetime, person: int, detail: str, **columns: object) -> int:
    """A change of a locked pair that leaves its status, for the history; gives its new version."""
    version = pair.version + 1
    connection.execute(update(PairRow).where(PairRow.seq == pair.seq).values(version=version, **columns))
    status = pair.status.value
    connection.execute(
        insert(EventRow).values(
            pair=pair.seq, person=person, from_status=status, to_status=status, detail=detail, created_at=now
        )
    )
    return version


class Move(NamedTuple):
    """A change of status, as the history has it."""

    person: int | None
    from_status: str
    detail: str
    created_at: datetime


def last_move(connection: Connection, seq: int, to: Status | None = None) -> Move | None:
    """The last one of the pair; `to`: of those that led there."""
    moves = [EventRow.pair == seq, EventRow.from_status != EventRow.to_status]
    if to is not None:
        moves.append(EventRow.to_status == to.value)
    last = select(*columns_of(EventRow, Move)).where(*moves).order_by(EventRow.id.desc()).limit(1)
    return one_row(Move, connection.execute(last))


class Question(NamedTuple):
    """What an annotator asked the owner of a pair."""

    person: int | None
    text: str
    at: datetime


def find_question(connection: Connection, seq: int) -> Question | None:
    """The last one."""
    notes = (EventRow.pair == seq, EventRow.from_status == EventRow.to_status)
    said = select(EventRow.person, EventRow.detail, EventRow.created_at).where(*notes).order_by(EventRow.id.desc())
    for person, detail, at in connection.execute(said):
        if detail.startswith(ASKED):
            return Question(person, detail.removeprefix(ASKED), at)
    return None


def last_question(connection: Connection, seq: int) -> str:
    found = find_question(connection, seq)
    return "" if found is None else found.text
