"""A whole run on a tiny model: what it changes, how it stops and goes on, what it refuses."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from coachlm.errors import TrainingError
from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome
from coachlm.settings import load_settings
from reviser.engines import build_reviser
from reviser.models.adapter import read_adapter
from tests.command_line import main
from tests.processes import running
from tests.trainer.models import expert_revisions, save_tiny_llama, write_revisions
from trainer.plan.recipe import Recipe
from trainer.plan.revisions import file_source
from trainer.plan.run_folder import RunFolder, RunRecord, StepMetrics
from trainer.run import train_coach
from trainer.tuning.base_model import add_lora, load_base
from trainer.tuning.examples import Encoder
from trainer.tuning.losses import mean_loss
from trainer.tuning.tuning import TuningOptions, tune

pytestmark = pytest.mark.slow

QUICK = Recipe(epochs=4, learning_rate=1e-2, rank=4, batch_pairs=8, micro_batch_tokens=1024)
Train = Callable[..., RunRecord]


@pytest.fixture
def train(tiny_llama: Path, revisions_file: Path, tmp_path: Path) -> Train:
    """Trains with quick settings into a folder `run`; anything can be given otherwise."""

    def run(folder: str = "run", **options: Any) -> RunRecord:
        base = str(options.pop("base", tiny_llama))
        source = file_source(options.pop("data", revisions_file))
        return train_coach(base, source, tmp_path / folder, **{"alpha": 0.6, "recipe": QUICK} | options)

    return run


class Stopped(Exception):
    """What a test raises in the middle of a run."""


def stop_at(step: int) -> Callable[[StepMetrics], None]:
    def on_step(metrics: StepMetrics) -> None:
        if metrics.step == step:
            raise Stopped

    return on_step


def test_loss_falls_and_the_record_says_how(train: Train, tmp_path: Path, revisions_file: Path) -> None:
    held_out = write_revisions(tmp_path / "held.jsonl", expert_revisions(46)[38:])
    record = train(held_out=file_source(held_out))
    metrics = record.metrics
    assert metrics["loss_last_epoch"] < metrics["loss_first_epoch"] - 0.2  # type: ignore[operator]
    assert metrics["nll_after"] < metrics["nll_before"] - 0.2  # type: ignore[operator]
    assert metrics["held_out"] in {6, 7, 8}
    assert (record.examples, metrics["steps"]) == (24, 12)
    lines = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 13))
    assert lines[0]["learning_rate"] == QUICK.learning_rate
    assert 0 < lines[-1]["learning_rate"] < QUICK.learning_rate / 20
    assert json.loads((tmp_path / "run/run.json").read_text())["adapter"] == record.adapter
    assert (tmp_path / "run/loss.svg").is_file()
    assert not list((tmp_path / "run/checkpoints").iterdir())
    assert not list((tmp_path / "run").rglob("*.partial"))


def test_only_lora_weights_change(tiny_llama: Path, tmp_path: Path) -> None:
    base = load_base(str(tiny_llama))
    before = {name: tensor.clone() for name, tensor in base.model.state_dict().items()}
    examples = Encoder(base.tokenizer, base.eos_ids, base.context_tokens).examples(expert_revisions(8), Counter())
    model = tune(base, examples, RunFolder(tmp_path), TuningOptions(replace(QUICK, epochs=1), "x"))
    after = {name.replace(".base_layer", ""): tensor for name, tensor in model.base_model.model.state_dict().items()}
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    trained = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert len(trained) == 2 * 7 * 2  # A and B of seven linear layers, in two blocks
    assert all("lora_" in name for name in trained)
    assert all(weight.abs().sum() > 0 for name, weight in model.named_parameters() if "lora_B" in name)


def test_loss_does_not_see_padding_prompt_or_how_batches_are_cut(tiny_llama: Path) -> None:
    base = load_base(str(tiny_llama))
    examples = Encoder(base.tokenizer, base.eos_ids, base.context_tokens).examples(expert_revisions(9), Counter())
    total = 0.0
    with torch.inference_mode():
        for example in examples:
            logits = base.model(torch.tensor([[*example.prompt, *example.target]])).logits[0].log_softmax(-1)
            start = len(example.prompt)
            total -= sum(float(logits[start + place - 1, token]) for place, token in enumerate(example.target))
    expected = total / sum(len(example.target) for example in examples)
    for limit in (1, 500, 100_000):
        assert mean_loss(base.model, base, examples, limit) == pytest.approx(expected, rel=1e-5)


def test_stopped_run_goes_on_to_the_same_adapter(train: Train, tmp_path: Path) -> None:
    whole = train("whole")
    for step in (2, 7, 12):  # before the first checkpoint, between two, after the last
        with pytest.raises(Stopped):
            train(f"run-{step}", on_step=stop_at(step), checkpoint_steps=3)
        record = train(f"run-{step}", checkpoint_steps=5)
        assert record.adapter == whole.adapter
        assert record.metrics["loss_last_epoch"] == whole.metrics["loss_last_epoch"]


def test_dropout_is_the_papers_and_an_option(train: Train, tmp_path: Path) -> None:
    assert Recipe().lora_dropout == 0.1
    assert "lora_dropout" not in Recipe(lora_dropout=0.0).as_dict()  # runs that began before there was any go on
    adapters = {}
    for share in (0.0, 0.1):
        record = train(folder=tmp_path / f"{share}", recipe=replace(QUICK, lora_dropout=share))
        config = tmp_path / f"{share}" / "adapters" / record.adapter / "adapter_config.json"
        assert json.loads(config.read_text())["lora_dropout"] == share
        adapters[share] = record.adapter
    assert len(set(adapters.values())) == 2


def test_random_states_are_part_of_a_checkpoint(tmp_path: Path, train: Train) -> None:
    """A base with dropout draws random numbers at every step."""
    base = save_tiny_llama(tmp_path / "dropout")
    config = json.loads((base / "config.json").read_text()) | {"attention_dropout": 0.3}
    (base / "config.json").write_text(json.dumps(config))
    whole = train("whole", base=base)
    with pytest.raises(Stopped):
        train(base=base, on_step=stop_at(7), checkpoint_steps=3)
    assert train(base=base).adapter == whole.adapter


def test_spoilt_checkpoint_gives_way_to_the_one_before(train: Train, tmp_path: Path) -> None:
    whole = train("whole")
    with pytest.raises(Stopped):
        train(on_step=stop_at(8), checkpoint_steps=3)
    older, newest = sorted((tmp_path / "run/checkpoints").iterdir())
    newest.write_bytes(newest.read_bytes()[:-100])
    steps: list[int] = []
    assert train(on_step=lambda metrics: steps.append(metrics.step)).adapter == whole.adapter
    assert steps[0] == int(older.stem.removeprefix("step-")) + 1


def test_killed_run_goes_on_to_the_same_adapter(train: Train, tiny_llama: Path, tmp_path: Path) -> None:
    whole = train("whole")
    command = [sys.executable, "-m", "coachlm", "train", "--base", str(tiny_llama), "--output", str(tmp_path / "run")]
    command += ["--data", str(tmp_path / "revisions.jsonl"), "--alpha", "0.6", "--checkpoint-steps", "1", "--json"]
    command += ["--epochs", "4", "--learning-rate", "0.01", "--rank", "4", "--batch", "8"]
    command += ["--micro-batch-tokens", "1024"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with running(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob("run/checkpoints/step-*.safetensors")) and time.monotonic() < deadline:
            assert process.poll() is None, process.communicate()[0].decode()
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "run/run.json").exists()
    assert train().adapter == whole.adapter


def test_finished_run_is_not_trained_again(train: Train) -> None:
    record = train()
    assert train(on_step=stop_at(1)) == record


@pytest.mark.parametrize(
    "other",
    [{"recipe": replace(QUICK, rank=2)}, {"alpha": 0.5}, {"base": "another"}, {"data": "another"}],
    ids=lambda other: next(iter(other)),
)
def test_folder_of_another_run_is_refused(train: Train, tmp_path: Path, other: dict[str, Any]) -> None:
    if other.get("base"):
        other = {"base": save_tiny_llama(tmp_path / "other", seed=1)}
    if other.get("data"):
        other = {"data": write_revisions(tmp_path / "other.jsonl", expert_revisions(20))}
    with pytest.raises(Stopped):
        train(on_step=stop_at(3), checkpoint_steps=2)
    with pytest.raises(TrainingError, match="another output folder"):
        train(**other)
    train()
    with pytest.raises(TrainingError, match="another output folder"):
        train(**other)


def test_changed_training_data_is_refused(train: Train, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        train(on_step=stop_at(1))
    pairs = tmp_path / "run/training_pairs.jsonl"
    pairs.write_bytes(pairs.read_bytes().replace(b"good", b"evil"))
    with pytest.raises(TrainingError, match=r"training_pairs\.jsonl was changed"):
        train()


def test_one_process_at_a_time(train: Train, tmp_path: Path) -> None:
    with RunFolder(tmp_path / "run").locked(), pytest.raises(TrainingError, match="another process"):
        train()


def test_reviser_loads_the_adapter_and_guards_its_training_data(train: Train, tiny_llama: Path, tmp_path: Path) -> None:
    record = train()
    folder = tmp_path / "run/adapters" / record.adapter
    assert read_adapter(folder).digest == record.adapter
    settings = load_settings(engine="transformers", model=str(tiny_llama), adapter=str(folder), max_new_tokens=100)
    reviser = build_reviser(settings)
    assert reviser is not None
    trained = [json.loads(line)["raw"] for line in (tmp_path / "run/training_pairs.jsonl").read_text().splitlines()]
    seen, unseen = reviser.revise([InstructionPair(*trained[0]), InstructionPair("say hi", "", "hi")])
    reviser.close()
    assert seen.outcome is Outcome.LEAK_GUARD
    assert (unseen.adapter, unseen.outcome) == (record.adapter, Outcome.FALLBACK_INVALID)
    assert unseen.output_tokens > 0
    assert "lora_A" in "".join(load_file(folder / "adapter_model.safetensors"))


def test_nan_loss_is_refused(train: Train) -> None:
    with pytest.raises(TrainingError, match=r"at step \d+: training has diverged; lower the learning rate"):
        train(recipe=replace(QUICK, learning_rate=1e30))


def test_everything_longer_than_the_context(train: Train, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"24 too_long; .* takes 48 tokens"):
        train(base=save_tiny_llama(tmp_path / "short", context_tokens=48))


def test_no_data(train: Train, tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("{}\n")
    with pytest.raises(TrainingError, match="no expert revision to train on: 0 read, 1 unknown_shape"):
        train(data=empty)


def test_modules_that_the_base_lacks(train: Train) -> None:
    with pytest.raises(TrainingError, match="no linear layer named query; it has down_proj, gate_proj, k_proj"):
        train(recipe=replace(QUICK, modules=("q_proj", "query")))
    assert train("some", recipe=replace(QUICK, modules=("q_proj",), epochs=1)).recipe["modules"] == ["q_proj"]


def test_no_room_on_the_disk(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 1000))  # type: ignore[attr-defined]
    with pytest.raises(TrainingError, match="make room"):
        train()


def test_bases_that_cannot_be_loaded(train: Train, tiny_llama: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"no config\.json there"):
        train(base=tmp_path / "nowhere")
    pickled = tmp_path / "pickled"
    shutil.copytree(tiny_llama, pickled)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    with pytest.raises(TrainingError, match="can't be loaded"):
        train(base=pickled)


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"learning_rate": float("nan")}, {"rank": -1}, {"seed": -1}, {"lora_dropout": 1.0}]
)
def test_settings_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(TrainingError, match=next(iter(wrong))):
        Recipe(**wrong)


def test_command_line_answers_and_refuses(tiny_llama: Path, revisions_file: Path, tmp_path: Path) -> None:
    arguments = ["train", "--base", str(tiny_llama), "--output", str(tmp_path / "run"), "--json", "--rank", "2"]
    arguments += ["--modules", "q_proj, v_proj", "--epochs", "1"]
    result = CliRunner().invoke(main, [*arguments, "--data", str(revisions_file)])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert Path(answer["adapter_folder"]).name == answer["adapter"]
    assert (answer["selection"]["chosen"], answer["recipe"]["modules"]) == (12, ["q_proj", "v_proj"])
    for wrong in ([], ["--data", str(tmp_path / "absent")], ["--data", str(revisions_file), "--alpha", "2"]):
        result = CliRunner().invoke(main, [*arguments, *wrong])
        assert result.exit_code == 1
        assert json.loads(result.stdout)["kind"] in {"SettingsError", "TrainingError"}


def test_gpt2_layers_are_found(tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    model = GPT2LMHeadModel(GPT2Config(n_layer=1, n_head=2, n_embd=16, vocab_size=50, n_positions=32))
    tuned = add_lora(model, "gpt2", Recipe(rank=2, lora_alpha=4), "CAUSAL_LM")
    assert sorted(tuned.peft_config["default"].target_modules) == ["c_attn", "c_fc", "c_proj"]
