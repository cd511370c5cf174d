"""Figures for pages and for programs; every one is a sum over hours, or a ratio of such sums."""

from datetime import date, datetime

from pydantic import Field

from api.models.base import Given, Text
from coachlm.desk.efficiency import Arm, Observation, WorkTime
from coachlm.pairs import TaskClass


class Work(Given):
    """Sums of what was done; rates are null where there is nothing to take them from."""

    claimed: int
    submitted: int = Field(description="What was taken back doesn't count.")
    untouched: int = Field(description="Submits whose text is the one that was handed out.")
    withdrawn: int
    excluded: int
    skipped: int
    released: int
    sent: int = Field(description="To the owner.")
    reviewed: int
    returned: int
    fixed: int
    approved: int
    active_seconds: float
    pairs_per_person_day: float | None = Field(description="Submits in eight hours of active time.")
    untouched_share: float | None
    mean_raw_distance: float | None = Field(description="Characters of edits, raw pair to submitted text.")
    mean_revision_distance: float | None = Field(description="Characters of edits, coach's text to submitted text.")
    return_rate: float | None = Field(description="Of reviews: the text was sent back.")
    disagreement_rate: float | None = Field(description="Of reviews: the owner corrected the text or sent it back.")
    mean_disagreement: float | None = Field(description="Characters that the owner edited, over all reviews.")


class DayProgress(Work):
    """What the caller did today, and what waits for them."""

    day: date
    waiting: int = Field(description="Free items of the caller's unit; counted up to 10,000.")


class DayOfWork(Given):
    """A point of a learning curve."""

    day: date
    work: Work


class PersonFigures(Given):
    """What a person did in a period, with its days that have work."""

    person: Text
    unit: TaskClass | None
    work: Work
    days: tuple[DayOfWork, ...]


class PeopleFigures(Given):
    """Everybody who worked in a period, by name."""

    first: date
    last: date
    people: tuple[PersonFigures, ...]


class StageHour(Given):
    """What came out of a stage in an hour (UTC)."""

    start: datetime
    stage: str
    pairs: int
    per_minute: float
    tokens: int = 0
    tokens_per_second: float | None = None


class QueueDepth(Given):
    """What lies in the queue; each number is counted up to 10,000."""

    free: int
    reserved: int
    leased: int
    awaiting_review: int
    free_by_class: dict[str, int]
    sent: int = 0


class CoachDepth(Given):
    """What waits for the coach."""

    waiting: int = Field(description="Accepted pairs; counted up to 10,000.")
    oldest_seconds: float | None = Field(description="Since the first in line was taken in, or restored.")
    idle_seconds: float | None = Field(description="Since the newest revision; null: there is none.")


class GroupLag(Given):
    """How many messages a consumer group has not committed yet, over all its partitions."""

    group: str
    stage: str
    messages: int


class StreamLag(Given):
    """How far the stream workers are behind the broker."""

    groups: tuple[GroupLag, ...]
    at: datetime | None = Field(description="When the broker was asked; null: its first answer is still to come.")
    problem: str = Field(default="", description="Why the broker gave no answer.")


class Alert(Given):
    """One thing that is wrong, and what to look at."""

    name: str
    text: Text


class Overview(Given):
    """How the installation runs; `stages` are newest first, counts by reason are over the hours shown."""

    at: datetime
    stages: tuple[StageHour, ...]
    depth: QueueDepth
    oldest_seconds: float | None = Field(description="Age of the oldest free item.")
    coach: CoachDepth
    streams: StreamLag | None = Field(default=None, description="Null: this service knows no broker.")
    excluded_by_reason: dict[str, int]
    outcomes: dict[str, int]
    revised_by_adapter: dict[str, int]
    alerts: tuple[Alert, ...] = ()


class EfficiencyRow(Given):
    """Active times of some first submits, summed so that they add exactly; see docs/explanations/efficiency.md."""

    person: Text
    day: date
    arm: Arm
    unit: TaskClass | None
    task_class: TaskClass | None
    adapter: str | None
    pairs: int
    milliseconds: int
    log_micros: int
    log_squared_micros: int
    unusable: int

    @classmethod
    def of(cls, row: Observation) -> "EfficiencyRow":
        times = {name: getattr(row.time, name) for name in WorkTime.__dataclass_fields__}
        return cls(
            person=row.person,
            day=row.day,
            arm=row.arm,
            unit=row.unit,
            task_class=row.task_class,
            adapter=row.adapter,
            **times,
        )

    def observation(self) -> Observation:
        time = WorkTime(self.pairs, self.milliseconds, self.log_micros, self.log_squared_micros, self.unusable)
        return Observation(self.person, self.day, self.arm, time, self.unit, self.task_class, self.adapter)


class EfficiencyRows(Given):
    """A row a person, day, arm, unit, class and adapter: what the estimate of the coach's effect is made from."""

    first: date
    last: date
    rows: tuple[EfficiencyRow, ...]
