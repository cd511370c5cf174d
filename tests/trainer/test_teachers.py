"""An instructed coach teaches a tuned one: what people left as it was, weighted, apart, and nothing else."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from coachlm.desk.dataset import DatasetRow, TextChoice
from coachlm.errors import TrainingError
from coachlm.instructing import instructed_id
from coachlm.pairs import InstructionPair, Position, Provenance
from coachlm.revision import Outcome, Revision
from coachlm.status import Status
from tests.trainer.models import expert_revisions, write_revisions
from trainer.plan.recipe import Recipe
from trainer.plan.revisions import approved_source, file_source
from trainer.plan.run_folder import RunFolder
from trainer.plan.teachers import Teacher, database_teacher, file_teacher, is_taught
from trainer.run import train_coach
from trainer.tuning.base_model import load_base

QUICK = Recipe(epochs=1, learning_rate=1e-2, rank=4, batch_pairs=8)
COACH = instructed_id("ab" * 32)
ORIGIN = Provenance(Position("test", 0), "alpaca")


def row(number: int, adapter: str | None, change: str = "") -> DatasetRow:
    raw = InstructionPair(f"tell about shoes {number}", "", f"shoes {number} are good.")
    revised = replace(raw, response=f"Shoes number {number} are good, for they keep feet dry when it rains.")
    made = Revision(raw.id, revised, Outcome.REVISED, "openai", adapter)
    final = replace(revised, response=revised.response + change)
    return DatasetRow(raw.id, Status.APPROVED, raw, ORIGIN, revision=made, final=final)


class Approved:
    def __init__(self, rows: Sequence[DatasetRow]) -> None:
        self.rows = rows

    def dataset_rows(self, *, statuses: Any = None) -> Iterator[DatasetRow]:
        return iter(self.rows)


LEFT_ALONE = row(0, COACH)
COMMA = row(1, COACH, "!")
REWRITTEN = row(2, COACH, " But shoes may be tight, and then nobody is happy with them.")
TUNED = row(3, "3f9c07d1b8e24a65")
NONE = row(4, None)
STORE = Approved([LEFT_ALONE, COMMA, REWRITTEN, TUNED, NONE])


def test_what_people_left_alone_is_the_teachers_and_the_rest_their_own():
    assert [is_taught(each) for each in STORE.rows] == [True, True, False, False, False]
    rejects: Counter[str] = Counter()
    own = approved_source(STORE, leave_out=is_taught)
    assert [each.raw for each in own.revisions(rejects)] == [REWRITTEN.raw, TUNED.raw, NONE.raw]
    assert rejects == {"taught": 2}


def train(base: Path, folder: Path, teacher: Teacher | None, count: int = 12) -> Any:
    folder.parent.mkdir(exist_ok=True)
    data = write_revisions(folder.parent / "data.jsonl", expert_revisions(count))
    return train_coach(str(base), file_source(data), folder, alpha=1.0, recipe=QUICK, teacher=teacher)


@pytest.mark.slow
def test_it_is_frozen_apart_weighted_and_named_in_the_record(tiny_llama: Path, tmp_path: Path):
    teacher = database_teacher(STORE, 0.25)
    record = train(tiny_llama, tmp_path / "with", teacher)
    assert record.examples == 12 + 2
    taught = record.figures["teacher"]
    assert (taught["taken"], taught["weight"]) == (2, 0.25)
    assert taught["rejects"] == {"edited_by_people": 1, "not_by_an_instructed_coach": 2}
    frozen = [json.loads(line) for line in (tmp_path / "with" / "teacher_pairs.jsonl").read_text().splitlines()]
    assert [each["revised"][2] for each in frozen] == [
        each.text(TextChoice.FINAL).response for each in (LEFT_ALONE, COMMA)
    ]
    assert record.selection["read"] == 12
    alone = train(tiny_llama, tmp_path / "without", None)
    assert "teacher" not in alone.figures
    assert alone.fingerprint != record.fingerprint
    assert train(tiny_llama, tmp_path / "with", teacher) == record
    with pytest.raises(TrainingError, match="another teacher or weight"):
        train(tiny_llama, tmp_path / "with", database_teacher(STORE, 0.5))
    with pytest.raises(TrainingError, match="with a teacher"):
        train(tiny_llama, tmp_path / "with", None)
    with pytest.raises(TrainingError, match="without a teacher"):
        train(tiny_llama, tmp_path / "without", teacher)


def test_a_weight_is_a_share_of_the_loss(tiny_llama: Path, tmp_path: Path):
    base, items = load_base(str(tiny_llama)), expert_revisions(2)
    left_out: Counter[str] = Counter()
    own = base.examples(items, left_out)
    halves = base.examples([items[0], replace(items[1], weight=0.5)], left_out)
    with torch.inference_mode():
        one, other = (float(base.summed_loss(base.model, [each])[0]) for each in own)
        both = float(base.summed_loss(base.model, halves)[0])
    assert both == pytest.approx(one + 0.5 * other, rel=1e-4)


def test_files_say_who_revised(tmp_path: Path):
    def record(each: DatasetRow, **more: Any) -> str:
        assert each.revision is not None
        assert each.final is not None
        texts = {"raw": each.raw, "revised": each.revision.revised, "final": each.final}
        return json.dumps({name: pair.as_dict() for name, pair in texts.items()} | more) + "\n"

    path = tmp_path / "teacher.jsonl"
    unfinished = json.loads(record(row(7, COACH), adapter=COACH))
    del unfinished["final"]
    path.write_text(
        record(LEFT_ALONE, adapter=COACH)
        + record(TUNED, adapter="3f9c07d1b8e24a65")
        + record(NONE)
        + json.dumps(unfinished)
        + "\n"
    )
    folder = RunFolder(tmp_path / "run")
    folder.folder.mkdir()
    folder.pairs.write_bytes(b"")
    lessons = folder.lessons(file_teacher(path, 1.0))
    assert lessons is not None
    assert lessons.taken == 1
    assert lessons.rejects == {"not_by_an_instructed_coach": 2, "no_final_text": 1}
    path.write_text("{}\n")
    with pytest.raises(TrainingError, match="`raw` and `revised`"):
        list(file_teacher(path, 1.0).revisions())
    with pytest.raises(TrainingError, match="weight"):
        file_teacher(path, 0.0)
