"""Figures: how the installation runs, what people did, what the coach saves."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.access import ADMIN, ANNOTATOR, OPERATOR, OWNER, Allowed
from api.models import figures as models
from api.problems import RefusedError
from api.routes.state import StateOf
from api.units import within_unit
from coachlm.pairs import TaskClass
from storage.depth import COUNTED_AT_MOST
from storage.work import Person

router = APIRouter(prefix="/v1", tags=["figures"])

_DEFAULT_DAYS = 28
Overseer = Annotated[Person, Depends(Allowed(OWNER, OPERATOR, ADMIN))]
Worker = Annotated[Person, Depends(Allowed(ANNOTATOR, OWNER, ADMIN))]


@dataclass(frozen=True, slots=True)
class Period:
    """Days, both ends included, UTC."""

    first: date
    last: date


def _period(
    first: Annotated[date | None, Query(description="Default: 27 days before `last`.")] = None,
    last: Annotated[date | None, Query(description="Default: today, UTC.")] = None,
) -> Period:
    end = last or datetime.now(UTC).date()
    start = first or end - min(timedelta(days=_DEFAULT_DAYS - 1), end - date.min)
    if start > end:
        raise RefusedError(422, "invalid", f"the period begins {start} and ends {end}; give `first` before `last`")
    return Period(start, end)


PeriodOf = Annotated[Period, Depends(_period)]


@router.get("/queue/progress", summary="What the caller did today")
def progress(who: Worker, state: StateOf) -> models.DayProgress:
    today = datetime.now(UTC).date()
    work = models.Work.model_validate(state.services.figures.progress(who.name, today))
    free = state.services.reader.queue_depth(COUNTED_AT_MOST).free_by_class
    waiting = sum(count for name, count in free.items() if who.unit is None or name in ("", who.unit.value))
    return models.DayProgress(**work.model_dump(), day=today, waiting=waiting)


@router.get("/figures/overview", summary="How the installation runs")
def overview(
    who: Overseer, state: StateOf, hours: Annotated[int, Query(ge=1, le=24 * 31)] = 24
) -> models.Overview:  # fmt: skip
    """Pairs through every stage by hour, what waits, reasons of exclusion and fallback, adapters at work."""
    found = models.Overview.model_validate(state.services.figures.overview(hours))
    probe = state.services.lag_probe
    if probe is None:
        return found
    return found.model_copy(update={"streams": models.StreamLag.model_validate(probe.latest())})


@router.get("/figures/people", summary="What people did")
def people(who: Overseer, state: StateOf, period: PeriodOf, unit: TaskClass | None = None) -> models.PeopleFigures:
    """Owners see their unit."""
    found = state.services.figures.people(period.first, period.last, unit=within_unit(who, unit))
    people = tuple(models.PersonFigures.model_validate(person) for person in found)
    return models.PeopleFigures(first=period.first, last=period.last, people=people)


@router.get("/figures/me", summary="What the caller did")
def me(who: Worker, state: StateOf, period: PeriodOf) -> models.PeopleFigures:
    """The caller's own figures and nobody else's; no entry where there is no work."""
    found = state.services.figures.people(period.first, period.last)
    own = tuple(models.PersonFigures.model_validate(person) for person in found if person.person == who.name)
    return models.PeopleFigures(first=period.first, last=period.last, people=own)


@router.get("/figures/efficiency", summary="Times in both arms")
def efficiency(
    who: Overseer,
    state: StateOf,
    period: PeriodOf,
    unit: TaskClass | None = None,
    task_class: TaskClass | None = None,
    adapter: str | None = Query(default=None, max_length=200),
) -> models.EfficiencyRows:
    """Sums from which `evaluation.efficiency` estimates what the coach saves. Owners see their unit."""
    rows = state.services.figures.efficiency_rows(
        period.first, period.last, unit=within_unit(who, unit), task_class=task_class, adapter=adapter
    )
    found = tuple(models.EfficiencyRow.of(row) for row in rows)
    return models.EfficiencyRows(first=period.first, last=period.last, rows=found)
