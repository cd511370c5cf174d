"""Pages of excluded pairs and near copies."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, func, select, type_coerce
from sqlalchemy.orm import aliased

from coachlm.desk.work import ExcludedItem, ExcludedPage, Person
from coachlm.pairs import ExcludeReason, Exclusion, InstructionPair, TaskClass
from coachlm.status import Status
from coachlm.text.filters import PreliminaryFilter
from storage.engine.arrivals import arrived, by_arrival
from storage.engine.results import each_row
from storage.pairs.withheld import is_withheld
from storage.tables.columns import from_cut
from storage.tables.pairs import PairRow, class_column
from storage.tables.rows import StoredPair, class_from_row, pair_from_row

TEXT_CHARS = 40_000  # of each text of a pair
PAGE_CHARS = 4_000_000  # of all texts of a page
_original = aliased(PairRow)


def read_excluded(
    connection: Connection,
    owner: Person,
    limit: int,
    status: Status,
    reason: ExcludeReason | None,
    task_class: TaskClass | None,
    after: int,
) -> ExcludedPage:
    """Pairs that the preliminary filter excluded have no class: every class finds them. A page may be shorter than
    `limit`: it ends where its texts would be longer than `PAGE_CHARS`."""
    if reason is None:
        column, chosen = PairRow.status, [*arrived(PairRow.status, status.value, after)]
    else:
        column, chosen = PairRow.exclude_reason, [*arrived(PairRow.exclude_reason, reason.value, after)]
        chosen.append(PairRow.status == status.value)
    if owner.is_rater:
        chosen.append(~is_withheld(PairRow.seq, owner.id))
    if task_class is not None:
        chosen.append(class_column().is_(None) | (class_column() == task_class.value))
    found = connection.execute(
        select(*map(_cut, PairRow.__table__.c), _original.id.label("original"))
        .join(_original, _original.seq == PairRow.duplicate_of, isouter=True)
        .where(*chosen)
        .order_by(*by_arrival(column))
        .limit(limit + 1)
    )
    page: list[StoredPair] = []
    room = PAGE_CHARS
    for row in each_row(StoredPair, found):
        room -= len(row.instruction) + len(row.input) + len(row.response)
        if len(page) == limit or (room < 0 and page):
            return ExcludedPage(tuple(map(_item, page)), page[-1].seq)
        page.append(row)
    return ExcludedPage(tuple(map(_item, page)), None)


def _cut(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Of a pair's texts the beginning alone leaves the database."""
    if column.key not in ("instruction", "input", "response"):
        return column
    return func.substr(type_coerce(column, Text), 1, TEXT_CHARS, type_=Text).label(column.key)


def _shown(row: StoredPair) -> InstructionPair:
    return pair_from_row(
        row._replace(instruction=from_cut(row.instruction), input=from_cut(row.input), response=from_cut(row.response))
    )


def _item(row: StoredPair) -> ExcludedItem:
    reason = None if row.exclude_reason is None else ExcludeReason(row.exclude_reason)
    words: list[str] = []
    if reason is not None:
        exclusion = Exclusion(reason, row.exclude_detail or "")
        words = PreliminaryFilter.of_all_reasons().words_behind(pair_from_row(row), exclusion)
    return ExcludedItem(
        pair_id=row.id,
        version=row.version,
        raw=_shown(row),
        status=Status(row.status),
        task_class=class_from_row(row),
        reason=reason,
        detail=row.exclude_detail or "",
        duplicate_of=row.original,
        created_at=row.created_at,
        words=tuple(words),
    )
