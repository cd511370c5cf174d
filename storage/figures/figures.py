"""Figures for the pages, read from rollups: they cost the same however many pairs there are.

Days and hours are UTC. A person-day is eight hours of active time.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Integer, func, literal_column, select
from sqlalchemy.orm import InstrumentedAttribute

from coachlm.desk.efficiency import Arm, Observation, WorkTime, pairs_per_person_day, return_rate
from coachlm.desk.work import QueueDepth
from coachlm.pairs import TaskClass
from storage.desk.depth import CoachDepth, oldest_queued, read_coach_depth, read_depth, seconds_since
from storage.engine.database import Database, utc_now
from storage.engine.results import all_rows
from storage.pairs.rollups import Stage, hour_of, hour_start
from storage.people.people import find_person
from storage.tables.pairs import PersonRow
from storage.tables.rollups import StageRollupRow, WorkRollupRow
from storage.tables.rows import StoredStage

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


@dataclass(frozen=True, slots=True)
class StageHour:
    """What came out of a stage in an hour."""

    start: datetime
    stage: str  # a `storage.pairs.rollups.Stage`, `post_edited` or `approved`
    pairs: int
    per_minute: float  # of the minutes that have passed
    tokens: int = 0
    tokens_per_second: float | None = None  # of the reviser's own time


@dataclass(frozen=True, slots=True)
class Overview:
    """How the installation runs. `depth` counts up to a bound (`storage.desk.depth`)."""

    at: datetime
    stages: tuple[StageHour, ...]
    depth: QueueDepth
    oldest_seconds: float | None  # age of the oldest free item
    coach: CoachDepth
    excluded_by_reason: dict[str, int]  # these three: over the hours shown
    outcomes: dict[str, int]  # of revisions; fallbacks with what was wrong
    revised_by_adapter: dict[str, int]  # digest (empty: none) → pairs


class Figures:
    """Every method sees one snapshot and blocks no writer. Raises (all): StoreError, naming the remedy."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    def overview(self, hours: int = 24) -> Overview:
        """Of the current hour and those before it, newest first."""
        now = self._now()
        since = hour_of(now) - hours + 1
        with self._database.reading() as connection:
            stages = _stages(connection, since)
            done = _done(connection, since)
            depth = read_depth(connection)
            oldest = oldest_queued(connection)
            coach = read_coach_depth(connection, now)
        hourly = [_stage_hour(now, *row) for row in [*_summed_stages(stages), *done]]
        revised = [row for row in stages if row.stage == Stage.REVISED]
        return Overview(
            at=now,
            stages=tuple(sorted(hourly, key=lambda one: (one.start, one.stage), reverse=True)),
            depth=depth,
            oldest_seconds=seconds_since(oldest, now),
            coach=coach,
            excluded_by_reason=_by((r.reason, r.pairs) for r in stages if r.stage in (Stage.EXCLUDED, Stage.SET_ASIDE)),
            outcomes=_by((row.reason, row.pairs) for row in revised),
            revised_by_adapter=_by((row.adapter, row.pairs) for row in revised),
        )

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
        """What the person did on a day (None: today). Raises: NotFoundError."""
        day = day or self._now().astimezone(UTC).date()
        with self._database.reading() as connection:
            who = find_person(connection, person)
            own = (*_between(day, day), WorkRollupRow.person == who.id)
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


def _stages(connection: Connection, since: int) -> list[StoredStage]:
    recent = select(StageRollupRow.__table__).where(StageRollupRow.hour >= since)
    return all_rows(StoredStage, connection.execute(recent))


def _summed_stages(rows: Iterable[StoredStage]) -> list[tuple[int, str, int, int, int]]:
    sums: dict[tuple[int, str], tuple[int, int, int]] = {}
    for row in rows:
        pairs, tokens, work_ms = sums.get((row.hour, row.stage), (0, 0, 0))
        sums[row.hour, row.stage] = (pairs + row.pairs, tokens + row.tokens, work_ms + row.work_ms)
    return [(*key, *total) for key, total in sums.items()]


def _done(connection: Connection, since: int) -> list[tuple[int, str, int, int, int]]:
    """What people put out."""
    row = WorkRollupRow
    sums = select(row.hour, func.sum(row.submitted), func.sum(row.approved)).where(row.hour >= since)
    done: list[tuple[int, str, int, int, int]] = []
    for hour, submitted, approved in connection.execute(sums.group_by(row.hour)):
        done += [(hour, "post_edited", int(submitted), 0, 0), (hour, "approved", int(approved), 0, 0)]
    return done


def _stage_hour(now: datetime, hour: int, stage: str, pairs: int, tokens: int, work_ms: int) -> StageHour:
    start = hour_start(hour)
    minutes = min(60.0, max(1.0, (now - start).total_seconds() / 60))
    return StageHour(start, stage, pairs, pairs / minutes, tokens, _ratio(tokens * 1000, work_ms))


def _by(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name, number in pairs:
        counts[name] = counts.get(name, 0) + number
    return counts


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
