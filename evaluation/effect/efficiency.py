"""What the coach saves, from its control arm: the estimate, its interval, and the sample below which nothing is said.

docs/explanations/efficiency.md has the formulas and the simulation that chose the estimator.
"""

# See docs/decisions/0110-efficiency-estimator.md

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from coachlm.desk.efficiency import PERSON_DAY_SECONDS, Arm, Observation, WorkTime, pairs_per_person_day
from coachlm.errors import InputError
from evaluation.effect.effect import (
    ComparedStratum,
    PersonEffect,
    combine,
    compare_strata,
    control_pairs_for,
    person_effects,
    sampling_half_width,
)

PRECISION = 0.05
LEAST_PEOPLE = 3
LEAST_CONTROL_PAIRS = 100
_PLANNED_SPREAD = 0.6  # of ln(seconds) within a person, week and class, until there is data to take it from
_PLANNED_COACH_PER_CONTROL = 9.0  # a control share of a tenth

Group = TypeVar("Group", bound=Hashable)


class Verdict(StrEnum):
    """What may be said."""

    NOT_ENOUGH = "not_enough"  # the sample is below the minimum: nothing
    FASTER = "faster"  # the interval lies above 1
    SLOWER = "slower"  # the interval lies below 1
    NO_DIFFERENCE = "no_difference"  # the interval holds 1: neither is shown


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """One arm. `pairs_per_person_day` is over pairs that were compared, weighted alike for both arms; None: none."""

    pairs: int
    hours: float
    pairs_per_person_day: float | None


@dataclass(frozen=True, slots=True)
class SpeedRatio:
    """Pairs per hour with the coach over without, for the typical (geometric mean) pair; 95 % interval over annotators
    like these."""

    ratio: float
    low: float
    high: float
    spread: float  # standard deviation of annotators' true effects; of ln(ratio)


@dataclass(frozen=True, slots=True)
class EfficiencyEstimate:
    """What the two arms tell. `speed` is None until the sample suffices, so that nothing can be claimed early."""

    verdict: Verdict
    speed: SpeedRatio | None
    control: ArmFigures
    coach: ArmFigures
    people: tuple[PersonEffect, ...]  # who counts
    missing_control_pairs: int  # for a sampling error of ± `precision`; 0: reached
    missing_people: int
    precision: float
    one_armed: tuple[str, ...]  # people left out: too few compared pairs in one arm or both
    unusable: dict[str, int]  # person → pairs whose time is none (NaN, zero, negative)
    sentence: str


def estimate_efficiency(
    observations: Iterable[Observation],
    *,
    person_day_seconds: float = PERSON_DAY_SECONDS,
    precision: float = PRECISION,
    least_people: int = LEAST_PEOPLE,
) -> EfficiencyEstimate:
    """The order of observations and how they are summed up change nothing.

    Raises: InputError, for sums below zero or a precision, person-day or number of people that makes no sense.
    """
    _check_options(person_day_seconds, precision, least_people)
    seen = _checked(observations)
    strata = compare_strata(seen)
    people = person_effects(strata)
    counted = {one.person for one in people}
    compared = [stratum for stratum in strata if stratum.person in counted]
    missing_people = max(0, least_people - len(people))
    missing_pairs = _missing_control_pairs(people, precision)
    speed = None if missing_people or missing_pairs else _speed_ratio(people)
    verdict = _verdict(speed)
    return EfficiencyEstimate(
        verdict=verdict,
        speed=speed,
        control=_arm_figures(seen, compared, Arm.CONTROL, person_day_seconds),
        coach=_arm_figures(seen, compared, Arm.COACH, person_day_seconds),
        people=tuple(people),
        missing_control_pairs=missing_pairs,
        missing_people=missing_people,
        precision=precision,
        one_armed=tuple(sorted({one.person for one in seen if one.time.pairs} - counted)),
        unusable=_unusable(seen),
        sentence=_sentence(verdict, speed, people, missing_pairs, missing_people, precision),
    )


def estimate_groups(
    observations: Iterable[Observation], group: Callable[[Observation], Group], **options: float
) -> dict[Group, EfficiencyEstimate]:
    """One estimate a group (unit, class, adapter, month …), in order of first sight. Options are those of
    `estimate_efficiency`. Of twenty groups without any effect, one will show one: 95 % is for each alone."""
    members: defaultdict[Group, list[Observation]] = defaultdict(list)
    for one in observations:
        members[group(one)].append(one)
    return {key: estimate_efficiency(own, **options) for key, own in members.items()}  # pyright: ignore[reportArgumentType]


def _check_options(person_day_seconds: float, precision: float, least_people: int) -> None:
    if not (math.isfinite(person_day_seconds) and person_day_seconds > 0):
        raise InputError(f"a person-day of {person_day_seconds} s; give the seconds of work in a day, e.g. 28800")
    if not 0 < precision <= 1:
        raise InputError(f"a precision of {precision}; give a share above 0 and up to 1, e.g. 0.05 for ±5 %")
    if least_people < 2:
        raise InputError(f"at least {least_people} annotators; an interval over annotators needs two or more")


def _checked(observations: Iterable[Observation]) -> list[Observation]:
    seen = list(observations)
    for one in seen:
        time = one.time
        if min(time.pairs, time.unusable, time.milliseconds, time.log_micros) < 0:
            raise InputError(
                f"the sums of {one.person!r} on {one.day} ({one.arm}) are below zero: {time}; rebuild the rollups"
            )
    return seen


def _missing_control_pairs(people: Sequence[PersonEffect], precision: float) -> int:
    planned = max(LEAST_CONTROL_PAIRS, control_pairs_for(precision, _PLANNED_COACH_PER_CONTROL, _PLANNED_SPREAD))
    if not people:
        return planned
    have = sum(one.control_pairs for one in people)
    lacking = (sampling_half_width(list(people)) / math.log1p(precision)) ** 2
    # With a few pairs the spread is a guess, too: the planned one holds until the least are there.
    floor = 0 if have >= LEAST_CONTROL_PAIRS else planned
    return max(0, max(math.ceil(have * lacking), floor) - have)


def _speed_ratio(people: Sequence[PersonEffect]) -> SpeedRatio:
    found = combine(list(people))
    return SpeedRatio(math.exp(found.log_ratio), math.exp(found.low), math.exp(found.high), found.spread)


def _verdict(speed: SpeedRatio | None) -> Verdict:
    if speed is None:
        return Verdict.NOT_ENOUGH
    if speed.low > 1:
        return Verdict.FASTER
    return Verdict.SLOWER if speed.high < 1 else Verdict.NO_DIFFERENCE


def _arm_figures(
    seen: Sequence[Observation], compared: Sequence[ComparedStratum], arm: Arm, person_day_seconds: float
) -> ArmFigures:
    total = sum((one.time for one in seen if one.arm is arm), WorkTime())
    weight = sum(one.weight for one in compared)
    times = [(one.weight, one.control if arm is Arm.CONTROL else one.coach) for one in compared]
    seconds = sum(w * time.seconds / time.pairs for w, time in times) / weight if weight else 0.0
    return ArmFigures(total.pairs, total.seconds / 3600, pairs_per_person_day(1, seconds, person_day_seconds))


def _unusable(seen: Sequence[Observation]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for one in seen:
        if one.time.unusable:
            counts[one.person] += one.time.unusable
    return dict(sorted(counts.items()))


def _sentence(
    verdict: Verdict,
    speed: SpeedRatio | None,
    people: Sequence[PersonEffect],
    missing_pairs: int,
    missing_people: int,
    precision: float,
) -> str:
    if speed is None:
        return _not_enough(missing_pairs, missing_people, precision)
    pairs = sum(one.control_pairs + one.coach_pairs for one in people)
    basis = f"{len(people)} annotators, {pairs:,} pairs"
    interval = f"95 % interval {_percent(speed.low)} to {_percent(speed.high)}"
    if verdict is Verdict.NO_DIFFERENCE:
        return f"No difference is shown: with the coach {_percent(speed.ratio)} pairs per hour ({interval}; {basis})."
    more = "more" if verdict is Verdict.FASTER else "fewer"
    change = abs(speed.ratio - 1)
    return f"With the coach people finish {change:.1%} {more} pairs per hour ({interval}; {basis})."


def _not_enough(missing_pairs: int, missing_people: int, precision: float) -> str:
    needs: list[str] = []
    if missing_people:
        needs.append(f"{missing_people} more {_plural(missing_people, 'annotator')} with both arms")
    if missing_pairs:
        needs.append(f"{missing_pairs:,} more control {_plural(missing_pairs, 'pair')} for ±{precision:.0%}")
    return f"Not enough yet: {' and '.join(needs)} needed."


def _plural(count: int, noun: str) -> str:
    return noun if count == 1 else f"{noun}s"


def _percent(ratio: float) -> str:
    return signed_percent(ratio - 1, 1)


def signed_percent(share: float, digits: int = 0) -> str:
    return f"{share:+.{digits}%}".replace("-", "−")
