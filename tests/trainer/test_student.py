"""Students: Alpaca's prompt and recipe, all weights or LoRA, killed and resumed, and answering as they were taught."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from coachlm.errors import TrainingError
from coachlm.pairs import InstructionPair
from coachlm.prompt import student_prompt
from tests.command_line import main
from trainer.plan.recipe import Recipe
from trainer.plan.run_folder import StepMetrics
from trainer.student import StudentRecipe, load_student, student_answers, train_student

PAIRS = [InstructionPair(f"tell about {name}", "", f"{name} is good.") for name in ("bread", "maps", "kites", "lamps")]
ALIKE = [InstructionPair(pair.instruction, "", "Look at it twice.") for pair in PAIRS]
FAST = StudentRecipe(epochs=30, batch_pairs=4, learning_rate=1e-2, max_tokens=200)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model" / "model.safetensors")


def test_a_student_answers_as_it_was_taught(tiny_llama: Path, tmp_path: Path):
    record = train_student(str(tiny_llama), ALIKE, tmp_path / "s", name="four", recipe=FAST)
    assert (record.examples, record.cut, record.model) == (4, 0, "model")
    found = student_answers(load_student(tmp_path / "s", max_new_tokens=20), PAIRS)
    assert found == [pair.response for pair in ALIKE]
    assert not list((tmp_path / "s" / "checkpoints").glob("*.safetensors"))


def test_lora_leaves_the_base_as_it_is(tiny_llama: Path, tmp_path: Path):
    before = (tiny_llama / "model.safetensors").read_bytes()
    recipe = StudentRecipe(method="lora", epochs=30, batch_pairs=4, learning_rate=3e-2, rank=16, lora_alpha=32)
    record = train_student(str(tiny_llama), ALIKE, tmp_path / "s", name="four", recipe=recipe)
    assert record.model.startswith("adapters/")
    assert (tiny_llama / "model.safetensors").read_bytes() == before
    first, last = record.metrics["loss_first_epoch"], record.metrics["loss_last_epoch"]
    assert first is not None
    assert last is not None
    assert last < first
    tuned = load_file(tmp_path / "s" / record.model / "adapter_model.safetensors")
    assert all(weight.any() for name, weight in tuned.items() if "lora_B" in name)
    answers = student_answers(load_student(tmp_path / "s", max_new_tokens=20), PAIRS)
    assert None not in answers


class KilledError(Exception):
    pass


def test_a_killed_run_ends_as_an_undisturbed_one(tiny_llama: Path, tmp_path: Path):
    recipe = StudentRecipe(epochs=6, batch_pairs=2, learning_rate=1e-3)

    def kill(step: StepMetrics) -> None:
        if step.step == 5:
            raise KilledError

    train_student(str(tiny_llama), PAIRS, tmp_path / "a", name="four", recipe=recipe)
    with pytest.raises(KilledError):
        train_student(
            str(tiny_llama), PAIRS, tmp_path / "b", name="four", recipe=recipe, checkpoint_steps=2, on_step=kill
        )
    steps: list[int] = []
    train_student(
        str(tiny_llama), PAIRS, tmp_path / "b", name="four", recipe=recipe, on_step=lambda s: steps.append(s.step)
    )
    assert steps[0] == 5  # from the checkpoint of step 4
    one, other = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert all(torch.equal(one[name], other[name]) for name in one)
    later: list[StepMetrics] = []
    again = train_student(str(tiny_llama), PAIRS, tmp_path / "b", name="four", recipe=recipe, on_step=later.append)
    assert (again.metrics["steps"], later) == (12, [])


@pytest.mark.parametrize("change", [{"recipe": StudentRecipe(epochs=2, batch_pairs=2)}, {"pairs": PAIRS[:3]}])
def test_a_finished_student_is_not_mixed_with_another(tiny_llama: Path, tmp_path: Path, change: dict[str, Any]):
    given = {"pairs": PAIRS, "recipe": StudentRecipe(epochs=1, batch_pairs=2)}
    train_student(str(tiny_llama), folder=tmp_path / "s", name="x", **given)
    with pytest.raises(TrainingError, match="another output folder"):
        train_student(str(tiny_llama), folder=tmp_path / "s", name="x", **(given | change))


def test_long_responses_are_cut_and_long_requests_left_out(tiny_llama: Path, tmp_path: Path):
    pairs = [*PAIRS, InstructionPair("tell", "", "more " * 400), InstructionPair("more " * 400, "", "tell")]
    recipe = StudentRecipe(epochs=1, batch_pairs=8, max_tokens=180)
    record = train_student(str(tiny_llama), pairs, tmp_path / "s", name="long", recipe=recipe)
    assert (record.examples, record.cut, record.left_out) == (5, 1, {"too_long": 1})


@pytest.mark.parametrize(
    "change", [{"method": "magic"}, {"max_tokens": 1}, {"epochs": 0}, {"warmup_share": 1.0}, {"learning_rate": -1.0}]
)
def test_impossible_recipes_are_refused(change: dict[str, Any]):
    with pytest.raises(TrainingError):
        StudentRecipe(**change).tuning()


def test_alpacas_settings_are_the_default():
    full, lora = StudentRecipe().tuning(), StudentRecipe(method="lora").tuning()
    assert (full.epochs, full.batch_pairs, full.learning_rate, full.warmup_share) == (3, 128, 2e-5, 0.03)
    assert lora.learning_rate == 3e-4


def test_the_rate_rises_and_falls_as_transformers_has_it():
    from transformers import get_cosine_schedule_with_warmup

    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=0.5)
    schedule = get_cosine_schedule_with_warmup(optimizer, num_warmup_steps=3, num_training_steps=50)
    recipe = Recipe(learning_rate=0.5, warmup_share=0.05)
    for step in range(1, 51):
        assert recipe.rate(step, 50) == pytest.approx(schedule.get_last_lr()[0], abs=1e-12), step
        optimizer.step()
        schedule.step()
    assert Recipe(learning_rate=1.0).rate(1, 10) == 1
    assert Recipe(learning_rate=1.0).rate(6, 10) == pytest.approx(0.5 * (1 + math.cos(math.pi / 2)))
    assert "warmup_share" not in Recipe().as_dict()  # fingerprints of runs that began before it


def test_the_prompt_has_a_place_for_the_input():
    with_input = student_prompt(InstructionPair("Add.", "1 2", "3"))
    assert with_input.endswith("### Instruction:\nAdd.\n\n### Input:\n1 2\n\n### Response:")
    assert "Input" not in student_prompt(InstructionPair("Add.", "", "3"))


def test_the_command_and_the_coach_beside_it(tiny_llama: Path, tmp_path: Path, revisions_file: Path):
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(pair.as_dict()) + "\n" for pair in PAIRS))
    arguments = ["train", "student", "--base", str(tiny_llama), "--data", str(data), "--output", str(tmp_path / "s")]
    found = CliRunner().invoke(main, [*arguments, "--epochs", "1", "--batch", "2", "--json"])
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["examples"] == 4
    arguments = ["train", "--base", str(tiny_llama), "--data", str(revisions_file), "--output", str(tmp_path / "c")]
    coach = CliRunner().invoke(main, [*arguments, "--epochs", "1", "--json"])
    assert coach.exit_code == 0, coach.output
    assert "adapter" in json.loads(coach.stdout)
    nothing = CliRunner().invoke(
        main,
        ["train", "student", "--base", str(tiny_llama), "--data", "nowhere", "--output", str(tmp_path / "n"), "--json"],
    )
    assert nothing.exit_code == 1
    assert "student" in CliRunner().invoke(main, ["train", "--help"]).output
