"""A whole training run in its folder: choose, load, tokenise, tune, publish, record. Run again, it goes on."""

import hashlib
import logging
import platform
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from coachlm import __version__
from coachlm.errors import TrainingError
from trainer.adapter_folder import publish_adapter
from trainer.base_model import BaseModel, load_base
from trainer.checkpoints import Checkpoints
from trainer.examples import Encoder, Example
from trainer.plots import epoch_loss, plot_distances, plot_loss
from trainer.revisions import Source
from trainer.run_folder import RunFolder, RunRecord, StepMetrics
from trainer.scoring import mean_nll
from trainer.selection import Selection, read_selected
from trainer.tuning import Recipe, run_fingerprint, tune

log = logging.getLogger(__name__)


def train_coach(
    base_name: str,
    source: Source,
    folder: Path,
    *,
    alpha: float = 0.3,  # Source: paper §III-D, the best of Fig. 5
    recipe: Recipe | None = None,
    revision: str | None = None,
    held_out: Source | None = None,
    checkpoint_steps: int = 25,
    on_step: Callable[[StepMetrics], None] = lambda _: None,
) -> RunRecord:
    """Tune a coach. The same call again goes on where a killed one stopped, and returns the record of a finished one.

    `held_out` is scored before and after; what shares an instruction with the training data is left out of it.
    Raises: TrainingError.
    """
    run, recipe = RunFolder(folder), recipe or Recipe()
    with run.locked():
        selection = run.selection(source, alpha)
        plot_distances(selection, folder / "distances.svg")
        base = load_base(base_name, revision)
        fingerprint = run_fingerprint(base.digest, selection.data_digest, recipe)
        if (record := run.record()) is not None:
            return _same(record, fingerprint, folder)
        encoder = Encoder(base.tokenizer, base.eos_ids, base.context_tokens)
        left_out: Counter[str] = Counter()
        examples = encoder.examples(read_selected(run.pairs), left_out)
        _check_examples(examples, selection, left_out, base)
        tested = _tested(held_out, encoder, examples)

        model = tune(base, examples, recipe, run, fingerprint, checkpoint_steps=checkpoint_steps, on_step=on_step)

        steps = run.metrics()
        record = RunRecord(
            adapter=publish_adapter(model, (example.instruction_hash for example in examples), run.adapters),
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
        )
        plot_loss(steps, folder / "loss.svg")
        run.finish(record)
        Checkpoints(run.checkpoints, fingerprint).clear()
        return record


def code_version() -> dict[str, str]:
    """Versions of what computes, and a digest of this room's source and the prompt, which a version number may hide."""
    digest = hashlib.sha256()
    room = Path(__file__).parent
    for path in [*sorted(room.glob("*.py")), room.parent / "coachlm" / "prompt.py"]:
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


def _check_examples(examples: list[Example], selection: Selection, left_out: Counter[str], base: BaseModel) -> None:
    if not examples:
        why = ", ".join(f"{count} {reason}" for reason, count in left_out.items())
        raise TrainingError(
            f"none of the {selection.chosen} chosen revisions can be trained on: {why}; "
            f"{base.name} takes {base.context_tokens} tokens, prompt and revised pair together"
        )
    if left_out:
        log.warning("left out of training: %s", dict(left_out))


def _tested(held_out: Source | None, encoder: Encoder, training: Sequence[Example]) -> list[Example]:
    if held_out is None:
        return []
    learnt = {example.instruction_hash for example in training}
    ignored: Counter[str] = Counter()
    examples = encoder.examples(held_out.revisions(ignored), ignored)
    return [example for example in examples if example.instruction_hash not in learnt]


def _held_out_nll(
    model: Any, base: BaseModel, tested: Sequence[Example], recipe: Recipe
) -> dict[str, float | int | None]:
    """Nats per token of the experts' text, by the base and by the tuned coach; None without held-out pairs."""
    if not tested:
        return {"held_out": 0, "nll_before": None, "nll_after": None}
    with model.disable_adapter():
        before = mean_nll(model, tested, base.pad_id, recipe.micro_batch_tokens)
    after = mean_nll(model, tested, base.pad_id, recipe.micro_batch_tokens)
    return {"held_out": len(tested), "nll_before": before, "nll_after": after}


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
