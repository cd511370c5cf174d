"""The keys and values of every sequence under way: one preallocated tensor, cut into slots of equal length."""

from dataclasses import dataclass

import torch

from reviser.packed.support import UnsupportedModel


@dataclass(frozen=True, slots=True)
class CacheShape:
    """What one token of one sequence keeps."""

    layers: int
    heads: int  # of keys and values
    head_dim: int
    dtype: torch.dtype  # as kept; attention computes in the model's own

    @property
    def token_bytes(self) -> int:
        return 2 * self.layers * self.heads * self.head_dim * self.dtype.itemsize

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


class SlotCache:
    """Slots, and apart from them the shared prefix as each adapter sees it.

    Stale places are finite and masked, never read as numbers. Behind the last slot lies one row of scratch, which
    nothing reads: padding is written there.
    """

    def __init__(self, shape: CacheShape, slots: int, slot_tokens: int, device: torch.device) -> None:
        self.shape = shape
        self.slot_tokens = slot_tokens
        self._scratch = slots * shape.heads * slot_tokens  # its row
        # (layer, key | value, row, head_dim). Zeros, because a masked NaN would still spread.
        self._rows = torch.zeros((shape.layers, 2, self._scratch + 1, shape.head_dim), dtype=shape.dtype, device=device)
        # Of it, shaped (layer, key | value, slot, head, place, head_dim):
        self.slots = self._rows[:, :, : self._scratch].unflatten(2, (slots, shape.heads, slot_tokens))
        # By adapter: the same tokens have other keys and values under other weights.
        self.prefixes: dict[str | None, torch.Tensor] = {}  # (layer, key | value, head, place, head_dim)
        self._heads = torch.arange(shape.heads, device=device)

    @property
    def nbytes(self) -> int:
        return self._rows.nbytes + sum(prefix.nbytes for prefix in self.prefixes.values())

    @property
    def padding_slot(self) -> int:
        """The slot of tokens that are to leave no trace."""
        return self.slots.shape[2]

    def rows_of(self, slots: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Where tokens go in `write`: (N,) slots and (N,) places → (H * N,), head by head."""
        heads = slots * self.shape.heads + self._heads[:, None]  # (H, N)
        return (heads * self.slot_tokens + places).clamp_max_(self._scratch).view(-1)

    def write(self, layer: int, rows: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> None:
        """Keep the keys and values (H, N, D) of N tokens."""
        for kept, new in zip(self._rows[layer], (key, value), strict=True):
            kept.index_copy_(0, rows, new.reshape(-1, self.shape.head_dim).to(kept.dtype))

    def keep_prefix(self, adapter: str | None, slot: int, tokens: int) -> None:
        """Take a slot's first tokens as the prefix that `fill` copies for this adapter."""
        self.prefixes[adapter] = self.slots[:, :, slot, :, :tokens].clone()

    def fill(self, slot: int, tokens: int, adapter: str | None) -> None:
        self.slots[:, :, slot, :, :tokens] = self.prefixes[adapter][:, :, :, :tokens]

    def move(self, source: int, target: int, tokens: int) -> None:
        """The source is emptied: what moves may turn out to be NaN, and only its new slot will be cleared then."""
        self.slots[:, :, target, :, :tokens] = self.slots[:, :, source, :, :tokens]
        self.slots[:, :, source, :, :tokens] = 0

    def clear(self, slot: int) -> None:
        self.slots[:, :, slot] = 0
