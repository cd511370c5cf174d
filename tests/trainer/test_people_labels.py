"""What people did with revisions becomes labels, and a refresh trains the acceptance model from them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coachlm.acceptance.model import AcceptanceModel, Weight, read_acceptance, write_acceptance
from coachlm.desk.dataset import DatasetRow
from coachlm.desk.efficiency import Arm
from coachlm.pairs import InstructionPair, Position, Provenance
from coachlm.revision import Outcome, Revision
from coachlm.status import Status
from trainer.acceptance.people import people_examples, people_value, raw_times
from trainer.acceptance.refreshing import refresh_acceptance

RAW = InstructionPair("Say how tea is made.", "", "Tea is made with hot water and some leaves in a pot.")
GOOD = replace(RAW, response=f"{RAW.response} Let it steep for three minutes, then pour it through a strainer.")
BAD = replace(RAW, response="Tea is a drink that people in many countries like very much at all times.")
ORIGIN = Provenance(Position("test", 0), "alpaca")


def row(
    coached: InstructionPair,
    final: InstructionPair,
    raw: InstructionPair = RAW,
    *,
    arm: Arm = Arm.COACH,
    seconds: float | None = None,
    outcome: Outcome = Outcome.REVISED,
    reason: str | None = None,
) -> DatasetRow:
    revision = Revision(raw.id, coached, outcome, "packed", "d", reason)
    return DatasetRow(
        raw.id, Status.APPROVED, raw, ORIGIN, revision=revision, final=final, active_seconds=seconds, arm=arm
    )


class Store:
    def __init__(self, rows: list[DatasetRow]) -> None:
        self.rows = rows

    def dataset_rows(self, *, statuses: Any = None) -> Iterator[DatasetRow]:
        return (each for each in self.rows if each.status in statuses)


def control(count: int = 60, seconds_a_word: float = 4.0) -> list[DatasetRow]:
    """Pairs of the control arm: twice the words, twice the time."""
    found = []
    for number in range(count):
        raw = replace(RAW, response=" ".join(["word"] * (10 + 5 * number)))
        found.append(row(raw, raw, raw, arm=Arm.CONTROL, seconds=seconds_a_word * (15 + 5 * number)))
    return found


@pytest.mark.parametrize("arm", list(Arm))
def test_the_nearer_text_saved_work(arm: Arm) -> None:
    assert people_value(row(GOOD, GOOD, arm=arm), None) == 1.0
    assert people_value(row(BAD, RAW, arm=arm), None) == 0.0
    assert people_value(row(BAD, GOOD, arm=arm), None) == 0.0
    other = InstructionPair("Something else.", "", " ".join(f"word{number}" for number in range(200)))
    assert people_value(row(BAD, other, arm=arm), None) == 0.5


def test_times_of_the_control_arm_say_what_a_pair_should_take() -> None:
    times = raw_times(control())
    assert times is not None
    assert times.expected(100) == pytest.approx(400, rel=0.1)
    assert times.expected(200) == pytest.approx(800, rel=0.1)
    assert raw_times(control(10)) is None, "too few"
    assert raw_times([replace(each, arm=Arm.COACH) for each in control()]) is None, "they were not drawn"
    assert raw_times([replace(each, active_seconds=0.0) for each in control()]) is None


def test_a_text_that_took_long_saved_less_work_than_it_seems() -> None:
    times = raw_times(control())
    assert times is not None
    usual = times.expected(sum(len(text.split()) for text in (RAW.instruction, RAW.response)))
    assert people_value(row(GOOD, GOOD, seconds=usual), times) == 1.0
    assert people_value(row(GOOD, GOOD, seconds=3 * usual), times) == 0.5
    assert people_value(row(BAD, RAW, seconds=usual / 3), times) == 0.5
    assert people_value(row(GOOD, GOOD, arm=Arm.CONTROL, seconds=3 * usual), times) == 1.0, "they never saw it"
    assert people_value(row(GOOD, GOOD, seconds=float("nan")), times) == 1.0


def test_only_approved_revisions_say_something() -> None:
    rows = [
        row(GOOD, GOOD, reason="accepted_prefilled: 80 % likely to save work"),
        row(RAW, GOOD, outcome=Outcome.UNCHANGED),
        replace(row(GOOD, GOOD), status=Status.POST_EDITED),
        replace(row(GOOD, GOOD), final=None),
        replace(row(GOOD, GOOD), revision=None),
    ]
    (example,) = people_examples(Store(rows))
    assert (example.pair, example.value) == (RAW.id, 1.0)
    assert example.figures["kept_words"] == 1.0


def worked(count: int = 120, seed: int = 0) -> Store:
    """People kept what kept the content, and threw away what did not."""
    draw, rows = np.random.default_rng(seed), []
    for number in range(count):
        raw = replace(RAW, instruction=f"Say how tea number {number} is made.")
        good = draw.uniform() < 0.5
        coached = replace(raw, response=GOOD.response if good else BAD.response)
        rows.append(row(coached, replace(raw, response=GOOD.response if good else RAW.response), raw))
    return Store(rows)


def test_a_refresh_learns_from_people(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "acceptance.json"
    model = refresh_acceptance(worked(), path)
    assert model is not None
    assert read_acceptance(path) == model
    for example in people_examples(worked(seed=1)):
        assert (model.probability(example.figures) > 0.5) == (example.value == 1.0)
    assert [each.name for each in path.parent.iterdir()] == ["acceptance.json"]


def test_one_that_tells_less_apart_does_not_replace_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "acceptance.json"
    assert refresh_acceptance(Store([]), path) is None
    assert not path.exists()
    perfect = AcceptanceModel({"kept_words": Weight(0.5, 0.1, 10.0)}, 0.0)
    write_acceptance(perfect, path)
    assert refresh_acceptance(worked(), path) is None
    assert read_acceptance(path) == perfect
    path.write_text("{")
    assert refresh_acceptance(worked(), path) is not None, "a broken one is replaced"
