"""What the coach saves, by `evaluation.effect.efficiency`; docs/explanations/efficiency.md has the formulas."""

from datetime import date
from enum import StrEnum
from typing import Any

from pydantic import Field

from api.models.base import Given, Text


class GroupBy(StrEnum):
    """What estimates are made for one by one."""

    UNIT = "unit"  # of the person
    CLASS = "class"  # of the pair
    ADAPTER = "adapter"
    MONTH = "month"


class ArmFigures(Given):
    """One arm."""

    pairs: int
    hours: float = Field(description="Active time.")
    pairs_per_person_day: float | None = Field(
        description="8 h ÷ mean active seconds of first submits, people and weeks weighted alike in both arms."
    )


class SpeedRatio(Given):
    """Pairs per hour with the coach over without: exp of the mean difference of ln seconds between the arms, within
    person, week and class; 95 % interval over annotators like these."""

    ratio: float
    low: float
    high: float
    spread: float = Field(description="Standard deviation of annotators' true effects; of ln(ratio).")


class PersonEffect(Given):
    """The ratio of one annotator, with its 95 % interval from sampling pairs alone."""

    person: Text
    pairs: int
    ratio: float
    low: float
    high: float

    @classmethod
    def of(cls, one: Any) -> "PersonEffect":
        """`one`: `evaluation.effect.effect.PersonEffect`."""
        speed = one.speed
        pairs = one.control_pairs + one.coach_pairs
        return cls(person=one.person, pairs=pairs, ratio=speed.value, low=speed.low, high=speed.high)


class Estimate(Given):
    """What the two arms tell. `speed` is null and `people` empty until the sample suffices."""

    verdict: str = Field(description="not_enough, faster, slower or no_difference.")
    sentence: str
    speed: SpeedRatio | None
    control: ArmFigures
    coach: ArmFigures
    people: tuple[PersonEffect, ...]
    missing_control_pairs: int
    missing_people: int
    unusable: dict[str, int] = Field(description="Person → pairs whose time is none (zero, negative, not a number).")

    @classmethod
    def of(cls, found: Any) -> "Estimate":
        """`found`: `evaluation.effect.efficiency.EfficiencyEstimate`."""
        shown = () if found.speed is None else tuple(PersonEffect.of(one) for one in found.people)
        return cls(
            verdict=found.verdict.value,
            sentence=found.sentence,
            speed=found.speed,
            control=found.control,
            coach=found.coach,
            people=shown,
            missing_control_pairs=found.missing_control_pairs,
            missing_people=found.missing_people,
            unusable=found.unusable,
        )


class PaperAccounting(Given):
    """As the paper counts: this period with the coach against the 28 days before. It says what changed, not why."""

    people: int
    baseline: float = Field(description="Pairs per person-day, in the 28 days before.")
    coach: float = Field(description="Pairs per person-day, with the coach now.")
    gross: float = Field(description="coach ÷ baseline − 1")
    proficiency: float = Field(description="Practice: without the coach now ÷ baseline − 1.")
    net: float = Field(description="(1 + gross) ÷ (1 + proficiency) − 1")
    sentence: str


class Efficiency(Given):
    """Of a period, as a whole and by group. Of twenty groups without any effect one will show one."""

    first: date
    last: date
    whole: Estimate
    paper: PaperAccounting | None = Field(description="Null: the same people did no work in the 28 days before.")
    groups: dict[str, Estimate]
