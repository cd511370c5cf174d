"""Coach tuning: LoRA on a base model, the loss on what the expert made alone, resumable to the same result.

An own loop instead of transformers' Trainer or TRL: docs/decisions/0067-own-training-loop.md says why.
Source: paper §II-F1 and §III-A3.
"""

import math
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import torch

from coachlm.errors import TrainingError
from trainer.plan.recipe import Recipe
from trainer.plan.run_folder import RunFolder, StepMetrics
from trainer.tuning.batches import micro_batches, plan_epoch
from trainer.tuning.checkpoints import Checkpoints
from trainer.tuning.trainee import E, Learnable, Trainee

_TRIAL_TOKENS = 1024


def tune(
    base: Trainee[E],
    examples: Sequence[E],
    recipe: Recipe,
    folder: RunFolder,
    fingerprint: str,
    *,
    checkpoint_steps: int = 25,
    on_step: Callable[[StepMetrics], None] = lambda _: None,
    on_model: Callable[[Any], None] = lambda _: None,
) -> Any:
    """The base with its LoRA layers tuned; see `tune_weights`. `on_model` sees them before the first step."""
    with reproducible(recipe.seed):
        model = base.with_lora(recipe)
        on_model(model)
    tune_weights(model, base, examples, recipe, folder, fingerprint, checkpoint_steps=checkpoint_steps, on_step=on_step)
    return model


def tune_weights(
    model: Any,
    base: Trainee[E],
    examples: Sequence[E],
    recipe: Recipe,
    folder: RunFolder,
    fingerprint: str,
    *,
    checkpoint_steps: int = 25,
    on_step: Callable[[StepMetrics], None] = lambda _: None,
) -> None:
    """Tunes all weights of the model that require gradients. Goes on at the folder's last checkpoint, if there is one.

    Same base, examples and recipe on the same machine and library versions give the same weights bit for bit, whether
    or not the run was killed in between.
    Raises: TrainingError.
    """
    if not examples:
        raise TrainingError("no example to train on")
    with reproducible(recipe.seed):
        model.train()
        weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        _check_disk(weights, folder)
        optimizer = torch.optim.AdamW(weights.values(), lr=recipe.learning_rate, weight_decay=0.0)

        checkpoints = Checkpoints(folder.checkpoints, fingerprint)
        done = checkpoints.restore(weights, optimizer)
        folder.keep_metrics(done)
        steps = recipe.epochs * math.ceil(len(examples) / recipe.batch_pairs)
        for step, (epoch, batch) in enumerate(islice(_batches(examples, recipe), done, None), done + 1):
            began = time.perf_counter()
            learning_rate = recipe.rate(step, steps)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate
            loss, padded_tokens = _accumulate(model, batch, base, recipe, step)
            norm = float(torch.nn.utils.clip_grad_norm_(weights.values(), recipe.max_gradient_norm))
            _check_finite(loss, norm, step, batch)
            optimizer.step()
            optimizer.zero_grad()
            metrics = StepMetrics(
                step,
                steps,
                epoch,
                loss,
                learning_rate,
                norm,
                len(batch),
                sum(map(len, batch)),
                sum(example.targets for example in batch),
                padded_tokens,
                time.perf_counter() - began,
            )
            folder.add_metrics(metrics)
            if step % checkpoint_steps == 0 or step == steps:
                checkpoints.save(step, weights, optimizer)
            on_step(metrics)


def tokens_per_second(model: Any, base: Trainee[E], examples: Sequence[E], micro_batch_tokens: int) -> float:
    """Measured on one small micro batch of middling examples, forth and back; nothing of it stays."""
    middling = sorted(examples, key=len)[len(examples) // 2 :][:16]
    part = next(micro_batches(middling, min(micro_batch_tokens, _TRIAL_TOKENS)))
    model.train()
    with torch.random.fork_rng():
        began = time.perf_counter()
        summed, _ = base.summed_loss(model, part)
        summed.backward()
        model.zero_grad(set_to_none=True)
    return sum(map(len, part)) / max(time.perf_counter() - began, 1e-6)


@contextmanager
def reproducible(seed: int) -> Iterator[None]:
    """Seeded random numbers and deterministic kernels (where a GPU has them) within; the caller's state after."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # Source: torch.use_deterministic_algorithms
    strict, warn_only = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(strict, warn_only=warn_only)


def _batches(examples: Sequence[E], recipe: Recipe) -> Iterator[tuple[int, list[E]]]:
    """(epoch from 1, batch) of the whole run."""
    lengths = [len(example) for example in examples]
    for epoch in range(1, recipe.epochs + 1):
        plan = plan_epoch(lengths, recipe.batch_pairs, seed=recipe.seed, epoch=epoch, grouped=recipe.grouped)
        for batch in plan:
            yield epoch, [examples[index] for index in batch]


def _accumulate(model: Any, batch: Sequence[E], base: Trainee[E], recipe: Recipe, step: int) -> tuple[float, int]:
    """Gradients of the mean loss per target of the whole batch, however it is cut; (loss, padded tokens)."""
    targets = sum(example.targets for example in batch)
    loss, padded_tokens = 0.0, 0
    try:
        for part in micro_batches(batch, recipe.micro_batch_tokens):
            summed, tokens = base.summed_loss(model, part)
            part_loss = summed / targets
            part_loss.backward()
            loss += float(part_loss.detach())
            padded_tokens += tokens
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            f"out of GPU memory at step {step}; lower micro_batch_tokens ({recipe.micro_batch_tokens} now)"
        ) from error
    return loss, padded_tokens


def _check_finite(loss: float, norm: float, step: int, batch: Sequence[Learnable]) -> None:
    if not (math.isfinite(loss) and math.isfinite(norm)):
        ids = ", ".join(example.pair_id for example in batch[:3])
        raise TrainingError(
            f"the loss is {loss} and its gradient {norm} at step {step}: training has diverged; lower the learning "
            f"rate (another output folder), or look at the pairs of this batch ({ids}, …)"
        )


def _check_disk(weights: dict[str, torch.nn.Parameter], folder: RunFolder) -> None:
    """A checkpoint is weights and two moments; two are kept while a third is written."""
    needed = 10 * sum(weight.numel() * weight.element_size() for weight in weights.values())
    free = shutil.disk_usage(folder.folder).free
    if free < needed:
        raise TrainingError(
            f"{folder.folder} has {free / 1e9:.2f} GB free and the run's checkpoints need {needed / 1e9:.2f} GB; "
            "make room or give a folder on another disk"
        )
