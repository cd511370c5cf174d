"""The two ways in which a static step attends over tiles, and which one a device gets.

`PaddedSlots` is torch's own attention and works everywhere. `FusedSlots` is a kernel for GPUs that neither pads nor
masks; at start it must agree with the other one.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, assert_never

import torch

from reviser.packed.slots.attention import Attend, Group, GroupedAttention, Span, causal_mask
from reviser.packed.slots.cache import CacheShape, Kept, SlotCache
from reviser.packed.slots.support import UnsupportedModel
from reviser.packed.static_step import Bucket, StepInputs

log = logging.getLogger(__name__)

AttentionKind = Literal["auto", "sdpa", "triton"]
_SDPA_TILE_TOKENS = 16
_SDPA_FEWEST_PLACES = 128
_ROWS = 16  # the least that a GPU multiplies at once
_READ_BYTES = 1 << 14  # keys that a program holds at a time, so that four such pieces fit into any GPU's shared memory
_MOST_SPLITS = 8
_TOLERANCE = {torch.float32: 1e-5, torch.float16: 5e-3, torch.bfloat16: 4e-2}  # of outputs of order 1


class TileAttention(Protocol):
    """Attention over tiles of a step."""

    def shapes(self, spans: Sequence[Span], tokens: int, answers: int) -> Bucket:
        """The bucket of a step, given the padded lengths of its stream and of its answers."""
        ...

    def attend(self, inputs: StepInputs) -> Attend:
        """On the device, once a step: all layers attend by what this gives."""
        ...


class PaddedSlots:
    """torch's own attention over slots that are read as far as the longest of them, by a mask."""

    def __init__(self, cache: SlotCache, query_heads: int, dtype: torch.dtype) -> None:
        self._cache = cache
        self._share = query_heads // cache.shape.heads
        self._dtype = dtype

    def shapes(self, spans: Sequence[Span], tokens: int, answers: int) -> Bucket:
        slots = self._cache.padding_slot
        size = 1 if all(len(span.tokens) == 1 for span in spans) else _SDPA_TILE_TOKENS
        in_order = all(span.slot == place and len(span.tokens) <= size for place, span in enumerate(spans))
        tiles = min(tokens, slots) if in_order else most_tiles(tokens, slots, size)
        places = max(_SDPA_FEWEST_PLACES, 1 << (max(span.end for span in spans) - 1).bit_length())
        return Bucket(tokens, answers, tiles, size, min(places, self._cache.slot_tokens), in_order)

    def attend(self, inputs: StepInputs) -> Attend:
        bucket, counts = inputs.bucket, inputs.tile_counts[:, None]
        steps = torch.arange(bucket.tile_tokens, device=counts.device)
        within = torch.minimum(steps, (counts - 1).clamp_min_(0))  # (M, T)
        group = Group(
            slots=slice(0, bucket.tiles) if bucket.in_order else inputs.tile_slots,
            stream=slice(0, bucket.tokens),
            gather=inputs.tile_offsets[:, None] + within,
            scatter=inputs.scatter,
            mask=causal_mask(inputs.tile_starts[:, None] + within, bucket.places, self._share, self._dtype),
        )
        return GroupedAttention([group])


class FusedSlots:
    """One Triton kernel; see `triton_kernels.py`."""

    def __init__(self, cache: SlotCache, query_heads: int, processors: int) -> None:
        """`processors`: of the GPU, each of which should get a tile or more.

        Raises: ImportError, without Triton.
        """
        from reviser.packed.slots import triton_kernels

        self._kernels: Any = triton_kernels
        self._cache = cache
        self._share = query_heads // cache.shape.heads
        self._processors = processors

    def shapes(self, spans: Sequence[Span], tokens: int, answers: int) -> Bucket:
        size = max(1, _ROWS // self._share)
        return Bucket(tokens, answers, most_tiles(tokens, self._cache.padding_slot, size), size, 0, False)

    def attend(self, inputs: StepInputs) -> Attend:
        splits, programs = 1, inputs.bucket.tiles * self._cache.shape.heads
        while splits < _MOST_SPLITS and programs * splits * 2 <= 2 * self._processors:
            splits *= 2
        return _FusedAttention(self._kernels, inputs, self._share, splits)


@dataclass(frozen=True, slots=True)
class _FusedAttention:
    """See `Attend`."""

    kernels: Any
    inputs: StepInputs
    share: int
    splits: int

    def __call__(self, query: torch.Tensor, keys: Kept, values: Kept, scaling: float | None) -> torch.Tensor:
        inputs, tiles = self.inputs, self.inputs.bucket.tiles
        query = query if query.stride(2) == 1 else query.contiguous()
        heads, width = keys.numbers.shape[1], keys.numbers.shape[3]
        width_block = max(_power(width), 16)
        rows = max(_power(inputs.bucket.tile_tokens * self.share), _ROWS)
        sizes = {"share": self.share, "width": width, "width_block": width_block, "rows": rows, "splits": self.splits}
        out = query.new_zeros((query.shape[1], query.shape[0], width))  # padding stays zero
        parted = (tiles, heads, self.splits, rows) if self.splits > 1 else (1,)
        parts = query.new_empty((*parted, width_block), dtype=torch.float32)
        peaks, weights = query.new_empty((2, *parted), dtype=torch.float32)
        self.kernels.attend_tiles[tiles, heads, self.splits](
            query,
            keys.numbers,
            values.numbers,
            out,
            parts,
            peaks,
            weights,
            inputs.tile_slots,
            inputs.tile_starts,
            inputs.tile_counts,
            inputs.tile_offsets,
            query.stride(0),
            query.stride(1),
            keys.numbers.stride(0),
            keys.numbers.stride(1),
            (width**-0.5 if scaling is None else scaling) * math.log2(math.e),
            places=max(16, min(64, _READ_BYTES // (width_block * query.element_size()))),
            num_warps=4,
            num_stages=2,
            enable_fp_fusion=True,
            **sizes,
        )
        if self.splits > 1:
            joined = (parts, peaks, weights, out, inputs.tile_counts, inputs.tile_offsets)
            self.kernels.join_splits[tiles, heads](*joined, enable_fp_fusion=True, **sizes)
        return out


def tile_attention(kind: AttentionKind, cache: SlotCache, query_heads: int, dtype: torch.dtype) -> TileAttention:
    """The attention of that kind; `auto` takes the kernel where it works, and says why it doesn't.

    Raises: UnsupportedModel, when the kernel is asked for and does not work.
    """
    padded = PaddedSlots(cache, query_heads, dtype)
    match kind:
        case "sdpa":
            return padded
        case "auto" | "triton":
            reason = probe_kernel(cache.shape, query_heads, dtype, cache.slots.device)
            if reason is None:
                log.info("attention by the Triton kernel")
                return FusedSlots(cache, query_heads, _processors(cache.slots.device))
            if kind == "triton":
                raise UnsupportedModel(
                    f"the Triton kernel does not work here: {reason}; COACHLM_REVISER_ATTENTION=sdpa"
                )
            log.warning("attention by torch, since the Triton kernel does not work here: %s", reason)
            return padded
        case other:
            assert_never(other)


def probe_kernel(shape: CacheShape, query_heads: int, dtype: torch.dtype, device: torch.device) -> str | None:
    """Let the kernel attend to random slots, with and without splits; why it can't be used, or None."""
    small = CacheShape(1, shape.heads, shape.head_dim, shape.dtype)
    cache = SlotCache(small, slots=4, slot_tokens=160, device=device)
    draws = torch.Generator(device).manual_seed(0)
    cache.slots.copy_(torch.randn(cache.slots.shape, generator=draws, device=device))
    spans = [Span(0, 150, [0], 0), Span(1, 0, [0] * 21, 0), Span(2, 60, [0] * 5, 0), Span(3, 159, [0], 0)]
    count = sum(len(span.tokens) for span in spans)
    query = torch.randn((count, query_heads, shape.head_dim), generator=draws, device=device).to(dtype).transpose(0, 1)
    try:
        wanted = _attended(PaddedSlots(cache, query_heads, dtype), cache, spans, query)
        for processors in (1, 4 * shape.heads * len(spans)):
            found = _attended(FusedSlots(cache, query_heads, processors), cache, spans, query)
            apart = float((found - wanted).abs().max())
            if not apart <= _TOLERANCE[dtype]:
                return f"it is {apart:.2g} off"
    except Exception as error:  # noqa: BLE001  # a compiler and a driver may raise anything
        return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
    return None


def _attended(attention: TileAttention, cache: SlotCache, spans: list[Span], query: torch.Tensor) -> torch.Tensor:
    inputs = StepInputs(attention.shapes(spans, query.shape[1], 1), cache)
    inputs.load(spans, [])
    return attention.attend(inputs)(query, *cache.layer(0), None).float()


def _processors(device: torch.device) -> int:
    return torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1


def most_tiles(tokens: int, slots: int, tile_tokens: int) -> int:
    """How many tiles `tokens` tokens of at most `slots` spans can come to."""
    return min(tokens, slots + tokens // tile_tokens)


def _power(number: int) -> int:
    """The power of two from `number` on."""
    return 1 << (number - 1).bit_length()
