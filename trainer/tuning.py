"""Coach tuning: LoRA on a base model, the loss on the revised pair alone, resumable to the same result.

An own loop instead of transformers' Trainer or TRL: docs/decisions.md says why.
Source: paper §II-F1 and §III-A3.
"""

import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import torch

from coachlm.errors import TrainingError
from trainer.base_model import BaseModel, add_lora
from trainer.batches import collate, micro_batches, plan_epoch
from trainer.checkpoints import Checkpoints
from trainer.examples import Example
from trainer.run_folder import RunFolder, StepMetrics
from trainer.scoring import summed_nll


@dataclass(frozen=True, slots=True)
class Recipe:
    """What decides the result beside base and data; the paper's settings."""

    epochs: int = 7  # Source: paper §III-A3
    learning_rate: float = 2e-4  # Source: paper §III-A3; falls to 0 along a cosine (the paper's repository)
    rank: int = 64  # Source: the paper's repository
    lora_alpha: int = 32  # Source: the paper's repository
    batch_pairs: int = 32  # pairs per optimizer step. Source: the paper's repository
    max_gradient_norm: float = 1.0  # Source: transformers.TrainingArguments' default, which the repository keeps
    modules: tuple[str, ...] = ()  # names of linear layers; empty: all but the output's
    seed: int = 0
    grouped: bool = True  # batches of similar lengths
    micro_batch_tokens: int = 4096  # tokens, padding included, that go through the model at once
    warmup_share: float = 0.0  # of the steps, in which the learning rate rises from 0

    def __post_init__(self) -> None:
        positive = ("epochs", "learning_rate", "rank", "lora_alpha", "batch_pairs", "max_gradient_norm",
                    "micro_batch_tokens")  # fmt: skip
        for name in positive:
            if not getattr(self, name) > 0:
                raise TrainingError(f"{name} is {getattr(self, name)}; it must be above 0")
        if self.seed < 0:
            raise TrainingError(f"seed is {self.seed}; it must not be negative")
        if not 0 <= self.warmup_share < 1:
            raise TrainingError(f"warmup_share is {self.warmup_share}; it must be from 0 to below 1")

    def as_dict(self) -> dict[str, Any]:
        """Without a warm-up that isn't there, as runs that began before it existed know it."""
        found = asdict(self) | {"modules": list(self.modules)}
        return found if self.warmup_share else {name: each for name, each in found.items() if name != "warmup_share"}

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of a step, counted from 1. Source: transformers' get_cosine_schedule_with_warmup."""
        warm = math.ceil(self.warmup_share * steps)
        if step <= warm:
            return self.learning_rate * (step - 1) / warm
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - 1 - warm) / (steps - warm)))


def run_fingerprint(base_digest: str, data_digest: str, recipe: Recipe) -> str:
    """sha256 over all that decides the result, hex; a run goes on only where it is the same."""
    parts = {"base": base_digest, "data": data_digest, "recipe": recipe.as_dict()}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def tune(
    base: BaseModel,
    examples: Sequence[Example],
    recipe: Recipe,
    folder: RunFolder,
    fingerprint: str,
    *,
    checkpoint_steps: int = 25,
    on_step: Callable[[StepMetrics], None] = lambda _: None,
) -> Any:
    """The base with its LoRA layers tuned; see `tune_weights`."""
    with reproducible(recipe.seed):
        model = add_lora(base, rank=recipe.rank, alpha=recipe.lora_alpha, modules=recipe.modules)
    tune_weights(model, base, examples, recipe, folder, fingerprint, checkpoint_steps=checkpoint_steps, on_step=on_step)
    return model


def tune_weights(
    model: Any,
    base: BaseModel,
    examples: Sequence[Example],
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
                step, steps, epoch, loss, learning_rate, norm, len(batch), sum(map(len, batch)),
                sum(len(example.target) for example in batch), padded_tokens, time.perf_counter() - began,
            )  # fmt: skip
            folder.add_metrics(metrics)
            if step % checkpoint_steps == 0 or step == steps:
                checkpoints.save(step, weights, optimizer)
            on_step(metrics)


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


def _batches(examples: Sequence[Example], recipe: Recipe) -> Iterator[tuple[int, list[Example]]]:
    """(epoch from 1, batch) of the whole run."""
    lengths = [len(example) for example in examples]
    for epoch in range(1, recipe.epochs + 1):
        plan = plan_epoch(lengths, recipe.batch_pairs, seed=recipe.seed, epoch=epoch, grouped=recipe.grouped)
        for batch in plan:
            yield epoch, [examples[index] for index in batch]


def _accumulate(model: Any, batch: Sequence[Example], base: BaseModel, recipe: Recipe, step: int) -> tuple[float, int]:
    """Gradients of the mean loss per target token of the whole batch, however it is cut; (loss, padded tokens)."""
    targets = sum(len(example.target) for example in batch)
    loss, padded_tokens = 0.0, 0
    try:
        for part in micro_batches(batch, recipe.micro_batch_tokens):
            tensors = collate(part, base.pad_id, model.device)
            part_loss = summed_nll(model, tensors) / targets
            part_loss.backward()
            loss += float(part_loss.detach())
            padded_tokens += tensors.input_ids.numel()
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            f"out of GPU memory at step {step}; lower micro_batch_tokens ({recipe.micro_batch_tokens} now)"
        ) from error
    return loss, padded_tokens


def _check_finite(loss: float, norm: float, step: int, batch: Sequence[Example]) -> None:
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
