"""Gross and net efficiency as the paper counts them: this period against an earlier one without the coach.

It says what changed, not why: whatever else changed between the periods is in `gross`. The control arm of this period
measures what annotators would do by now without the coach, which the paper had to estimate ("enhanced proficiency").
"""

from collections.abc import Iterable
from dataclasses import dataclass

from coachlm.desk.efficiency import PERSON_DAY_SECONDS, Arm, Observation, WorkTime, pairs_per_person_day
from coachlm.errors import InputError
from evaluation.effect.efficiency import signed_percent


@dataclass(frozen=True, slots=True)
class PaperAccounting:
    """Pairs per person-day of people who worked in both periods, and what the paper derives from them.

    Source: paper §IV-A: from around 80 to nearly 100 pairs per person-day, net 15–20 %.
    """

    people: int
    baseline: float  # pairs per person-day, earlier
    coach: float  # with the coach, now
    gross: float  # coach / baseline − 1
    proficiency: float  # without the coach, now / baseline − 1; or as given
    is_proficiency_measured: bool  # False: somebody's estimate
    net: float  # (1 + gross) / (1 + proficiency) − 1
    sentence: str


def paper_accounting(
    baseline: Iterable[Observation],
    now: Iterable[Observation],
    *,
    person_day_seconds: float = PERSON_DAY_SECONDS,
    proficiency: float | None = None,
) -> PaperAccounting | None:
    """None, when nobody has pairs in the baseline and with the coach now, or the proficiency is neither given nor
    measured. In the baseline both arms count: there was no coach.

    Raises: InputError, for a proficiency of −100 % or less.
    """
    if proficiency is not None and not proficiency > -1:
        raise InputError(f"a proficiency of {proficiency}; give a share above -1, e.g. 0.05 for 5 % faster by practice")
    earlier, later = list(baseline), list(now)
    people = _people(earlier) & _people(one for one in later if one.arm is Arm.COACH)
    before = _pace(earlier, people, person_day_seconds)
    coach = _pace((one for one in later if one.arm is Arm.COACH), people, person_day_seconds)
    control = _pace((one for one in later if one.arm is Arm.CONTROL), people, person_day_seconds)
    if before is None or coach is None or (proficiency is None and control is None):
        return None
    gross = coach / before - 1
    practice = proficiency if proficiency is not None else (control or before) / before - 1
    net = (1 + gross) / (1 + practice) - 1
    sentence = (
        f"From {before:.0f} to {coach:.0f} pairs per person-day: {signed_percent(gross)} gross, practice alone "
        f"{signed_percent(practice)}, {signed_percent(net)} net."
    )
    return PaperAccounting(len(people), before, coach, gross, practice, proficiency is None, net, sentence)


def _people(observations: Iterable[Observation]) -> set[str]:
    return {one.person for one in observations if one.time.pairs}


def _pace(observations: Iterable[Observation], people: set[str], person_day_seconds: float) -> float | None:
    total = sum((one.time for one in observations if one.person in people), WorkTime())
    return pairs_per_person_day(total.pairs, total.seconds, person_day_seconds)
