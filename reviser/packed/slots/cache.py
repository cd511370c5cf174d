"""The keys and values of every sequence under way: one preallocated tensor, cut into slots of equal length."""

from dataclasses import dataclass
from math import prod
from mmap import ACCESS_COPY, mmap
from typing import Protocol

import torch

from reviser.packed.slots.support import UnsupportedModel

_SCALE_BYTES = 4
_STEPS = 127


@dataclass(frozen=True, slots=True)
class CacheShape:
    """What one token of one sequence keeps."""

    layers: int
    heads: int  # of keys and values
    head_dim: int
    dtype: torch.dtype  # as kept; attention computes in the model's own. int8: with a scale for each token and head

    @property
    def has_scales(self) -> bool:
        return self.dtype == torch.int8

    @property
    def token_bytes(self) -> int:
        scale_bytes = _SCALE_BYTES if self.has_scales else 0
        return 2 * self.layers * self.heads * (self.head_dim * self.dtype.itemsize + scale_bytes)

    def slots_within(self, budget_bytes: int, slot_tokens: int, prefix_tokens: int) -> int:
        """How many slots the budget holds beside the shared prefixes and the scratch, which is less than a token's.

        Raises: UnsupportedModel, when it holds none.
        """
        slots = (budget_bytes // self.token_bytes - prefix_tokens - 1) // slot_tokens
        if slots < 1:
            needed = (slot_tokens + prefix_tokens + 1) * self.token_bytes
            raise UnsupportedModel(
                f"a cache of {budget_bytes:,} bytes holds no slot of {slot_tokens:,} tokens: that takes {needed:,}"
            )
        return slots


@dataclass(frozen=True, slots=True)
class Kept:
    """Keys or values as a layer keeps them."""

    numbers: torch.Tensor  # (slot, H, place, D)
    scales: torch.Tensor | None = None  # (slot, H, place) float32, with numbers in int8

    def read(self, slots: slice | torch.Tensor, places: int, dtype: torch.dtype) -> torch.Tensor:
        """The first places of some slots in the model's own numbers: (R, H, L, D)."""
        numbers = self.numbers[slots, :, :places].to(dtype)
        return numbers if self.scales is None else numbers * self.scales[slots, :, :places, None].to(dtype)


class Keep(Protocol):
    """Puts keys or values into a layer's rows; a kernel may do it faster than torch."""

    def __call__(
        self,
        rows: torch.Tensor,  # (H * N,), head by head
        new: torch.Tensor,  # (H, N, D)
        kept: torch.Tensor,  # (row, D)
        scales: torch.Tensor | None,  # (row,)
    ) -> None: ...


def keep_by_torch(rows: torch.Tensor, new: torch.Tensor, kept: torch.Tensor, scales: torch.Tensor | None) -> None:
    """See `Keep`."""
    new = new.reshape(-1, new.shape[-1])
    if scales is not None:
        largest = new.abs().amax(dim=-1).float()  # what is no number makes the scale none
        scales.index_copy_(0, rows, largest / _STEPS)
        new = (new / largest[:, None].clamp_min(1e-30) * _STEPS).round_().nan_to_num_()
    kept.index_copy_(0, rows, new.to(kept.dtype))


class SlotCache:
    """Slots, and apart from them the shared prefix as each adapter sees it.

    Stale places are finite and masked, never read as numbers. Behind the last slot lies one row of scratch, which
    nothing reads: padding is written there. On a CPU memory is taken from the system when a slot first needs it.
    """

    def __init__(
        self, shape: CacheShape, slots: int, slot_tokens: int, device: torch.device, keep: Keep = keep_by_torch
    ) -> None:
        self.shape = shape
        self.slot_tokens = slot_tokens
        self._scratch = slots * shape.heads * slot_tokens  # its row
        # (layer, key | value, row, head_dim). Zeros, because a masked NaN would still spread.
        self._rows = _zeros((shape.layers, 2, self._scratch + 1, shape.head_dim), shape.dtype, device)
        # Of it, shaped (layer, key | value, slot, head, place, head_dim):
        self.slots = self._in_slots(self._rows)
        # (layer, key | value, row), and shaped as the slots:
        self._scales = _zeros(self._rows.shape[:3], torch.float32, device) if shape.has_scales else None
        self._slot_scales = None if self._scales is None else self._in_slots(self._scales)
        self._parts = [self.slots] if self._slot_scales is None else [self.slots, self._slot_scales]
        # By adapter: the same tokens have other keys and values under other weights.
        self.prefixes: dict[str | None, list[torch.Tensor]] = {}
        self._heads = torch.arange(shape.heads, device=device)
        self._keep = keep

    def _in_slots(self, rows: torch.Tensor) -> torch.Tensor:
        return rows[:, :, : self._scratch].unflatten(2, (-1, self.shape.heads, self.slot_tokens))

    @property
    def nbytes(self) -> int:
        """Of what may come to be held."""
        prefixes = [part for prefix in self.prefixes.values() for part in prefix]
        own = [self._rows] if self._scales is None else [self._rows, self._scales]
        return sum(part.nbytes for part in [*own, *prefixes])

    @property
    def padding_slot(self) -> int:
        """The slot of tokens that are to leave no trace."""
        return self.slots.shape[2]

    def layer(self, layer: int) -> tuple[Kept, Kept]:
        """Its keys and values."""
        scales = (None, None) if self._slot_scales is None else self._slot_scales[layer]
        keys, values = (Kept(*each) for each in zip(self.slots[layer], scales, strict=True))
        return keys, values

    def rows_of(self, slots: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Where tokens go in `write`: (N,) slots and (N,) places → (H * N,), head by head."""
        heads = slots * self.shape.heads + self._heads[:, None]  # (H, N)
        return (heads * self.slot_tokens + places).clamp_max_(self._scratch).view(-1)

    def write(self, layer: int, rows: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> None:
        """Keep the keys and values (H, N, D) of N tokens."""
        scales = (None, None) if self._scales is None else self._scales[layer]
        for kept, kept_scales, new in zip(self._rows[layer], scales, (key, value), strict=True):
            self._keep(rows, new, kept, kept_scales)

    def copy(self, slot: int, tokens: int) -> list[torch.Tensor]:
        """A slot's first tokens, for `restore`."""
        return [part[:, :, slot, :, :tokens].clone() for part in self._parts]

    def restore(self, slot: int, copied: list[torch.Tensor]) -> None:
        for part, kept in zip(self._parts, copied, strict=True):
            part[:, :, slot, :, : kept.shape[3]] = kept

    def keep_prefix(self, adapter: str | None, slot: int, tokens: int) -> None:
        """Take a slot's first tokens as the prefix that `fill` copies for this adapter."""
        self.prefixes[adapter] = self.copy(slot, tokens)

    def fill(self, slot: int, tokens: int, adapter: str | None) -> None:
        self.restore(slot, [part[:, :, :, :tokens] for part in self.prefixes[adapter]])

    def move(self, source: int, target: int, tokens: int) -> None:
        """The source is emptied: what moves may turn out to be NaN, and only its new slot will be cleared then."""
        for part in self._parts:
            part[:, :, target, :, :tokens] = part[:, :, source, :, :tokens]
            part[:, :, source, :, :tokens] = 0

    def clear(self, slot: int) -> None:
        for part in self._parts:
            part[:, :, slot] = 0


def _zeros(shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """On a CPU without touching them: torch's own would take the whole budget from the system at once, and numpy's ask
    for huge pages, which took four times as long to get as small ones."""
    if device.type != "cpu":
        return torch.zeros(shape, dtype=dtype, device=device)
    memory = mmap(-1, prod(shape) * dtype.itemsize, access=ACCESS_COPY)  # private to this process
    return torch.frombuffer(memory, dtype=dtype).view(shape)
