"""How likely a model finds the experts' text: the loss that is trained on, and the figure that is reported."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional

from trainer.batches import IGNORED, Batch, collate, micro_batches
from trainer.examples import Example


def summed_nll(model: Any, batch: Batch) -> torch.Tensor:
    """Negative log-likelihood in nats, summed over the targets' tokens; `() float32`."""
    logits = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits  # (B, T, V)
    following = batch.labels[:, 1:]
    learnt = following != IGNORED  # (B, T-1); only these rows are turned into float32
    return functional.cross_entropy(logits[:, :-1][learnt].float(), following[learnt], reduction="sum")


def mean_nll(model: Any, examples: Sequence[Example], pad_id: int, max_tokens: int) -> float:
    """Nats per target token over all examples, without dropout; the model's mode is put back."""
    was_training, total = model.training, 0.0
    model.eval()
    try:
        with torch.inference_mode():
            for part in micro_batches(examples, max_tokens):
                total += float(summed_nll(model, collate(part, pad_id, model.device)))
    finally:
        model.train(was_training)
    return total / sum(len(example.target) for example in examples)
