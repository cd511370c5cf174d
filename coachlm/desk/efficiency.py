"""What a pair cost in working time, and in which arm: what the estimate of the coach's effect is made from.

Times are kept as sums of whole numbers, so that a store can add a pair, take one back (undo) and count all of them anew
with the same result, and so that an estimate over months reads a few thousand rows instead of every pair.
"""

import math
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from typing import Self

from coachlm.pairs import TaskClass

SHORTEST_SECONDS = 1.0
LONGEST_SECONDS = 7200.0
"""A time outside counts as the nearer of the two: 2 h are twenty times what a pair took in the paper's deployment (80 a
day), and an open browser tab must not outweigh a day of work."""

PERSON_DAY_SECONDS = 8 * 3600.0
"""A person-day is eight hours of active time."""

_MILLION = 1_000_000


def pairs_per_person_day(
    pairs: float, active_seconds: float, person_day_seconds: float = PERSON_DAY_SECONDS
) -> float | None:
    """None without time."""
    return pairs * person_day_seconds / active_seconds if active_seconds > 0 else None


def return_rate(returned: int, reviewed: int) -> float | None:
    """The share of what was looked at that went back; None before anything was."""
    return returned / reviewed if reviewed else None


class Arm(StrEnum):
    """What an annotator was given to start from; drawn by hash of the pair's id."""

    CONTROL = "control"  # the raw pair, without the machine revision
    COACH = "coach"  # the revision


@dataclass(frozen=True, slots=True)
class WorkTime:
    """Active times of some pairs, summed. Sums are exact in any order, and `-` takes back what `+` added."""

    pairs: int = 0
    milliseconds: int = 0
    log_micros: int = 0  # sum of ln(seconds), in millionths
    log_squared_micros: int = 0  # sum of ln(seconds)², in millionths
    unusable: int = 0  # pairs whose time is none (NaN, infinite, zero, negative): in no other field

    @classmethod
    def of(cls, active_seconds: float) -> Self:
        """One pair."""
        if not math.isfinite(active_seconds) or active_seconds <= 0:
            return cls(unusable=1)
        seconds = min(max(active_seconds, SHORTEST_SECONDS), LONGEST_SECONDS)
        log = math.log(seconds)
        return cls(1, round(seconds * 1000), round(log * _MILLION), round(log * log * _MILLION))

    def __add__(self, other: "WorkTime") -> "WorkTime":
        return WorkTime(*(getattr(self, name) + getattr(other, name) for name in _FIELDS))

    def __sub__(self, other: "WorkTime") -> "WorkTime":
        return WorkTime(*(getattr(self, name) - getattr(other, name) for name in _FIELDS))

    @property
    def seconds(self) -> float:
        return self.milliseconds / 1000

    @property
    def mean_log(self) -> float:
        """Of ln(seconds); 0 without pairs."""
        return self.log_micros / _MILLION / max(1, self.pairs)

    @property
    def log_deviations(self) -> float:
        """Sum of squared deviations of ln(seconds) from their mean; never negative."""
        return max(0.0, self.log_squared_micros / _MILLION - self.pairs * self.mean_log**2)


_FIELDS = tuple(field.name for field in fields(WorkTime))


@dataclass(frozen=True, slots=True)
class Observation:
    """First submits of one person on one day in one arm; one pair each, or as many as agree in all but their times.

    A pair counts with its first submit: what is returned and edited again is told by the return rate.
    """

    person: str
    day: date  # of the submit, UTC
    arm: Arm
    time: WorkTime
    unit: TaskClass | None = None  # the person's; None: every class
    task_class: TaskClass | None = None  # the pair's
    adapter: str | None = None  # digest of the adapter that made the revision, shown or held back
