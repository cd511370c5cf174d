"""Figures for the pages, read from rollups: they cost the same however many pairs there are.

Days and hours are UTC. A person-day is eight hours of active time.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Integer, func, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute

from coachlm.desk.efficiency import Arm, Observation, WorkTime, pairs_per_person_day, return_rate
from coachlm.pairs import TaskClass
from storage.engine.database import Database, utc_now
from storage.figures.overview import Overview, read_overview
from storage.pairs.rollups import hour_of
from storage.people.people import find_person
from storage.tables.pairs import PersonRow
from storage.tables.rollups import WorkRollupRow

_EPOCH = date(1970, 1, 1)
_DAY = WorkRollupRow.hour // literal_column("24", Integer)  # no parameter: it is grouped by
_WORK = tuple(
    getattr(WorkRollupRow, name)
    for name in (
        "claimed",
        "submitted",
        "untouched",
        "withdrawn",
        "excluded",
        "skipped",
        "released",
        "sent",
        "reviewed",
        "returned",
        "fixed",
        "approved",
        "active_ms",
        "raw_distance",
        "revision_distance",
        "disagreement",
    )
)


@dataclass(frozen=True, slots=True)
class Work:
    """Sums of what was done; the rates are None where there is nothing to take them from."""

    claimed: int = 0
    submitted: int = 0
    untouched: int = 0
    withdrawn: int = 0
    excluded: int = 0
    skipped: int = 0
    released: int = 0
    sent: int = 0
    reviewed: int = 0
    returned: int = 0
    fixed: int = 0
    approved: int = 0
    active_ms: int = 0
    raw_distance: int = 0
    revision_distance: int = 0
    disagreement: int = 0

    @property
    def active_seconds(self) -> float:
        return self.active_ms / 1000

    @property
    def pairs_per_person_day(self) -> float | None:
        """Submits in eight hours of active time."""
        return pairs_per_person_day(self.submitted, self.active_seconds)

    @property
    def untouched_share(self) -> float | None:
        """Submits whose text is the one that was handed out."""
        return _ratio(self.untouched, self.submitted)

    @property
    def mean_raw_distance(self) -> float | None:
        """Characters of edits from the raw pair to the submitted text."""
        return _ratio(self.raw_distance, self.submitted)

    @property
    def mean_revision_distance(self) -> float | None:
        """Characters of edits from the coach's text to the submitted one."""
        return _ratio(self.revision_distance, self.submitted)

    @property
    def return_rate(self) -> float | None:
        """Reviews that sent the text back."""
        return return_rate(self.returned, self.reviewed)

    @property
    def disagreement_rate(self) -> float | None:
        """Reviews in which the owner corrected the text or sent it back."""
        return _ratio(self.fixed + self.returned, self.reviewed)

    @property
    def mean_disagreement(self) -> float | None:
        """Characters that the owner edited, over all reviews."""
        return _ratio(self.disagreement, self.reviewed)


@dataclass(frozen=True, slots=True)
class DayOfWork:
    """A point of a learning curve."""

    day: date
    work: Work


@dataclass(frozen=True, slots=True)
class PersonFigures:
    """What a person did in a period, with its days that have work."""

    person: str
    unit: TaskClass | None  # as it is now
    work: Work
    days: tuple[DayOfWork, ...]


class Figures:
    """Every method sees one snapshot and blocks no writer. Raises (all): StoreError, naming the remedy."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    def overview(self, hours: int = 24) -> Overview:
        """Of the current hour and those before it, newest first."""
        with self._database.reading() as connection:
            return read_overview(connection, self._now(), hours)

    def people(self, first: date, last: date, *, unit: TaskClass | None = None) -> list[PersonFigures]:
        """Everybody who worked from `first` to `last`, by name; `unit` is the one they belonged to when they did."""
        day = _DAY
        chosen = [*_between(first, last), *_of(WorkRollupRow.unit, unit)]
        with self._database.reading() as connection:
            rows = connection.execute(
                select(PersonRow.name, PersonRow.unit, day.label("day"), *_sums())
                .join(PersonRow, PersonRow.id == WorkRollupRow.person)
                .where(*chosen)
                .group_by(PersonRow.name, PersonRow.unit, day)
                .order_by(PersonRow.name, day)
            ).all()
        people: dict[tuple[str, str | None], list[DayOfWork]] = {}
        for name, of_unit, number, *sums in rows:
            people.setdefault((name, of_unit), []).append(DayOfWork(_day(number), Work(*map(int, sums))))
        return [
            PersonFigures(name, None if of is None else TaskClass(of), _total(day.work for day in days), tuple(days))
            for (name, of), days in people.items()
        ]

    def progress(self, person: str, day: date | None = None) -> Work:
        """What the person did on a day of theirs (None: today). Raises: NotFoundError."""
        with self._database.reading() as connection:
            who = find_person(connection, person)
            zone = ZoneInfo(who.time_zone)
            own = (*_hours_of(day or self._now().astimezone(zone).date(), zone), WorkRollupRow.person == who.id)
            sums = connection.execute(select(*_sums()).where(*own)).one()
        return Work(*(int(value or 0) for value in sums))

    def efficiency_rows(
        self,
        first: date,
        last: date,
        *,
        unit: TaskClass | None = None,
        task_class: TaskClass | None = None,
        adapter: str | None = None,
    ) -> list[Observation]:
        """What the estimate of the coach's effect is made from: a row a person, day, arm, unit, class and adapter."""
        row = WorkRollupRow
        chosen = [*_between(first, last), *_of(row.unit, unit), *_of(row.task_class, task_class)]
        if adapter is not None:
            chosen.append(row.adapter == adapter)
        keys = (PersonRow.name, _DAY, row.arm, row.unit, row.task_class, row.adapter)
        times = (row.timed, row.timed_ms, row.log_micros, row.log_squared_micros, row.unusable)
        with self._database.reading() as connection:
            found = connection.execute(
                select(*keys, *map(func.sum, times))
                .join(PersonRow, PersonRow.id == row.person)
                .where(*chosen)
                .group_by(*keys)
                .order_by(*keys)
            ).all()
        return [_observation(*one) for one in found if one[6] or one[10]]


def _observation(person: str, day: int, arm: str, unit: str, task_class: str, adapter: str, *times: int) -> Observation:
    return Observation(
        person,
        _day(day),
        Arm(arm),
        WorkTime(*map(int, times)),
        TaskClass(unit) if unit else None,
        TaskClass(task_class) if task_class else None,
        adapter or None,
    )


def _sums() -> list[ColumnElement[int]]:
    return [func.sum(column) for column in _WORK]


def _hours_of(day: date, zone: ZoneInfo) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Whole hours: where a zone is half an hour off, its days begin with the hour."""
    first, last = (hour_of(datetime.combine(one, time(), zone)) for one in (day, day + timedelta(days=1)))
    return WorkRollupRow.hour >= first, WorkRollupRow.hour < last


def _between(first: date, last: date) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    hours = ((first - _EPOCH).days * 24, ((last - _EPOCH).days + 1) * 24)
    return WorkRollupRow.hour >= hours[0], WorkRollupRow.hour < hours[1]


def _of(column: InstrumentedAttribute[str], task_class: TaskClass | None) -> list[ColumnElement[bool]]:
    return [] if task_class is None else [column == task_class.value]


def _day(number: int) -> date:
    return _EPOCH + timedelta(days=int(number))


def _total(works: Iterable[Work]) -> Work:
    chosen = list(works)
    return Work(*(sum(getattr(work, name) for work in chosen) for name in Work.__slots__))


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
