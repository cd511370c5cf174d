"""How likely a model finds the experts' text: the loss that is trained on, and the figure that is reported."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from torch.nn import functional

from coachlm.pairs import InstructionPair
from trainer.base_model import load_base
from trainer.batches import IGNORED, Batch, collate, micro_batches
from trainer.examples import Encoder, Example
from trainer.revisions import ExpertRevision


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


def pair_nll(
    base_name: str, adapter: Path, pairs: Sequence[tuple[InstructionPair, InstructionPair]], revision: str | None = None
) -> list[float]:
    """Nats per token of each pair's final text, given its raw one, by the base with an adapter.

    A pair that can't be scored (too long for the context) counts 0 for every adapter of this base alike.
    """
    base = load_base(base_name, revision)
    model = PeftModel.from_pretrained(base.model, str(adapter), use_safetensors=True).eval()
    encoder, found = Encoder(base.tokenizer, base.eos_ids, base.context_tokens), []
    with torch.inference_mode():
        for raw, final in pairs:
            examples = encoder.examples([ExpertRevision(raw, final)], Counter())
            if not examples:
                found.append(0.0)
                continue
            batch = collate(examples, base.pad_id, model.device)
            found.append(float(summed_nll(model, batch)) / len(examples[0].target))
    return found
