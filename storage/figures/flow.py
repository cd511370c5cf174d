"""Where everything that came in has gone, counted. `coachlm stats` imports this and the tables, and nothing else."""

from collections import Counter

from sqlalchemy import ColumnElement, Connection, func, select
from sqlalchemy.orm import InstrumentedAttribute

from coachlm.desk.dataset import FlowCounts
from coachlm.revision import Outcome
from coachlm.status import Status
from storage.tables.desk import RevisionRow
from storage.tables.pairs import OccurrenceRow, PairRow, RedactionRow, RejectRow, class_column

NameColumn = (
    ColumnElement[str] | ColumnElement[str | None] | InstrumentedAttribute[str] | InstrumentedAttribute[str | None]
)


def read_flow(connection: Connection) -> FlowCounts:
    """Of one snapshot; the counts balance where the connection reads one."""
    by_format: Counter[str] = Counter()
    repeats = 0
    seen = select(OccurrenceRow.format, OccurrenceRow.is_repeat, func.count())
    for name, is_repeat, count in connection.execute(seen.group_by(OccurrenceRow.format, OccurrenceRow.is_repeat)):
        by_format[name] += count
        repeats += count if is_repeat else 0
    by_status = _grouped(connection, PairRow.status)
    flags: Counter[str] = Counter()
    for found in connection.scalars(select(RevisionRow.flags).where(RevisionRow.flags.is_not(None))):
        flags.update(flag["kind"] for flag in found or ())
    fallback = RevisionRow.outcome.not_in([Outcome.REVISED.value, Outcome.UNCHANGED.value])
    return FlowCounts(
        occurrences=by_format.total(),
        pairs=sum(by_status.values()),
        exact_duplicates=repeats,
        by_status=by_status,
        rejects_by_reason=_grouped(connection, RejectRow.reason),
        excluded_by_reason=_grouped(connection, PairRow.exclude_reason, PairRow.status == Status.EXCLUDED.value),
        revisions_by_outcome=_grouped(connection, RevisionRow.outcome),
        fallbacks_by_reason=_by_kind(
            _grouped(connection, func.coalesce(RevisionRow.reason, RevisionRow.outcome), fallback)
        ),
        flags_by_kind=dict(flags),
        occurrences_by_format=dict(by_format),
        rejects_by_format=_grouped(connection, func.coalesce(RejectRow.format, "unknown")),
        by_class=_grouped(connection, class_column(), class_column().is_not(None)),
        redactions_by_kind=dict(connection.execute(select(RedactionRow.kind, RedactionRow.count)).all()),
    )


def _by_kind(reasons: dict[str, int]) -> dict[str, int]:
    """Without the details behind a reason's colon, see `Revision.failure`."""
    kinds: Counter[str] = Counter()
    for reason, count in reasons.items():
        kinds[reason.partition(":")[0]] += count
    return dict(kinds)


def _grouped(connection: Connection, column: NameColumn, *where: ColumnElement[bool]) -> dict[str, int]:
    counted = connection.execute(select(column, func.count()).where(*where).group_by(column))
    return {name: count for name, count in counted if name is not None}
