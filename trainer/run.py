"""A whole training run in its folder: choose, load, tokenise, tune, publish, record. Run again, it goes on."""

import hashlib
import logging
import math
import platform
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from coachlm import __version__
from coachlm.coaching.engines import Model, engine_names
from coachlm.errors import TrainingError
from trainer.plan.recipe import Recipe, run_fingerprint
from trainer.plan.revisions import ExpertRevision, Source
from trainer.plan.run_folder import RunFolder, RunRecord, StepMetrics, epoch_loss
from trainer.plan.selection import Selection, read_selected
from trainer.plan.teachers import Lessons, Teacher
from trainer.plan.training_plan import TrainingPlan
from trainer.plots import plot_distances, plot_loss
from trainer.tuning.adapter_folder import publish_adapter
from trainer.tuning.base_model import load_base
from trainer.tuning.checkpoints import Checkpoints
from trainer.tuning.losses import mean_loss
from trainer.tuning.trainee import E, Learnable, Trainee
from trainer.tuning.tuning import TuningOptions, tokens_per_second, tune

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CoachKind:
    """What coaches of one kind are made of, and the settings that suit them."""

    load: Callable[[str, str | None], Trainee[Any]]  # name and revision of the base → the base
    alpha: float
    recipe: Recipe
    engines: tuple[str, ...]  # that revise with it, the first where the settings name none of them
    base_is_coach: bool = False  # the base revises without an adapter too: an adapter has to beat it


WRITER = CoachKind(load_base, 0.3, Recipe(), engine_names(lambda engine: engine.model is Model.TRANSFORMERS))
"""A causal language model that writes the revised pair. Source: paper §III-D, the best α of Fig. 5."""


def train_coach(
    base_name: str,
    source: Source,
    folder: Path,
    *,
    kind: CoachKind = WRITER,
    alpha: float | None = None,
    recipe: Recipe | None = None,
    revision: str | None = None,
    held_out: Source | None = None,
    teacher: Teacher | None = None,
    checkpoint_steps: int = 25,
    on_step: Callable[[StepMetrics], None] = lambda _: None,
    on_plan: Callable[[TrainingPlan], None] = lambda _: None,
) -> RunRecord:
    """Tune a coach. The same call again goes on where a killed one stopped, and returns the record of a finished one.

    `alpha` and `recipe` default to the kind's. `teacher`: an instructed coach's accepted revisions, beside the chosen
    ones. `held_out` is scored before and after; what shares an instruction with the training data is left out of it.
    Raises: TrainingError.
    """
    run, recipe = RunFolder(folder), recipe or kind.recipe
    if teacher is not None and kind.base_is_coach:
        raise TrainingError("the bundled coach learns tags from people's edits alone; give --base a language model")
    with run.locked():
        selection = run.selection(source, kind.alpha if alpha is None else alpha)
        plot_distances(selection, folder / "distances.svg")
        base = kind.load(base_name, revision).prompted(recipe.prompt_style)
        at_once = run.micro_batch_tokens(recipe.micro_batch_tokens, partial(base.fitting_tokens, recipe.rank))
        asked, recipe = recipe, replace(recipe, prompt_style=base.prompt_style, micro_batch_tokens=at_once)
        lessons = run.lessons(teacher)
        fingerprint = run_fingerprint(base.digest, _data_digest(selection, lessons), recipe)
        if (record := run.record()) is not None:
            return _same(record, fingerprint, folder)
        left_out: Counter[str] = Counter()
        examples = base.examples(_learnt(run, lessons), left_out)
        _check_examples(examples, selection, left_out, base)
        tested = _tested(held_out, base, examples)

        def on_model(model: Any) -> None:
            rate = tokens_per_second(model, base, examples, at_once)
            on_plan(_plan(base, examples, recipe, asked.micro_batch_tokens, rate))

        options = TuningOptions(recipe, fingerprint, checkpoint_steps, on_step, on_model)
        model = tune(base, examples, run, options)

        steps = run.metrics()
        extras = base.extras(model, read_selected(run.pairs))
        learnt = extras.instruction_hashes.union(example.instruction_hash for example in examples)
        record = RunRecord(
            adapter=publish_adapter(model, learnt, run.adapters, extras.files),
            fingerprint=fingerprint,
            base=base.name,
            base_digest=base.digest,
            precision=base.precision.reason,
            source=source.name,
            data_digest=selection.data_digest,
            selection=selection.as_dict(),
            recipe=recipe.as_dict(),
            examples=len(examples),
            left_out=dict(left_out),
            metrics=summary(steps) | _held_out_nll(model, base, tested, recipe),
            seconds=sum(step.seconds for step in steps),
            code=code_version(),
            figures=dict(extras.figures) | ({} if lessons is None else {"teacher": lessons.as_dict()}),
        )
        plot_loss(steps, folder / "loss.svg")
        run.finish(record)
        Checkpoints(run.checkpoints, fingerprint).clear()
        return record


def _data_digest(selection: Selection, lessons: Lessons | None) -> str:
    """Of all data; without a teacher as ever."""
    if lessons is None:
        return selection.data_digest
    return hashlib.sha256(f"{selection.data_digest} {lessons.digest} {lessons.weight}".encode()).hexdigest()


def _learnt(run: RunFolder, lessons: Lessons | None) -> Iterator[ExpertRevision]:
    yield from read_selected(run.pairs)
    if lessons is not None:
        yield from read_selected(run.taught, lessons.weight)


def _plan(base: Trainee[E], examples: Sequence[E], recipe: Recipe, asked: int, rate: float) -> TrainingPlan:
    lengths = [len(example) for example in examples]
    needed, free = base.memory(recipe.rank, max(recipe.micro_batch_tokens, *lengths))
    return TrainingPlan(
        examples=len(examples),
        epochs=recipe.epochs,
        steps=recipe.epochs * math.ceil(len(examples) / recipe.batch_pairs),
        tokens=recipe.epochs * sum(lengths),
        longest=max(lengths),
        micro_batch_tokens=recipe.micro_batch_tokens,
        asked_micro_batch_tokens=asked,
        needed_bytes=needed,
        free_bytes=free,
        tokens_per_second=rate,
    )


def code_version() -> dict[str, str]:
    """Versions of what computes, and a digest of this room's source and the prompt, which a version number may hide."""
    digest = hashlib.sha256()
    room = Path(__file__).parent
    for path in [*sorted(room.rglob("*.py")), room.parent / "coachlm" / "prompt.py"]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    libraries = {name: version(name) for name in ("torch", "transformers", "peft")}
    return {"coachlm": __version__, "source": digest.hexdigest(), "python": platform.python_version(), **libraries}


def _same(record: RunRecord, fingerprint: str, folder: Path) -> RunRecord:
    if record.fingerprint != fingerprint:
        raise TrainingError(
            f"{folder} holds a finished run with another base or other settings; give another output folder"
        )
    log.info("%s holds this run already, finished", folder)
    return record


def _check_examples(
    examples: Sequence[Learnable], selection: Selection, left_out: Counter[str], base: Trainee[Any]
) -> None:
    if not examples:
        why = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
        raise TrainingError(f"none of the {selection.chosen} chosen revisions can be trained on: {why}; {base.takes}")
    if left_out:
        log.warning("left out of training: %s", dict(left_out))


def _tested(held_out: Source | None, base: Trainee[E], training: Sequence[E]) -> list[E]:
    if held_out is None:
        return []
    learnt = {example.instruction_hash for example in training}
    examples = base.examples_to_score(held_out.revisions(Counter()))
    return [example for example in examples if example.instruction_hash not in learnt]


def _held_out_nll(model: Any, base: Trainee[E], tested: Sequence[E], recipe: Recipe) -> dict[str, float | int | None]:
    """Nats per target (a token of the experts' text, or of their edits), by the base and by the tuned coach; None
    without held-out pairs."""
    if not tested:
        return {"held_out": 0, "nll_before": None, "nll_after": None}
    with model.disable_adapter():
        before = mean_loss(model, base, tested, recipe.micro_batch_tokens)
    after = mean_loss(model, base, tested, recipe.micro_batch_tokens)
    return {"held_out": len({example.pair_id for example in tested}), "nll_before": before, "nll_after": after}


def summary(steps: Sequence[StepMetrics]) -> dict[str, float | int | None]:
    if not steps:  # somebody removed metrics.jsonl
        return {"steps": 0}
    seconds = sum(step.seconds for step in steps)
    return {
        "steps": len(steps),
        "loss_first_epoch": epoch_loss([step for step in steps if step.epoch == 1]),
        "loss_last_epoch": epoch_loss([step for step in steps if step.epoch == steps[-1].epoch]),
        "tokens": sum(step.tokens for step in steps),
        "padding_share": 1 - sum(step.tokens for step in steps) / sum(step.padded_tokens for step in steps),
        "tokens_per_second": sum(step.tokens for step in steps) / seconds,
    }
