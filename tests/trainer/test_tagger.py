"""The coach that tags learns from post-edits: what changes, how a run goes on, what is counted and what refused."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file

from assembly.coach_kinds import kind_of
from coachlm.coaching.lessons import UNKNOWN
from coachlm.errors import TrainingError
from coachlm.pairs import InstructionPair, content_hash
from coachlm.revision import Outcome
from reviser.coach.adapted import with_adapter
from reviser.coach.base import Bundle
from reviser.coach.bundle import read_bundle
from reviser.coach.lexicon import CASE_TAGS_AT, GAP_TAGS_AT, ROWS, WORD_TAGS_AT, WORDS_AT
from reviser.coach.network import log_softmax
from reviser.coach.reviser import CoachReviser
from reviser.coach.teaching.lessons import Teacher
from reviser.models.adapter import read_adapter
from tests.coaches import habitual_edits, save_tiny_coach
from tests.command_line import main
from trainer.plan.recipe import Recipe
from trainer.plan.revisions import ExpertRevision, Source
from trainer.plan.run_folder import RunRecord, StepMetrics
from trainer.run import CoachKind, train_coach
from trainer.scoring import pair_nll
from trainer.tuning.tagger import NOTHING_TO_SAY, TAGGER_RECIPE, Tagger

pytestmark = pytest.mark.slow

QUICK = replace(TAGGER_RECIPE, epochs=3, learning_rate=1e-2, rank=4, batch_pairs=16)
PAIRS = habitual_edits(40)
Train = Callable[..., RunRecord]


class Stopped(Exception):
    """What a test raises in the middle of a run."""


def stop_at(step: int) -> Callable[[StepMetrics], None]:
    def on_step(metrics: StepMetrics) -> None:
        if metrics.step == step:
            raise Stopped

    return on_step


def source(pairs: list[tuple[InstructionPair, InstructionPair]], name: str = "habit") -> Source:
    return Source(name, lambda _: [ExpertRevision(raw, final) for raw, final in pairs])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_coach(tmp_path_factory.mktemp("coach"))


@pytest.fixture(scope="module")
def bundle(folder: Path) -> Bundle:
    return read_bundle(folder)


def tagger(bundle: Bundle, name: str = "tiny") -> Tagger:
    return Tagger(name, bundle.digest, bundle.network.weights, bundle.config, Teacher(bundle))


@pytest.fixture
def train(bundle: Bundle, tmp_path: Path) -> Train:
    kind = CoachKind(lambda name, _: tagger(bundle, name), 1.0, QUICK, ("coach",), True)

    def run(name: str = "run", pairs: Any = PAIRS, **options: Any) -> RunRecord:
        return train_coach("tiny", source(pairs), tmp_path / name, kind=kind, **options)

    return run


def test_it_learns_the_edits_and_the_record_says_how(train: Train, bundle: Bundle, tmp_path: Path) -> None:
    held_out = [*habitual_edits(9, seed=3), PAIRS[0]]
    record = train(held_out=source(held_out))
    metrics, figures = record.metrics, record.figures
    assert metrics["loss_last_epoch"] < metrics["loss_first_epoch"] - 0.2  # type: ignore[operator]
    assert metrics["nll_after"] < metrics["nll_before"] - 0.2  # type: ignore[operator]
    assert metrics["held_out"] == 9 + (PAIRS[0][0].instruction not in trained_on(tmp_path, record))
    assert figures["changed_words"]["learned"] > 30
    assert set(figures["changed_words"]) == {"learned"}
    assert figures["pairs"] + figures["pairs_for_limits"] == len(PAIRS)
    assert 3 <= figures["pairs_for_limits"] <= 15
    folder = tmp_path / "run/adapters" / record.adapter
    assert json.loads((folder / "coach.json").read_text()) == {"base": bundle.digest, "limits": figures["limits"]}
    assert (tmp_path / "run/loss.svg").is_file()
    assert not list((tmp_path / "run/checkpoints").iterdir())


def trained_on(tmp_path: Path, record: RunRecord) -> set[str]:
    known = (tmp_path / "run/adapters" / record.adapter / "training_instructions.txt").read_text().split()
    return {raw.instruction for raw, _ in PAIRS if content_hash(raw.instruction) in known}


def test_an_engine_takes_the_adapter_and_guards_all_that_it_was_made_of(
    train: Train, bundle: Bundle, tmp_path: Path
) -> None:
    record = train()
    adapter = read_adapter(tmp_path / "run/adapters" / record.adapter)
    assert (adapter.digest, adapter.base) == (record.adapter, "tiny")
    engine = CoachReviser(with_adapter(bundle, adapter), adapter.training_instructions)
    assert {each.outcome for each in engine.revise([raw for raw, _ in PAIRS])} == {Outcome.LEAK_GUARD}
    assert {each.adapter for each in engine.revise([raw for raw, _ in habitual_edits(3, 9)])} == {record.adapter}


def test_only_lora_weights_change_and_all_linear_layers_have_them(bundle: Bundle, train: Train, tmp_path: Path) -> None:
    record = train()
    tensors = load_file(tmp_path / "run/adapters" / record.adapter / "adapter_model.safetensors")
    assert len(tensors) == 2 * (6 + 1)  # A and B of a block's layers and of the output's
    assert all(tensor.any() for tensor in tensors.values())
    model = tagger(bundle).with_lora(QUICK)
    assert all("lora_" in name for name, weight in model.named_parameters() if weight.requires_grad)


def test_a_stopped_run_goes_on_to_the_same_adapter(train: Train) -> None:
    whole = train("whole")
    for step in (2, 7):
        with pytest.raises(Stopped):
            train(f"run-{step}", on_step=stop_at(step), checkpoint_steps=3)
        record = train(f"run-{step}", checkpoint_steps=5)
        assert (record.adapter, record.figures) == (whole.adapter, whole.figures)
    assert train("whole", on_step=stop_at(1)) == whole


def test_another_run_is_not_mixed_in(train: Train, tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        train(on_step=stop_at(3), checkpoint_steps=2)
    with pytest.raises(TrainingError, match="another output folder"):
        train(recipe=replace(QUICK, rank=2))
    with pytest.raises(TrainingError, match="another output folder"):
        train(alpha=0.5)


def test_training_reads_texts_and_weights_as_the_engine_does(bundle: Bundle) -> None:
    """The loss in torch is the one that numpy computes from the engine's own network."""
    teacher, total, targets = Teacher(bundle), 0.0, 0
    ends = (WORD_TAGS_AT, GAP_TAGS_AT, CASE_TAGS_AT, WORDS_AT)
    for lesson in teacher.edits(*PAIRS[1], Counter()):
        ids, types, word, gap, case, meant = lesson.columns
        states = bundle.network.states(ids[None], types[None], [len(lesson)])[0]
        logits = states @ bundle.network.rows.T + bundle.network.bias
        for wanted, start, end in zip((word, gap, case), ends, ends[1:], strict=False):
            chances = log_softmax(logits[:, start:end])
            total -= sum(chances[place, tag] for place, tag in enumerate(wanted) if tag != UNKNOWN)
        chances = log_softmax(logits)
        total -= sum(chances[place, row] for place, row in enumerate(meant) if row != UNKNOWN)
        targets += lesson.targets
    assert tuple(ROWS) == ends
    [found] = pair_nll(tagger(bundle), None, [PAIRS[1]])
    assert found == pytest.approx(total / targets, rel=1e-4)


def test_loss_does_not_depend_on_how_batches_are_cut(bundle: Bundle) -> None:
    base = tagger(bundle)
    lessons = base.examples_to_score([ExpertRevision(raw, final) for raw, final in PAIRS[:6]])
    with torch.inference_mode():
        together = float(base.summed_loss(base.with_adapter(None), lessons)[0])
        apart = sum(float(base.summed_loss(base.with_adapter(None), [each])[0]) for each in lessons)
    assert together == pytest.approx(apart, rel=1e-4)


def test_what_is_kept_back_for_limits_is_not_learned(bundle: Bundle) -> None:
    base = tagger(bundle)
    learned = {each.pair_id for each in base.examples([ExpertRevision(*pair) for pair in PAIRS], Counter())}
    kept_back: list[str] = []

    class Spy(Teacher):
        def companion(self, weights: Any, pairs: Any) -> Any:
            kept_back.extend(raw.id for raw, _ in pairs)
            assert all(np.isfinite(array).all() for array in weights.values())
            assert set(weights) == set(bundle.network.weights)
            return super().companion(weights, pairs)

    spied = Tagger("tiny", bundle.digest, bundle.network.weights, bundle.config, Spy(bundle))
    spied.extras(spied.with_lora(QUICK), [ExpertRevision(*pair) for pair in PAIRS])
    assert kept_back
    assert learned.isdisjoint(kept_back)
    assert len(learned) + len(kept_back) == len(PAIRS)


def test_rewritten_pairs_teach_nothing_and_are_counted(train: Train, bundle: Bundle) -> None:
    rewritten = [
        (InstructionPair(f"Correct the spelling {n}.", "", "teh"), InstructionPair("Correct it.", "", f"mill {n}"))
        for n in range(3)
    ]
    with pytest.raises(TrainingError, match=r"none of the 3 chosen revisions .*3 nothing_to_say.*not_prose.*tags"):
        train(pairs=rewritten)
    left_out: Counter[str] = Counter()
    assert tagger(bundle).examples([ExpertRevision(*pair) for pair in rewritten], left_out) == []
    assert left_out == {NOTHING_TO_SAY: 3}


def test_modules_that_it_lacks(train: Train) -> None:
    with pytest.raises(TrainingError, match="no linear layer named q_proj; it has dense, key, query, value"):
        train(recipe=replace(QUICK, modules=("q_proj",)))
    assert train("some", recipe=replace(QUICK, modules=("query",), epochs=1)).recipe["modules"] == ["query"]


def test_weights_that_do_not_fit_their_configuration(bundle: Bundle) -> None:
    fewer = {name: array for name, array in bundle.network.weights.items() if "query" not in name}
    for weights, config in ((fewer, bundle.config), (bundle.network.weights, {**bundle.config, "hidden_size": 64})):
        with pytest.raises(TrainingError, match="base tiny"):
            Tagger("tiny", "x", weights, config, Teacher(bundle))


def write(path: Path, pairs: list[tuple[InstructionPair, InstructionPair]]) -> Path:
    records = ({"raw": raw.as_dict(), "revised": final.as_dict()} for raw, final in pairs)
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def test_the_command_line_answers_and_refuses(folder: Path, tmp_path: Path) -> None:
    data = write(tmp_path / "revisions.jsonl", PAIRS)
    arguments = ["train", "--base", str(folder), "--data", str(data), "--epochs", "1", "--rank", "2"]
    found = CliRunner().invoke(main, [*arguments, "--output", str(tmp_path / "run"), "--json"])
    assert found.exit_code == 0, found.output
    answer = json.loads(found.stdout)
    assert (answer["selection"]["alpha"], answer["recipe"]["learning_rate"]) == (1.0, TAGGER_RECIPE.learning_rate)
    shown = CliRunner().invoke(main, [*arguments, "--output", str(tmp_path / "run")])
    assert "100% of" in shown.output
    assert "--engine coach" in shown.output
    (folder / "words.txt").rename(tmp_path / "words.txt")
    try:
        refused = CliRunner().invoke(main, [*arguments, "--output", str(tmp_path / "other"), "--json"])
    finally:
        (tmp_path / "words.txt").rename(folder / "words.txt")
    assert refused.exit_code == 1


def test_coach_names_the_bundled_one_and_models_stay_models(tiny_llama: Path, folder: Path) -> None:
    assert kind_of("coach").base_is_coach
    assert kind_of(str(folder)).base_is_coach
    assert not kind_of(str(tiny_llama)).base_is_coach
    assert kind_of(str(tiny_llama)).recipe == Recipe()
    assert kind_of("coach").load("coach", None).digest == read_bundle().digest
