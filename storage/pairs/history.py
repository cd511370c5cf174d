"""Everything that was ever said about one pair, in order of time."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select

from coachlm.errors import NotFoundError
from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome
from storage.pairs.edits import SAVED, pair_from_row
from storage.tables.desk import DraftRow, EventRow, PostEditRow, ReviewRow, RevisionRow
from storage.tables.pairs import PairRow, PersonRow


class EntryKind(StrEnum):
    """What an entry of the history is, in the order of entries of the same moment."""

    RAW = "raw"  # the pair as it came in
    REVISION = "revision"  # the coach's answer
    DRAFT = "draft"  # the last text saved under a lease
    REFUSED = "refused"  # the text of a submit that was refused
    POST_EDIT = "post_edit"
    REVIEW = "review"
    CHANGE = "change"  # of status, class or annotator


_ORDER = {kind: place for place, kind in enumerate(EntryKind)}


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One thing that was said: when, what kind, by whom; `text` where it brought one."""

    at: datetime
    kind: EntryKind
    who: str | None  # a person's name, or the engine's; None for intake
    text: InstructionPair | None
    detail: str = ""  # decision, outcome or change, with its comment
    adapter: str | None = None  # digest of the adapter that made a revision


def read_history(connection: Connection, pair_id: str) -> list[HistoryEntry]:
    """Raises: NotFoundError."""
    pair = connection.execute(select(PairRow.__table__).where(PairRow.id == pair_id)).one_or_none()
    if pair is None:
        raise NotFoundError(f"pair {pair_id!r} does not exist; take its id from an export")
    raw = pair_from_row(pair)
    entries = [HistoryEntry(pair.created_at, EntryKind.RAW, None, raw)]
    entries += [_revision(row, raw) for row in _rows(connection, RevisionRow, pair.seq)]
    entries += [_draft(row) for row in _rows_of_people(connection, DraftRow, pair.seq)]
    entries += [
        HistoryEntry(row.created_at, EntryKind.POST_EDIT, row.name, pair_from_row(row), row.comment)
        for row in _rows_of_people(connection, PostEditRow, pair.seq)
    ]
    entries += [_review(row) for row in _rows_of_people(connection, ReviewRow, pair.seq)]
    entries += [_change(row) for row in _rows_of_people(connection, EventRow, pair.seq)]
    return sorted(entries, key=lambda entry: (entry.at, _ORDER[entry.kind]))


def _rows(connection: Connection, entity: Any, seq: int) -> Any:
    return connection.execute(select(entity.__table__).where(entity.pair == seq).order_by(entity.id))


def _rows_of_people(connection: Connection, entity: Any, seq: int) -> Any:
    return connection.execute(
        select(entity.__table__, PersonRow.name)
        .join(PersonRow, PersonRow.id == entity.person, isouter=True)
        .where(entity.pair == seq)
        .order_by(entity.id)
    )


def _revision(row: Any, raw: InstructionPair) -> HistoryEntry:
    text = pair_from_row(row) if row.outcome == Outcome.REVISED else raw
    detail = row.outcome if row.reason is None else f"{row.outcome}: {row.reason}"
    return HistoryEntry(row.created_at, EntryKind.REVISION, row.engine, text, detail, row.adapter)


def _draft(row: Any) -> HistoryEntry:
    kind = EntryKind.DRAFT if row.slot == SAVED else EntryKind.REFUSED
    return HistoryEntry(row.created_at, kind, row.name, pair_from_row(row), row.comment)


def _review(row: Any) -> HistoryEntry:
    text = None if row.instruction is None else pair_from_row(row)
    detail = f"{row.decision}: {row.comment}" if row.comment else row.decision
    return HistoryEntry(row.created_at, EntryKind.REVIEW, row.name, text, detail)


def _change(row: Any) -> HistoryEntry:
    if row.from_status == row.to_status:
        return HistoryEntry(row.created_at, EntryKind.CHANGE, row.name, None, row.detail)
    change = f"{row.from_status} → {row.to_status}"
    return HistoryEntry(
        row.created_at, EntryKind.CHANGE, row.name, None, f"{change} ({row.detail})" if row.detail else change
    )
