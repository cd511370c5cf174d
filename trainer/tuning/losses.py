"""Negative log-likelihoods: what is trained on, and the figures that are reported."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional

from trainer.tuning.batches import IGNORED, Batch, micro_batches
from trainer.tuning.trainee import E, Trainee


def summed_nll(model: Any, batch: Batch) -> torch.Tensor:
    """Of a causal model, in nats, summed over the targets' tokens, each by its row's weight; `() float32`."""
    logits = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits  # (B, T, V)
    following = batch.labels[:, 1:]
    learnt = following != IGNORED  # (B, T-1); only these rows are turned into float32
    rows, wanted = logits[:, :-1][learnt].float(), following[learnt]
    if batch.weights is None:
        return functional.cross_entropy(rows, wanted, reduction="sum")
    weights = batch.weights[:, None].expand_as(following)[learnt]
    return (functional.cross_entropy(rows, wanted, reduction="none") * weights).sum()


def mean_loss(model: Any, base: Trainee[E], examples: Sequence[E], max_tokens: int) -> float:
    """Nats per target over all examples, without dropout; the model's mode is put back."""
    was_training, total = model.training, 0.0
    model.eval()
    try:
        with torch.inference_mode():
            for part in micro_batches(examples, max_tokens):
                total += float(base.summed_loss(model, part)[0])
    finally:
        model.train(was_training)
    return total / sum(example.targets for example in examples)
