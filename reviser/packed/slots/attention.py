"""Attention over slots, as the function that an unmodified transformers model calls in every layer.

The model passes keyword arguments it doesn't know through to its attention function: that is how the step's plan
arrives here, without any state outside the call.
"""

# See docs/decisions/0082-plan-through-keyword-arguments.md

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from reviser.packed.slots.cache import Kept, SlotCache
from reviser.packed.slots.kernel_attention import MOST_TOKENS, SlotKernels, kernel_spans
from reviser.packed.slots.support import UnsupportedModel

NAME = "coachlm_slots"
GROUP_SLOTS = 8  # more in a call means fewer calls, but all read as far as the longest of them
_PADDED_TO = 2  # times the shortest span of a call
_CHANGES = ("softcap", "s_aux", "position_bias")  # arguments that change what attention computes


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive tokens of one slot: `tokens` go to the places from `start` on."""

    slot: int
    start: int
    tokens: Sequence[int]
    wanted: int  # of how many of its last positions the logits are wanted

    @property
    def end(self) -> int:
        return self.start + len(self.tokens)


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of tokens that attend in one call: R of them, padded to T tokens, which see up to L places."""

    slots: slice | torch.Tensor  # R of them; those of a tensor (R,) are copied together first
    stream: slice  # where their tokens stand in the step's stream
    gather: torch.Tensor | None  # (R, T) int64, places in the stream, a short row's last repeated; None: no padding
    scatter: torch.Tensor | None  # (tokens,) int64, where in R * T the stream's tokens are; None: no padding
    mask: torch.Tensor  # (R, 1, G * T, L), 0 or -inf; query heads that share a key head stand one after another


class Attend(Protocol):
    """Lets the tokens of a step see their own slots."""

    def __call__(
        self,
        query: torch.Tensor,  # (H * G, N, D)
        keys: Kept,
        values: Kept,
        scaling: float | None,
    ) -> torch.Tensor:
        """→ (N, H * G, D)."""
        ...


@dataclass(frozen=True, slots=True)
class StepPlan:
    """All that attention needs to know of a step, the same in every layer."""

    cache: SlotCache
    rows: torch.Tensor  # where the stream's keys and values go, see `SlotCache.rows_of`
    attend: Attend


def register() -> None:
    """Make the function known to transformers under `NAME`. No mask function: then models build no mask."""
    AttentionInterface.register(NAME, slot_attention)


def slot_attention(
    module: Any,  # the model's attention layer
    query: torch.Tensor,  # (1, H * G, N, D)
    key: torch.Tensor,  # (1, H, N, D)
    value: torch.Tensor,  # (1, H, N, D)
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    packed_step: StepPlan | None = None,
    sliding_window: int | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Keep the step's keys and values in their slots, then let each span attend to its own slot."""
    if packed_step is None:
        raise UnsupportedModel(f"{type(module).__name__} does not hand keyword arguments on to its attention")
    cache, layer = packed_step.cache, module.layer_idx
    _check(module, query, key, value, cache, sliding_window, others)
    cache.write(layer, packed_step.rows, key[0], value[0])
    keys, values = cache.layer(layer)
    return packed_step.attend(query[0], keys, values, scaling)[None], None  # (1, N, H * G, D)


@dataclass(frozen=True, slots=True)
class GroupedAttention:
    """By torch's own attention, group by group; see `Attend`."""

    groups: list[Group]

    def __call__(self, query: torch.Tensor, keys: Kept, values: Kept, scaling: float | None) -> torch.Tensor:
        out = query.new_empty(query.transpose(0, 1).shape)  # (N, H * G, D)
        self.write(query, keys, values, scaling, out)
        return out

    def write(self, query: torch.Tensor, keys: Kept, values: Kept, scaling: float | None, out: torch.Tensor) -> None:
        """Into `out`, (N, H * G, D), where the groups' tokens stand."""
        heads, width = keys.numbers.shape[1], query.shape[2]
        stream = query.unflatten(0, (heads, -1))  # (H, G, N, D)
        for group in self.groups:
            count, length = group.mask.shape[0], group.mask.shape[-1]
            asked = stream[:, :, group.stream] if group.gather is None else stream[:, :, group.gather.view(-1)]
            asked = asked.unflatten(2, (count, -1))  # (H, G, R, T, D)
            asked = asked.permute(2, 0, 1, 3, 4).reshape(count, heads, -1, width)  # (R, H, G * T, D)
            seen = scaled_dot_product_attention(
                asked,
                keys.read(group.slots, length, query.dtype),
                values.read(group.slots, length, query.dtype),
                attn_mask=group.mask,
                scale=scaling,
            )
            seen = seen.unflatten(2, (stream.shape[1], -1)).permute(0, 3, 1, 2, 4).flatten(2, 3)  # (R, T, H * G, D)
            seen = seen.flatten(0, 1)
            out[group.stream] = seen if group.scatter is None else seen[group.scatter]


@dataclass(frozen=True, slots=True)
class KernelAttention:
    """Short spans by the kernels for CPUs, long ones by torch; see `Attend`."""

    kernels: SlotKernels
    spans: np.ndarray  # the short ones
    rest: GroupedAttention

    def __call__(self, query: torch.Tensor, keys: Kept, values: Kept, scaling: float | None) -> torch.Tensor:
        stream = query.transpose(0, 1).contiguous()  # (N, H * G, D)
        out = torch.empty_like(stream)
        if len(self.spans):
            self.kernels.attend(stream, keys, values, self.spans, scaling, out)
        self.rest.write(query, keys, values, scaling, out)
        return out


def _check(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    cache: SlotCache,
    sliding_window: int | None,
    others: dict[str, Any],
) -> None:
    """Raises: UnsupportedModel, for what would come out wrong."""
    name = type(module).__name__
    if sliding_window is not None and sliding_window < cache.slot_tokens:
        raise UnsupportedModel(f"{name} slides a window of {sliding_window} tokens, a slot has {cache.slot_tokens}")
    if changes := [change for change in _CHANGES if others.get(change) is not None]:
        raise UnsupportedModel(f"{name} wants {', '.join(changes)}")
    wanted = (1, cache.shape.heads, query.shape[2], cache.shape.head_dim)
    if key.shape != wanted or value.shape != wanted:
        raise UnsupportedModel(f"{name} has keys {tuple(key.shape)} and values {tuple(value.shape)}, not {wanted}")


def plan_step(
    cache: SlotCache, spans: list[Span], query_heads: int, dtype: torch.dtype, kernels: SlotKernels | None = None
) -> StepPlan:
    """`spans` in the order of their slots; they form the stream one after another. `dtype`: the model's."""
    device = cache.slots.device
    slots = torch.tensor([span.slot for span in spans for _ in span.tokens], device=device)  # (N,)
    places = torch.tensor([place for span in spans for place in range(span.start, span.end)], device=device)  # (N,)
    short, long, offset = [], [], 0
    for span in spans:
        count = len(span.tokens)
        if kernels is not None and count <= MOST_TOKENS:
            short.append((span.slot, span.start, offset, count))
        else:
            long.append((offset, span))
        offset += count
    share = query_heads // cache.shape.heads
    groups = [_group([span for _, span in members], members[0][0], share, cache, dtype) for members in _adjoining(long)]
    rest = GroupedAttention(groups)
    attend = rest if kernels is None else KernelAttention(kernels, kernel_spans(short), rest)
    return StepPlan(cache, cache.rows_of(slots, places), attend)


def _adjoining(spans: Iterable[tuple[int, Span]]) -> Iterator[list[tuple[int, Span]]]:
    """Runs of spans, each with its offset in the stream, in adjoining slots and of like length: what is short would be
    padded to what is long."""
    members: list[tuple[int, Span]] = []
    for offset, span in spans:
        if members and (
            span.slot != members[-1][1].slot + 1
            or len(members) == GROUP_SLOTS
            or not _alike(span, [member for _, member in members])
        ):
            yield members
            members = []
        members.append((offset, span))
    if members:
        yield members


def _alike(span: Span, members: list[Span]) -> bool:
    shortest = min(len(span.tokens), *(len(member.tokens) for member in members))
    longest = max(len(span.tokens), *(len(member.tokens) for member in members))
    return longest <= _PADDED_TO * shortest


def _group(members: list[Span], offset: int, share: int, cache: SlotCache, dtype: torch.dtype) -> Group:
    """`share`: query heads that share a key head."""
    device = cache.slots.device
    sizes = [len(span.tokens) for span in members]
    counts = torch.tensor(sizes, device=device)[:, None]  # (R, 1)
    steps = torch.arange(max(sizes), device=device)  # (T,)
    within = torch.minimum(steps, counts - 1)  # (R, T)
    starts = torch.tensor([span.start for span in members], device=device)[:, None]  # (R, 1)
    ragged = min(sizes) < max(sizes)
    return Group(
        slots=slice(members[0].slot, members[-1].slot + 1),
        stream=slice(offset, offset + sum(sizes)),
        gather=offset + counts.cumsum(0) - counts + within if ragged else None,
        scatter=(steps < counts).view(-1).nonzero().view(-1) if ragged else None,
        mask=causal_mask(starts + within, max(span.end for span in members), share, dtype),
    )


def causal_mask(last: torch.Tensor, length: int, share: int, dtype: torch.dtype) -> torch.Tensor:
    """(R, T), the last place that each token sees → (R, 1, G * T, L)."""
    hidden = torch.arange(length, device=last.device) > last[:, :, None]  # (R, T, L)
    mask = torch.zeros(hidden.shape, dtype=dtype, device=last.device).masked_fill_(hidden, float("-inf"))
    return mask.repeat(1, share, 1)[:, None]
