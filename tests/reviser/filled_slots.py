"""Slots of random keys and values, spans over them, and what attention is by its definition."""

import random

import torch

from reviser.packed.slots.attention import Span
from reviser.packed.slots.cache import CacheShape, Keep, SlotCache, keep_by_torch


def filled(
    heads: int, width: int, dtype: torch.dtype, slots: int = 6, slot_tokens: int = 150, keep: Keep = keep_by_torch
) -> SlotCache:
    """The same numbers whatever they are kept in."""
    cache = SlotCache(CacheShape(1, heads, width, dtype), slots, slot_tokens, torch.device("cpu"), keep)
    torch.manual_seed(0)
    every = torch.arange(slots * slot_tokens)
    rows = cache.rows_of(every // slot_tokens, every % slot_tokens)
    cache.write(0, rows, *torch.randn(2, heads, len(every), width))
    return cache


def queries(spans: list[Span], heads: int, width: int, dtype: torch.dtype, padded_to: int = 40) -> torch.Tensor:
    torch.manual_seed(1)
    assert sum(len(span.tokens) for span in spans) <= padded_to
    return torch.randn(padded_to, heads, width).to(dtype).transpose(0, 1)  # strided as models give it


def reference(cache: SlotCache, spans: list[Span], query: torch.Tensor) -> torch.Tensor:
    """Token by token."""
    keys, values = (kept.read(slice(None), cache.slot_tokens, torch.float64) for kept in cache.layer(0))
    share, rows, place = query.shape[0] // cache.shape.heads, [], 0
    for span in spans:
        for seen in range(span.start + 1, span.end + 1):
            asked = query[:, place].double().unflatten(0, (-1, share))  # (H, G, D)
            scores = asked @ keys[span.slot, :, :seen].transpose(1, 2) * cache.shape.head_dim**-0.5
            rows.append((scores.softmax(-1) @ values[span.slot, :, :seen]).flatten(0, 1))
            place += 1
    return torch.stack(rows).float()


def some_spans(seed: int) -> list[Span]:
    rng = random.Random(seed)
    sizes = [1, 1, rng.randint(2, 13), rng.choice([16, 17, 20])]
    starts = [0, rng.randint(60, 70), rng.randint(0, 130), rng.randint(1, 100)]
    slots = rng.sample(range(6), 4)
    return [Span(*each[:2], [0] * each[2], 1) for each in zip(slots, starts, sizes, strict=True)]
