"""Attention on a CPU by the Numba kernels, where they work, and which tokens of a step get it."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import torch

from reviser.packed.slots.cache import CacheShape, Kept

log = logging.getLogger(__name__)

MOST_TOKENS = 16  # of a span; longer ones are products of matrices, which torch does better
_WIDEST = 256  # of a head, numbers
_TOLERANCE = 1e-4  # of outputs of order 1


@dataclass(slots=True)
class _Scratch:
    """What one thread works in."""

    scores: np.ndarray  # (rows, places) float32
    rows: np.ndarray  # (rows, D) float32


@dataclass(slots=True)
class SlotKernels:
    """The compiled functions for one shape of cache, and a few threads to run them in."""

    kernels: Any
    width: int
    share: int  # query heads of a key head
    threads: int
    _pool: ThreadPoolExecutor | None = None
    _scratch: list[_Scratch] = field(default_factory=list)
    _lanes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        self._lanes = (0,) * self.width
        if self.threads > 1:
            self._pool = ThreadPoolExecutor(self.threads - 1, thread_name_prefix="attention")

    def keep(self, rows: torch.Tensor, new: torch.Tensor, kept: torch.Tensor, scales: torch.Tensor | None) -> None:
        """See `reviser.packed.slots.cache.Keep`."""
        tokens = new.transpose(0, 1).contiguous().numpy()  # (N, H, D)
        self.kernels.keep(rows.numpy(), tokens, kept.numpy(), None if scales is None else scales.numpy())

    def attend(
        self, query: torch.Tensor, keys: Kept, values: Kept, spans: np.ndarray, scaling: float | None, out: torch.Tensor
    ) -> None:
        """`query` and `out`: (N, H * G, D); `spans` as in `cpu_kernels.attend`."""
        parts = _shared_out(spans, self.threads)
        self._grow(keys.numbers.shape[2], len(parts))
        scale = np.float32(self.width**-0.5 if scaling is None else scaling)
        given = (query.numpy(), *_arrays(keys, values))
        into = out.numpy()

        def run(part: int) -> None:
            scratch = self._scratch[part]
            self.kernels.attend(self._lanes, *given, parts[part], scale, into, scratch.scores, scratch.rows)

        others = [self._pool.submit(run, part) for part in range(1, len(parts))] if self._pool else []
        run(0)
        for other in others:
            other.result()

    def _grow(self, places: int, parts: int) -> None:
        if self._scratch and self._scratch[0].scores.shape[1] < places:
            self._scratch.clear()
        rows = MOST_TOKENS * self.share + 1
        while len(self._scratch) < parts:
            empty = np.zeros((rows, places), np.float32), np.zeros((rows, self.width), np.float32)
            self._scratch.append(_Scratch(*empty))


def _arrays(keys: Kept, values: Kept) -> tuple[Any, ...]:
    scales = [None if kept.scales is None else kept.scales.numpy() for kept in (keys, values)]
    return (keys.numbers.numpy(), values.numbers.numpy(), *scales)


def _shared_out(spans: np.ndarray, threads: int) -> list[np.ndarray]:
    """Adjoining spans for each thread, of about equal work."""
    if threads == 1 or len(spans) == 1:
        return [spans]
    work = np.cumsum((spans[:, 1] + spans[:, 3]) * spans[:, 3])
    cuts = np.searchsorted(work, work[-1] * np.arange(1, threads) / threads, side="right")
    return [part for part in np.split(spans, cuts) if len(part)]


def slot_kernels(shape: CacheShape, query_heads: int, dtype: torch.dtype, device: torch.device) -> SlotKernels | None:
    """The kernels, compiled and compared with torch; None where they don't serve, with the reason logged."""
    if device.type != "cpu" or dtype != torch.float32 or shape.dtype not in (torch.float32, torch.int8):
        return None
    if shape.head_dim > _WIDEST:
        return None
    share = query_heads // shape.heads
    if reason := _probe(shape.head_dim, share, shape.has_scales):
        log.warning("attention by torch, since the kernels for CPUs do not work here: %s", reason)
        return None
    return SlotKernels(_kernels(), shape.head_dim, share, torch.get_num_threads())


def _kernels() -> Any:
    from reviser.models import cpu_kernels

    return cpu_kernels


@cache
def _probe(width: int, share: int, has_scales: bool) -> str | None:
    """Let the kernels keep and attend to random numbers; why they can't be used, or None."""
    try:
        found = SlotKernels(_kernels(), width, share, threads=1)
        apart = max(_apart(found, has_scales, tokens) for tokens in (1, 5))
    except Exception as error:  # noqa: BLE001  # a compiler may raise anything
        return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
    return None if apart <= _TOLERANCE else f"they are {apart:.2g} off"


def _apart(kernels: SlotKernels, has_scales: bool, tokens: int) -> float:
    heads, places, width, share = 2, 37, kernels.width, kernels.share
    draws = torch.Generator().manual_seed(0)
    kept: list[Kept] = []
    for _ in range(2):
        new = torch.randn((heads, places, width), generator=draws)
        numbers = torch.zeros((heads * places, width), dtype=torch.int8 if has_scales else torch.float32)
        scales = torch.zeros(heads * places) if has_scales else None
        kernels.keep(torch.arange(heads * places), new, numbers, scales)
        shape = (1, heads, places)
        kept.append(Kept(numbers.view(*shape, width), None if scales is None else scales.view(shape)))
        if not torch.allclose(kept[-1].read(slice(0, 1), places, torch.float32)[0], new, atol=0.05):
            return float("inf")
    query = torch.randn((tokens, heads * share, width), generator=draws)
    out = torch.full_like(query, float("nan"))
    kernels.attend(query, kept[0], kept[1], np.array([[0, places - tokens, 0, tokens]]), None, out)
    keys, values = (each.read(slice(0, 1), places, torch.float32)[0].repeat_interleave(share, 0) for each in kept)
    scores = query.transpose(0, 1) @ keys.transpose(1, 2) * width**-0.5  # (H * G, T, L)
    hidden = torch.arange(places) > torch.arange(places - tokens, places)[:, None]
    wanted = scores.masked_fill(hidden, float("-inf")).softmax(-1) @ values
    return float((out - wanted.transpose(0, 1)).abs().max())


def kernel_spans(spans: Sequence[tuple[int, int, int, int]]) -> np.ndarray:
    """(slot, start, offset, tokens) each, as the kernels take them."""
    return np.array(spans, dtype=np.int64).reshape(-1, 4)
