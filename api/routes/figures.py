"""Figures: how the installation runs, what people did, what the coach saves."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query

from api.access.gate import ADMIN, ANNOTATOR, OPERATOR, OWNER, Allowed
from api.access.units import within_unit
from api.http.problems import RefusedError
from api.models import estimate
from api.models import figures as models
from api.routes.alerts import alerts_of
from api.routes.estimates import estimates
from api.routes.state import State, StateOf
from coachlm.desk.efficiency import Observation
from coachlm.desk.work import Person
from coachlm.pairs import TaskClass
from storage.desk.depth import COUNTED_AT_MOST

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
    start = first or _days_before(end, _DEFAULT_DAYS - 1)
    if start > end:
        raise RefusedError(422, "invalid", f"the period begins {start} and ends {end}; give `first` before `last`")
    return Period(start, end)


PeriodOf = Annotated[Period, Depends(_period)]


@router.get("/queue/progress", summary="What the caller did today")
def progress(who: Worker, state: StateOf) -> models.DayProgress:
    today = datetime.now(ZoneInfo(who.time_zone)).date()
    work = models.Work.model_validate(state.services.figures.progress(who.name, today))
    free = state.services.reader.queue_depth(COUNTED_AT_MOST).free_by_class
    waiting = sum(count for name, count in free.items() if who.unit is None or name in ("", who.unit.value))
    return models.DayProgress(**work.model_dump(), day=today, waiting=waiting)


@router.get("/figures/overview", summary="How the installation runs")
def overview(who: Overseer, state: StateOf, hours: Annotated[int, Query(ge=1, le=24 * 31)] = 24) -> models.Overview:
    """Pairs through every stage by hour, what waits, reasons of exclusion and fallback, adapters at work, alerts; of
    all units together."""
    found = models.Overview.model_validate(state.services.figures.overview(hours))
    probe = state.services.lag_probe
    if probe is not None:
        found = found.model_copy(update={"streams": models.StreamLag.model_validate(probe.latest())})
    return found.model_copy(update={"alerts": alerts_of(found)})


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


@dataclass(frozen=True, slots=True)
class Choice:
    """Whose pairs, and which."""

    unit: TaskClass | None
    task_class: TaskClass | None
    adapter: str | None


def _choice(
    unit: TaskClass | None = None,
    task_class: TaskClass | None = None,
    adapter: Annotated[str | None, Query(max_length=200)] = None,
) -> Choice:
    return Choice(unit, task_class, adapter)


ChoiceOf = Annotated[Choice, Depends(_choice)]


@router.get("/figures/efficiency", summary="Times in both arms")
def efficiency(who: Overseer, state: StateOf, period: PeriodOf, choice: ChoiceOf) -> models.EfficiencyRows:
    """Sums from which `evaluation.effect.efficiency` estimates what the coach saves. Owners see their unit."""
    found = tuple(models.EfficiencyRow.of(row) for row in _observations(who, state, period, choice))
    return models.EfficiencyRows(first=period.first, last=period.last, rows=found)


@router.get("/figures/estimate", summary="What the coach saves")
def estimated(
    who: Overseer, state: StateOf, period: PeriodOf, choice: ChoiceOf, group: estimate.GroupBy | None = None
) -> estimate.Efficiency:
    """With and without the coach, by the control arm, as a whole and by group; and as the paper counts, against the
    28 days before. Nothing is claimed before the sample suffices. Owners see their unit."""
    before = Period(_days_before(period.first, _DEFAULT_DAYS), _days_before(period.first, 1))
    rows, baseline = (_observations(who, state, days, choice) for days in (period, before))
    whole, paper, groups = estimates(rows, baseline, group)
    return estimate.Efficiency(first=period.first, last=period.last, whole=whole, paper=paper, groups=groups)


def _observations(who: Person, state: State, period: Period, choice: Choice) -> list[Observation]:
    unit = within_unit(who, choice.unit)
    return state.services.figures.efficiency_rows(
        period.first, period.last, unit=unit, task_class=choice.task_class, adapter=choice.adapter
    )


def _days_before(day: date, days: int) -> date:
    return day - min(timedelta(days=days), day - date.min)
