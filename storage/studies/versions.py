"""What raters thought of the versions of pairs, for whoever learns from it: of closed studies alone, so that nothing
is revealed before its time."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from statistics import fmean
from typing import NamedTuple

from sqlalchemy import Connection, Executable, func, select

from coachlm.context import context_from_record
from coachlm.desk.studies import RatedVersions
from coachlm.pairs import InstructionPair
from storage.engine.results import all_rows
from storage.tables.rows import pair_from_row
from storage.tables.studies import RatingPlaceRow, RatingRow, RatingStudyRow, RatingTaskRow

_OTHERS = RatingRow.__table__.alias("others")
_LAST = select(func.max(_OTHERS.c.version)).where(_OTHERS.c.place == RatingRow.place).scalar_subquery()


class _RatedTask(NamedTuple):
    id: int
    item: int
    instruction: str
    input: str
    response: str
    context: dict[str, object] | None
    response_score: int


def read_rated_versions(connection: Connection) -> Iterator[list[RatedVersions]]:
    """Of one study after the other."""
    closed = select(RatingStudyRow.id, RatingStudyRow.name).where(RatingStudyRow.closed_at.is_not(None))
    for number, name in connection.execute(closed.order_by(RatingStudyRow.id)).all():
        tasks = all_rows(_RatedTask, connection.execute(_ratings_of(number)))
        yield [
            RatedVersions(name, item, _versions(list(rated))) for item, rated in groupby(tasks, lambda task: task.item)
        ]


def _ratings_of(study: int) -> Executable:
    table = RatingTaskRow.__table__.c
    columns = [table[name] for name in _RatedTask._fields[:-1]]
    return (
        select(*columns, RatingRow.response_score)
        .join(RatingPlaceRow, RatingPlaceRow.task == RatingTaskRow.id)
        .join(RatingRow, RatingRow.place == RatingPlaceRow.id)
        .where(RatingTaskRow.study == study, RatingRow.version == _LAST)
        .order_by(RatingTaskRow.item, RatingTaskRow.id, RatingRow.id)
    )


def _versions(tasks: Sequence[_RatedTask]) -> tuple[tuple[InstructionPair, float], ...]:
    found: list[tuple[InstructionPair, float]] = []
    for _, rated in groupby(tasks, lambda task: task.id):
        scores = list(rated)
        pair = pair_from_row(scores[0])
        context = scores[0].context
        if context:
            pair = pair.within(context_from_record(context))
        found.append((pair, fmean(task.response_score for task in scores)))
    return tuple(found)
