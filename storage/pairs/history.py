"""Everything that was ever said about one pair, in order of time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVarTuple

from sqlalchemy import Connection, CursorResult, Select, select

from coachlm.errors import NotFoundError
from coachlm.pairs import InstructionPair
from storage.engine.results import each_row
from storage.pairs.edits import SAVED
from storage.tables.desk import DraftRow, EventRow, PostEditRow, ReviewRow, RevisionRow
from storage.tables.pairs import PairRow, PersonRow
from storage.tables.rows import StoredRevision, corrected_text

Columns = TypeVarTuple("Columns")
_OfPeople = type[DraftRow] | type[PostEditRow] | type[ReviewRow] | type[EventRow]


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
    wanted = select(PairRow.seq, PairRow.created_at, PairRow.instruction, PairRow.input, PairRow.response)
    pair = connection.execute(wanted.where(PairRow.id == pair_id)).one_or_none()
    if pair is None:
        raise NotFoundError(f"pair {pair_id!r} does not exist; take its id from an export")
    seq, created_at, instruction, input_, response = pair
    raw = InstructionPair(instruction, input_, response)
    entries = [HistoryEntry(created_at, EntryKind.RAW, None, raw)]
    entries += _revisions(connection, seq, raw)
    entries += _drafts(connection, seq)
    entries += _post_edits(connection, seq)
    entries += _reviews(connection, seq)
    entries += _changes(connection, seq)
    return sorted(entries, key=lambda entry: (entry.at, _ORDER[entry.kind]))


def _revisions(connection: Connection, seq: int, raw: InstructionPair) -> Iterator[HistoryEntry]:
    own = select(RevisionRow.__table__).where(RevisionRow.pair == seq).order_by(RevisionRow.id)
    for row in each_row(StoredRevision, connection.execute(own)):
        detail = row.outcome if row.reason is None else f"{row.outcome}: {row.reason}"
        yield HistoryEntry(row.created_at, EntryKind.REVISION, row.engine, row.text or raw, detail, row.adapter)


def _drafts(connection: Connection, seq: int) -> Iterator[HistoryEntry]:
    row = DraftRow
    columns = (row.created_at, row.slot, PersonRow.name, row.instruction, row.input, row.response, row.comment)
    for at, slot, name, instruction, input_, response, comment in _of_people(connection, select(*columns), row, seq):
        kind = EntryKind.DRAFT if slot == SAVED else EntryKind.REFUSED
        yield HistoryEntry(at, kind, name, InstructionPair(instruction, input_, response), comment)


def _post_edits(connection: Connection, seq: int) -> Iterator[HistoryEntry]:
    row = PostEditRow
    columns = (row.created_at, PersonRow.name, row.instruction, row.input, row.response, row.comment)
    for at, name, instruction, input_, response, comment in _of_people(connection, select(*columns), row, seq):
        text = InstructionPair(instruction, input_, response)
        yield HistoryEntry(at, EntryKind.POST_EDIT, name, text, comment)


def _reviews(connection: Connection, seq: int) -> Iterator[HistoryEntry]:
    row = ReviewRow
    columns = (row.created_at, row.decision, PersonRow.name, row.instruction, row.input, row.response, row.comment)
    found = _of_people(connection, select(*columns), row, seq)
    for at, decision, name, instruction, input_, response, comment in found:
        text = corrected_text(instruction, input_, response)
        yield HistoryEntry(at, EntryKind.REVIEW, name, text, f"{decision}: {comment}" if comment else decision)


def _changes(connection: Connection, seq: int) -> Iterator[HistoryEntry]:
    row = EventRow
    columns = (row.created_at, row.from_status, row.to_status, row.detail, PersonRow.name)
    for at, before, after, said, name in _of_people(connection, select(*columns), row, seq):
        change = f"{before} → {after}"
        detail = said if before == after else f"{change} ({said})" if said else change
        yield HistoryEntry(at, EntryKind.CHANGE, name, None, detail)


def _of_people(
    connection: Connection, statement: Select[*Columns], entity: _OfPeople, seq: int
) -> CursorResult[*Columns]:
    """The pair's rows of the entity, in their order, each with who wrote it."""
    named = statement.join(PersonRow, PersonRow.id == entity.person, isouter=True)
    return connection.execute(named.where(entity.pair == seq).order_by(entity.id))
