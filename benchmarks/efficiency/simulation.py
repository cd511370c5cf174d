"""Annotators whose times are drawn from known causes: what the coach does to them is set, everything else disturbs.

ln(seconds) = pace of the person − what they have learnt + difficulty of the week + class − the coach's effect (of the
adapter of the week, and of the person) + chance, some of it forgotten browser tabs.
"""

import math
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from coachlm.desk.efficiency import LONGEST_SECONDS, SHORTEST_SECONDS, Arm, Observation, WorkTime
from coachlm.pairs import TaskClass

_FIRST_MONDAY = date(2026, 1, 5)
_TYPICAL_SECONDS = 300.0  # the mean then is near the 6 minutes of the paper's 80 pairs per person-day
_CLASSES = tuple(TaskClass)
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class World:
    """What is true. Speed ratios: pairs per hour with the coach over without."""

    name: str
    speed_ratio: float = 1.175  # the middle of the paper's net 15–20 %
    later_speed_ratio: float | None = None  # of the adapter that takes over midway; None: the same
    person_spread: float = 0.05  # standard deviation of ln(speed ratio) between annotators
    learning: tuple[float, float] = (0.05, 0.35)  # of time, as a share that a person loses in the long run; drawn
    difficulty_per_week: float = 0.0  # drift of ln(seconds)
    annotators: int = 8
    weeks: int = 8  # with the coach, after as many without
    pairs_per_week: int = 250  # per annotator, on average; from a third to nearly twice that
    control_share: float = 0.1
    unevenness: float = 0.0  # what the coach adds to the standard deviation of chance, 0.6: some need no edit, some all
    forgotten_tabs: float = 0.01  # share of pairs whose time is eight times too long

    @property
    def log_effect(self) -> float:
        """ln of the true speed ratio over the whole period."""
        later = self.later_speed_ratio or self.speed_ratio
        return float(np.log(self.speed_ratio) + np.log(later)) / 2


@dataclass(frozen=True, slots=True)
class Work:
    """Pairs of a simulated period, one entry each in every column."""

    person: Ints
    week: Ints  # from 0, the first without the coach
    task_class: Ints
    coach: NDArray[np.bool_]
    log_seconds: Floats

    def observations(self) -> list[Observation]:
        """A Monday stands for its week."""
        keys = np.stack((self.person, self.week, self.task_class, self.coach.astype(np.int64)))
        cells, member = np.unique(keys, axis=1, return_inverse=True)
        logs = np.clip(self.log_seconds, math.log(SHORTEST_SECONDS), math.log(LONGEST_SECONDS))
        summed = [
            np.bincount(member.ravel(), values, cells.shape[1])
            for values in (
                np.ones(len(logs)),
                np.round(np.exp(logs) * 1e3),
                np.round(logs * 1e6),
                np.round(logs**2 * 1e6),
            )
        ]
        return [
            Observation(
                person=f"person-{person:03}",
                day=_FIRST_MONDAY + timedelta(weeks=week),
                arm=Arm.COACH if coach else Arm.CONTROL,
                time=WorkTime(*(int(column[place]) for column in summed)),
                task_class=_CLASSES[task_class],
            )
            for place, (person, week, task_class, coach) in enumerate(cells.T.tolist())
        ]

    def chosen(self, mask: NDArray[np.bool_]) -> "Work":
        return Work(self.person[mask], self.week[mask], self.task_class[mask], self.coach[mask], self.log_seconds[mask])


def simulate(world: World, seed: int) -> tuple[Work, Work]:
    """(before the coach, with it)."""
    rng = np.random.default_rng(seed)
    people = world.annotators
    pace = rng.normal(0, 0.3, people)
    learns = rng.uniform(*world.learning, people)
    own_effect = rng.normal(0, world.person_spread, people)
    volume = rng.uniform(1 / 3, 5 / 3, people) * world.pairs_per_week
    difficulty = np.cumsum(rng.normal(world.difficulty_per_week, 0.02, 2 * world.weeks))
    counts = rng.poisson(np.repeat(volume, 2 * world.weeks))
    person = np.repeat(np.repeat(np.arange(people), 2 * world.weeks), counts)
    week = np.repeat(np.tile(np.arange(2 * world.weeks), people), counts)
    has_coach = week >= world.weeks
    coach = has_coach & (rng.random(len(person)) >= world.control_share)
    task_class = rng.integers(0, len(_CLASSES), len(person))
    later = week >= world.weeks + world.weeks // 2
    effect = np.where(later, np.log(world.later_speed_ratio or world.speed_ratio), np.log(world.speed_ratio))
    chance = rng.standard_t(5, len(person)) * np.sqrt(3 / 5) * (0.6 + world.unevenness * coach)
    learnt = learns[person] * (1 - np.exp(-(week + 1) / world.weeks))
    forgotten = (rng.random(len(person)) < world.forgotten_tabs) * np.log(8)
    log_seconds = np.log(_TYPICAL_SECONDS) + pace[person] - learnt + difficulty[week] + 0.2 * (task_class - 1)
    log_seconds += chance + forgotten - coach * (effect + own_effect[person])
    work = Work(person, week, task_class, coach, log_seconds)
    return work.chosen(~has_coach), work.chosen(has_coach)
