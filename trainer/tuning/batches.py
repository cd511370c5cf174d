"""Which examples go together, in which order, and as which tensors. The order depends on seed and epoch alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from trainer.tuning.examples import Example
from trainer.tuning.trainee import E

IGNORED = -100
"""Label of positions without loss. Source: torch's cross_entropy, `ignore_index`."""
_JITTER = 0.05


def plan_epoch(
    lengths: Sequence[int], batch_pairs: int, *, seed: int, epoch: int, grouped: bool = True
) -> list[list[int]]:
    """One epoch's batches of at most `batch_pairs` indices, their sizes as even as possible, in random order.

    Grouped: examples of similar length share a batch, so that little of it is padding. Lengths are blurred by up to
    5 %, or every epoch would have the same batches.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(lengths))
    if grouped:
        blurred = np.asarray(lengths)[order] * random.uniform(1 - _JITTER, 1 + _JITTER, len(lengths))
        order = order[np.argsort(blurred, kind="stable")]
    batches = [batch.tolist() for batch in np.array_split(order, -(-len(lengths) // batch_pairs))]
    return [batches[place] for place in random.permutation(len(batches))]


def micro_batches(batch: Sequence[E], max_tokens: int) -> Iterator[list[E]]:
    """The batch in parts that fit into memory together: at most `max_tokens` with padding, or one example."""
    part: list[E] = []
    for example in sorted(batch, key=len):
        if part and len(example) * (len(part) + 1) > max_tokens:
            yield part
            part = []
        part.append(example)
    if part:
        yield part


@dataclass(frozen=True, slots=True)
class Batch:
    """Right-padded tensors, all `(B, T) int64`."""

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    labels: torch.Tensor  # the target's ids at their own places, else `IGNORED`
    weights: torch.Tensor | None = None  # of the rows' losses, (B,) float32; None: all 1


def collate(examples: Sequence[Example], pad_id: int, device: torch.device | str = "cpu") -> Batch:
    shape = (len(examples), max(map(len, examples)))
    ids, labels = np.full(shape, pad_id, np.int64), np.full(shape, IGNORED, np.int64)
    mask = np.zeros(shape, np.int64)
    for row, example in enumerate(examples):
        start, end = len(example.prompt), len(example)
        ids[row, :start], ids[row, start:end] = example.prompt, example.target
        labels[row, start:end] = example.target
        mask[row, :end] = 1
    weights = None
    if any(example.weight != 1 for example in examples):
        weights = torch.tensor([example.weight for example in examples], dtype=torch.float32, device=device)
    return Batch(*(torch.from_numpy(values).to(device) for values in (ids, mask, labels)), weights=weights)
