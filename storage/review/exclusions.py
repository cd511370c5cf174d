"""Pages of excluded pairs and near copies."""

from sqlalchemy import Connection, select
from sqlalchemy.orm import aliased

from coachlm.desk.work import ExcludedItem, ExcludedPage, Person
from coachlm.pairs import ExcludeReason, Exclusion, TaskClass
from coachlm.status import Status
from coachlm.text.filters import PreliminaryFilter
from storage.engine.arrivals import arrived, by_arrival
from storage.engine.results import all_rows
from storage.pairs.withheld import is_withheld
from storage.tables.pairs import PairRow, class_column
from storage.tables.rows import StoredPair, class_from_row, pair_from_row

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
    """Pairs that the preliminary filter excluded have no class: every class finds them."""
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
        select(PairRow.__table__, _original.id.label("original"))
        .join(_original, _original.seq == PairRow.duplicate_of, isouter=True)
        .where(*chosen)
        .order_by(*by_arrival(column))
        .limit(limit + 1)
    )
    rows = all_rows(StoredPair, found)
    page = rows[:limit]
    return ExcludedPage(tuple(map(_item, page)), page[-1].seq if len(rows) > limit else None)


def _item(row: StoredPair) -> ExcludedItem:
    reason = None if row.exclude_reason is None else ExcludeReason(row.exclude_reason)
    words: list[str] = []
    if reason is not None:
        exclusion = Exclusion(reason, row.exclude_detail or "")
        words = PreliminaryFilter.of_all_reasons().words_behind(pair_from_row(row), exclusion)
    return ExcludedItem(
        pair_id=row.id,
        version=row.version,
        raw=pair_from_row(row),
        status=Status(row.status),
        task_class=class_from_row(row),
        reason=reason,
        detail=row.exclude_detail or "",
        duplicate_of=row.original,
        created_at=row.created_at,
        words=tuple(words),
    )
