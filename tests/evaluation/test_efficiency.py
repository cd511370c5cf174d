"""What the coach saves: a known truth is recovered, small samples are refused, garbage is counted and named."""

import math
import random
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.efficiency.simulation import World, simulate
from coachlm.desk.efficiency import LONGEST_SECONDS, Arm, Observation, WorkTime
from coachlm.errors import InputError
from evaluation.effect.efficiency import Verdict, estimate_efficiency, estimate_groups
from evaluation.effect.paper_accounting import paper_accounting

MONDAY = date(2026, 3, 2)
WORLD = World("test", person_spread=0.03, annotators=6, learning=(0.3, 0.6))
SECONDS = st.floats(0.5, 10_000) | st.sampled_from([0.0, -3.0, math.nan, math.inf, -math.inf])


def seen(seconds: float, person: str = "ada", arm: Arm = Arm.COACH, **fields: object) -> Observation:
    return Observation(person, MONDAY, arm, WorkTime.of(seconds), **fields)  # pyright: ignore[reportArgumentType]


def work(seed: int = 7, **changes: object) -> tuple[list[Observation], list[Observation]]:
    before, now = simulate(replace(WORLD, **changes), seed)  # pyright: ignore[reportArgumentType]
    return before.observations(), now.observations()


def scaled(one: Observation, factor: float) -> Observation:
    """All times of a sum multiplied."""
    time, log = one.time, math.log(factor)
    squared = time.log_squared_micros + 2 * log * time.log_micros + time.pairs * log * log * 1e6
    return replace(
        one,
        time=WorkTime(
            time.pairs,
            round(time.milliseconds * factor),
            round(time.log_micros + time.pairs * log * 1e6),
            round(squared),
        ),
    )


def test_a_known_effect_is_recovered_where_before_and_after_is_fooled():
    before, now = work(speed_ratio=1.175)
    found = estimate_efficiency(now)
    assert found.verdict is Verdict.FASTER
    assert found.speed is not None
    assert found.speed.low < 1.175 < found.speed.high
    assert found.speed.ratio == pytest.approx(1.175, rel=0.05)
    counted = paper_accounting(before, now)
    assert counted is not None
    assert counted.gross > 0.28  # learning is in it
    assert counted.net == pytest.approx(0.175, abs=0.06)
    assert "more pairs per hour" in found.sentence


def test_a_useless_coach_is_not_praised_for_what_people_learn():
    before, now = work(speed_ratio=1.0, person_spread=0.0)
    found = estimate_efficiency(now)
    assert found.verdict is Verdict.NO_DIFFERENCE
    assert found.sentence.startswith("No difference is shown")
    counted = paper_accounting(before, now)
    assert counted is not None
    assert counted.gross > 0.1
    assert abs(counted.net) < 0.06


def test_a_coach_that_slows_down_is_said_to():
    found = estimate_efficiency(work(speed_ratio=0.75)[1])
    assert found.verdict is Verdict.SLOWER
    assert "fewer pairs per hour" in found.sentence


def test_pairs_per_person_day_of_the_arms():
    day = 8 * 3600
    times = [(Arm.CONTROL, 360.0), (Arm.COACH, 288.0)] * 400
    people = [seen(seconds, f"p{number % 4}", arm) for number, (arm, seconds) in enumerate(times, 0)]
    people += [seen(seconds, f"p{number % 4}", arm) for number, (arm, seconds) in enumerate(reversed(times))]
    found = estimate_efficiency(people, person_day_seconds=day)
    assert found.control.pairs_per_person_day == pytest.approx(80)
    assert found.coach.pairs_per_person_day == pytest.approx(100)
    assert found.speed is not None
    assert found.speed.ratio == pytest.approx(1.25, abs=1e-4)


def test_small_samples_are_refused_with_what_is_missing():
    nothing = estimate_efficiency([])
    assert nothing.verdict is Verdict.NOT_ENOUGH
    assert nothing.speed is None
    assert nothing.missing_people == 3
    assert nothing.sentence.startswith("Not enough yet: 3 more annotators with both arms and ")
    few = estimate_efficiency(work(pairs_per_week=20)[1])
    assert few.speed is None
    assert few.missing_people == 0
    assert f"{few.missing_control_pairs:,} more control pairs for ±5% needed" in few.sentence
    enough = estimate_efficiency(work(pairs_per_week=20)[1], precision=0.5)
    assert enough.speed is None  # a hundred control pairs at the least, however little precision is asked for
    lax = estimate_efficiency(work(pairs_per_week=60)[1], precision=0.2)
    assert lax.speed is not None


def test_the_missing_pairs_bring_the_precision_when_they_come():
    observations = work(pairs_per_week=60)[1]
    first = estimate_efficiency(observations)
    control = first.control.pairs
    assert first.missing_control_pairs > 0
    times = math.ceil((control + first.missing_control_pairs) / control)
    more = [replace(one, person=one.person) for one in observations for _ in range(times)]
    assert estimate_efficiency(more).missing_control_pairs == 0


def test_two_annotators_are_too_few_to_speak_of_others():
    found = estimate_efficiency(work(annotators=2, pairs_per_week=2000)[1])
    assert found.missing_people == 1
    assert found.speed is None
    assert found.sentence == "Not enough yet: 1 more annotator with both arms needed."


def test_whoever_has_one_arm_only_changes_nothing_and_is_named():
    observations = work()[1]
    lonely = [seen(20.0, "zoe", Arm.COACH) for _ in range(500)]
    alone = estimate_efficiency(observations)
    together = estimate_efficiency(observations + lonely)
    assert together.speed == alone.speed
    assert together.one_armed == ("zoe",)


def test_times_that_are_none_are_counted_by_person_and_change_nothing():
    observations = work()[1]
    broken = [seen(value, "person-000", Arm.CONTROL) for value in (0.0, -5.0, math.nan, math.inf)]
    found = estimate_efficiency(observations + broken)
    assert found.unusable == {"person-000": 4}
    assert found.speed == estimate_efficiency(observations).speed
    assert found.one_armed == ()


def test_a_forgotten_tab_counts_as_the_longest_time():
    assert WorkTime.of(1e9) == WorkTime.of(LONGEST_SECONDS)
    assert WorkTime.of(0.001) == WorkTime.of(1.0)


def test_neither_order_nor_summing_up_nor_the_unit_of_time_matter():
    observations = work()[1]
    found = estimate_efficiency(observations)
    shuffled = random.Random(1).sample(observations, len(observations))
    assert estimate_efficiency(shuffled) == found
    halves = [replace(one, time=time) for one in observations for time in (one.time, one.time, WorkTime() - one.time)]
    with pytest.raises(InputError, match="rebuild the rollups"):
        estimate_efficiency(halves)
    twice_as_long = estimate_efficiency([scaled(one, 2.0) for one in observations])
    assert found.speed is not None
    assert twice_as_long.speed is not None
    assert twice_as_long.speed.ratio == pytest.approx(found.speed.ratio, rel=1e-5)
    assert twice_as_long.speed.high == pytest.approx(found.speed.high, rel=1e-4)
    assert twice_as_long.coach.pairs_per_person_day == pytest.approx((found.coach.pairs_per_person_day or 0) / 2)


def test_groups_are_estimated_each_for_itself():
    first = [replace(one, adapter="a") for one in work(speed_ratio=1.1)[1]]
    second = [replace(one, adapter="b") for one in work(speed_ratio=1.4)[1]]
    by_adapter = estimate_groups(first + second, lambda one: one.adapter)
    assert list(by_adapter) == ["a", "b"]
    assert by_adapter["a"] == estimate_efficiency(first)
    assert by_adapter["b"].speed is not None
    assert by_adapter["a"].speed is not None
    assert by_adapter["a"].speed.high < by_adapter["b"].speed.low


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(Arm), SECONDS), max_size=200))
def test_whatever_times_come_there_is_an_answer(rows: list[tuple[str, Arm, float]]):
    found = estimate_efficiency([seen(value, person, arm) for person, arm, value in rows], precision=1.0)
    pairs = found.control.pairs + found.coach.pairs
    assert pairs + sum(found.unusable.values()) == len(rows)
    if found.speed is not None:
        assert found.speed.low <= found.speed.ratio <= found.speed.high
        assert math.isfinite(found.speed.high)


@given(st.lists(SECONDS, max_size=30), st.randoms(use_true_random=False))
def test_sums_are_exact_in_any_order_and_can_be_taken_back(values: list[float], shuffler: random.Random):
    times = [WorkTime.of(value) for value in values]
    total = sum(times, WorkTime())
    assert sum(shuffler.sample(times, len(times)), WorkTime()) == total
    assert sum(times, total) - total == total
    assert total.log_deviations >= 0


def test_options_that_make_no_sense_are_refused():
    for options in ({"precision": 0.0}, {"precision": math.nan}, {"person_day_seconds": 0}, {"least_people": 1}):
        with pytest.raises(InputError):
            estimate_efficiency([], **options)


def test_the_papers_figures_give_the_papers_net():
    before = [seen(360.0, "ada", Arm.CONTROL)]
    now = [seen(288.0, "ada", Arm.COACH)]
    counted = paper_accounting(before, now, proficiency=0.06)
    assert counted is not None
    assert (counted.baseline, counted.coach) == (80, 100)
    assert counted.gross == pytest.approx(0.25)
    assert counted.net == pytest.approx(0.179, abs=0.001)  # within the paper's 15–20 %
    assert counted.sentence == "From 80 to 100 pairs per person-day: +25% gross, practice alone +6%, +18% net."
    assert paper_accounting(before, now) is None  # no control arm, and nobody says what practice brought
    assert paper_accounting([], now, proficiency=0.0) is None
    with pytest.raises(InputError):
        paper_accounting(before, now, proficiency=-1.0)
