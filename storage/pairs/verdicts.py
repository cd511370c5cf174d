"""What intake decided about a pair, with all that it decided from: for whoever asks why."""

from dataclasses import dataclass

from sqlalchemy import Connection, select
from sqlalchemy.orm import aliased

from coachlm.errors import NotFoundError
from coachlm.pairs import ExcludeReason, Exclusion, InstructionPair, TaskClass
from coachlm.status import Status
from storage.engine.results import one_row
from storage.pairs.contexts import read_context
from storage.tables.pairs import OccurrenceRow, PairRow
from storage.tables.rows import StoredPair, class_from_row, pair_from_row

_original = aliased(PairRow)
_PAIR = select(PairRow.__table__, _original.id.label("original")).join(
    _original, _original.seq == PairRow.duplicate_of, isouter=True
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A pair in its context, and intake's decision; `language` as it was told at the first occurrence."""

    pair: InstructionPair
    status: Status
    exclusion: Exclusion | None
    task_class: TaskClass | None
    class_confidence: float
    near_copy_of: str | None
    language: str | None


def read_verdict(connection: Connection, pair_id: str) -> Verdict:
    """Raises: NotFoundError."""
    row = one_row(StoredPair, connection.execute(_PAIR.where(PairRow.id == pair_id)))
    if row is None:
        raise NotFoundError(f"pair {pair_id!r} does not exist; take its id from the queue or an export")
    reason = None if row.exclude_reason is None else ExcludeReason(row.exclude_reason)
    first = select(OccurrenceRow.language).where(OccurrenceRow.pair == row.seq, ~OccurrenceRow.is_repeat).limit(1)
    return Verdict(
        pair=pair_from_row(row).within(read_context(connection, row)),
        status=Status(row.status),
        exclusion=None if reason is None else Exclusion(reason, row.exclude_detail or ""),
        task_class=class_from_row(row),
        class_confidence=row.class_confidence,
        near_copy_of=row.original,
        language=connection.scalar(first),
    )
