"""The coach's effect on the time of a pair: within annotator, week and class, then over annotators.

Within a stratum both arms are the same person's, of the same week and class, and chance alone decided which pair went
into which: learning, difficulty that drifts and differences between annotators are the same in both and drop out.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from coachlm.desk.efficiency import Arm, Observation, WorkTime
from coachlm.intervals import NORMAL_95, Interval, normal_half_width
from coachlm.pairs import TaskClass

LEAST_PAIRS = 5
"""Of each arm, for a person to count: with fewer, chance alone decides the person's figure."""
_OWN_SPREAD_FROM = 10  # degrees of freedom from which a person's own spread is taken instead of everybody's

Stratum = tuple[str, int, int, TaskClass | None]  # person, ISO year, ISO week, class


@dataclass(frozen=True, slots=True)
class ComparedStratum:
    """Pairs of one person, week and class, some of them in each arm."""

    person: str
    control: WorkTime
    coach: WorkTime

    @property
    def weight(self) -> float:
        """What the stratum's difference is worth: the inverse of its variance, but for a constant."""
        control, coach = self.control.pairs, self.coach.pairs
        return control * coach / (control + coach)

    @property
    def log_ratio(self) -> float:
        """Logarithm of control time over coach time: positive where the coach saves time."""
        return self.control.mean_log - self.coach.mean_log


@dataclass(frozen=True, slots=True)
class PersonEffect:
    """The effect on one annotator."""

    person: str
    control_pairs: int
    coach_pairs: int
    log_ratio: float
    variance: float  # of `log_ratio`, from sampling pairs alone

    @property
    def speed_ratio(self) -> float:
        return math.exp(self.log_ratio)

    @property
    def speed(self) -> Interval:
        """The ratio with its 95 % interval from sampling pairs alone."""
        half = normal_half_width(self.variance)
        return Interval(self.speed_ratio, math.exp(self.log_ratio - half), math.exp(self.log_ratio + half))


@dataclass(frozen=True, slots=True)
class CombinedEffect:
    """The mean effect on annotators like these, with its 95 % interval; logarithms of speed ratios."""

    log_ratio: float
    low: float
    high: float
    spread: float  # standard deviation of the true effects between annotators, as estimated


def compare_strata(observations: Iterable[Observation]) -> list[ComparedStratum]:
    """Strata that have both arms, in order of person, week and class."""
    arms: defaultdict[Stratum, dict[Arm, WorkTime]] = defaultdict(dict)
    for seen in observations:
        times = arms[seen.person, *_week(seen.day), seen.task_class]
        times[seen.arm] = times.get(seen.arm, WorkTime()) + seen.time
    empty = WorkTime()
    compared = (
        ComparedStratum(stratum[0], times.get(Arm.CONTROL, empty), times.get(Arm.COACH, empty))
        for stratum, times in sorted(arms.items(), key=lambda item: (*item[0][:3], item[0][3] or ""))
    )
    return [stratum for stratum in compared if stratum.control.pairs and stratum.coach.pairs]


def person_effects(strata: Iterable[ComparedStratum]) -> list[PersonEffect]:
    """Of everybody with at least `LEAST_PAIRS` compared pairs in each arm, in order of name."""
    by_person: defaultdict[str, list[ComparedStratum]] = defaultdict(list)
    for stratum in strata:
        by_person[stratum.person].append(stratum)
    kept = {person: own for person, own in sorted(by_person.items()) if min(_pairs(own)) >= LEAST_PAIRS}
    everybody = [stratum for own in kept.values() for stratum in own]
    team = {arm: _spread(everybody, arm) for arm in Arm}
    return [_person_effect(person, own, team) for person, own in kept.items()]


def combine(effects: list[PersonEffect]) -> CombinedEffect:
    """Random effects over at least two annotators: between-person variance after Paule and Mandel, interval after
    Hartung, Knapp, Sidik and Jonkman (t with one degree less than annotators), and never narrower than the normal one,
    which guards against a few effects that happen to agree.

    Source: IntHout, Ioannidis and Borm 2014, "The Hartung-Knapp-Sidik-Jonkman method for random effects meta-analysis".
    """
    with np.errstate(divide="ignore", invalid="ignore"):  # effects that are all equal: only its I² suffers
        found: Any = combine_effects(
            np.array([one.log_ratio for one in effects]),
            np.array([one.variance for one in effects]),
            method_re="iterated",
            use_t=True,
        )
    half = max(
        float(stats.t.ppf(0.975, len(effects) - 1)) * float(found.sd_eff_w_re_hksj),
        NORMAL_95 * float(found.sd_eff_w_re),
    )
    centre = float(found.mean_effect_re)
    return CombinedEffect(centre, centre - half, centre + half, math.sqrt(max(0.0, float(found.tau2))))


def sampling_half_width(effects: list[PersonEffect]) -> float:
    """Half of the 95 % interval that sampling pairs alone would leave for these annotators; a logarithm."""
    worth = [one.control_pairs * one.coach_pairs / (one.control_pairs + one.coach_pairs) for one in effects]
    variance = sum(w * w * one.variance for w, one in zip(worth, effects, strict=True)) / sum(worth) ** 2
    return normal_half_width(variance)


def control_pairs_for(precision: float, coach_per_control: float, spread: float) -> int:
    """Control pairs that leave a sampling error of ± `precision` (0.05: 5 %) when ln(seconds) has this spread."""
    variance = (math.log1p(precision) / NORMAL_95) ** 2
    return math.ceil(spread**2 * (1 + 1 / coach_per_control) / variance)


def _week(day: date) -> tuple[int, int]:
    year, week, _ = day.isocalendar()
    return year, week


def _pairs(strata: Iterable[ComparedStratum]) -> tuple[int, int]:
    listed = list(strata)
    return sum(one.control.pairs for one in listed), sum(one.coach.pairs for one in listed)


def _person_effect(person: str, strata: list[ComparedStratum], team: Mapping[Arm, tuple[float, int]]) -> PersonEffect:
    total = sum(one.weight for one in strata)
    variance = 0.0
    for arm in Arm:
        own, freedom = _spread(strata, arm)
        square = own if freedom >= _OWN_SPREAD_FROM else team[arm][0]
        variance += square * sum(one.weight**2 / _time(one, arm).pairs for one in strata)
    mean = sum(one.weight * one.log_ratio for one in strata) / total
    # Times that are all alike would make one person outweigh everybody; a millionth is the precision of the sums.
    return PersonEffect(person, *_pairs(strata), mean, max(variance / total**2, 1e-6))


def _spread(strata: list[ComparedStratum], arm: Arm) -> tuple[float, int]:
    """Variance of ln(seconds) within strata, and its degrees of freedom."""
    times = [_time(one, arm) for one in strata]
    freedom = sum(time.pairs - 1 for time in times)
    return sum(time.log_deviations for time in times) / max(1, freedom), freedom


def _time(stratum: ComparedStratum, arm: Arm) -> WorkTime:
    return stratum.control if arm is Arm.CONTROL else stratum.coach
