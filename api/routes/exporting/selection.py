"""Which pairs a caller asks for, beyond their status, as parameters of the query."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query

from api.http.problems import RefusedError
from coachlm.desk.where import parse_where
from coachlm.errors import ExportError
from coachlm.pairs import TaskClass
from exports.choices.selection import Selection, SignalTest

_Names = list[str] | None


def selection(
    source: Annotated[_Names, Query(description="Path or name of a log; `*` stands for any.")] = None,
    log_format: Annotated[_Names, Query(description="Format of the log.")] = None,
    language: Annotated[_Names, Query(description="ISO 639-1.")] = None,
    since: Annotated[datetime | None, Query(description="Answered from then on; UTC unless it names a zone.")] = None,
    until: Annotated[datetime | None, Query(description="Answered before.")] = None,
    task_class: Annotated[list[TaskClass] | None, Query(description="Class of the task.")] = None,
    unit: Annotated[_Names, Query(description="Unit of who edited; `all`: people of no unit.")] = None,
    adapter: Annotated[_Names, Query(description="Beginning of an adapter's digest.")] = None,
    engine: Annotated[_Names, Query(description="Engine that saw the pair.")] = None,
    signal: Annotated[_Names, Query(description="Signal of the log: NAME, NAME=VALUE, NAME>=NUMBER.")] = None,
    where: Annotated[
        str | None, Query(max_length=2000, description="Expression that has to hold, such as `signal:thumbs<0`.")
    ] = None,
    min_score: Annotated[int | None, Query(description="Of the response, by who edited.")] = None,
    min_distance: Annotated[int | None, Query(description="Characters changed, at least.")] = None,
    max_distance: Annotated[int | None, Query(description="Characters changed, at most.")] = None,
) -> Selection:
    """Each list may be repeated; one of its values is enough. Raises: RefusedError."""
    try:
        signals = tuple(SignalTest.parse(text) for text in signal or ())
    except ExportError as error:
        raise RefusedError(422, "input", str(error)) from error
    return Selection(
        sources=tuple(source or ()),
        formats=tuple(log_format or ()),
        languages=tuple(language or ()),
        since=_in_utc(since),
        until=_in_utc(until),
        classes=frozenset(task_class or ()),
        units=tuple(unit or ()),
        min_distance=min_distance,
        max_distance=max_distance,
        min_score=min_score,
        adapters=tuple(adapter or ()),
        engines=tuple(engine or ()),
        signals=signals,
        where=parse_where(where) if where else None,
    )


def _in_utc(moment: datetime | None) -> datetime | None:
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)
