"""A step in fixed shapes over fixed tensors, so that a device can replay it without being told anew what to do.

The step's tokens are one stream, as always, but padded to one of a few lengths, and its spans are cut into tiles of
equal size for attention. All that changes from step to step is one tensor of whole numbers, written in one copy, and
what comes back is one tensor: how many drafted tokens of each row were right, and the token after them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from reviser.packed.drafts import MAX_DRAFT
from reviser.packed.slots.attention import Span
from reviser.packed.slots.cache import SlotCache

_NO_GUESS = -2  # after a row's last token; a model's answers are -1 or more


@dataclass(frozen=True, slots=True)
class Bucket:
    """The shapes of a step: what is less is padded."""

    tokens: int  # N, of the stream
    answers: int  # S, of how many tokens the logits are wanted
    tiles: int  # M
    tile_tokens: int  # T
    places: int  # L, as far as slots are read; 0 where attention stops at each tile's end by itself
    in_order: bool  # tile i is of slot i, so that slots are read where they lie


@dataclass(slots=True)
class _Lists:
    """What `StepInputs` holds, before it is padded."""

    ids: list[int] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)
    scatter: list[int] = field(default_factory=list)
    wanted: list[int] = field(default_factory=list)
    guesses: list[int] = field(default_factory=list)
    firsts: list[int] = field(default_factory=list)
    tile_slots: list[int] = field(default_factory=list)
    tile_starts: list[int] = field(default_factory=list)
    tile_counts: list[int] = field(default_factory=list)
    tile_offsets: list[int] = field(default_factory=list)

    def add(self, span: Span, tile_tokens: int) -> None:
        offset, count = len(self.ids), len(span.tokens)
        self.ids += span.tokens
        self.places += range(span.start, span.end)
        self.slots += [span.slot] * count
        for first in range(0, count, tile_tokens):
            held = min(tile_tokens, count - first)
            place = len(self.tile_slots) * tile_tokens
            self.scatter += range(place, place + held)
            self.tile_slots.append(span.slot)
            self.tile_starts.append(span.start + first)
            self.tile_counts.append(held)
            self.tile_offsets.append(offset + first)
        if span.wanted:
            self.firsts.append(len(self.wanted))
            self.wanted += range(offset + count - span.wanted, offset + count)
            self.guesses += [*span.tokens[count - span.wanted + 1 :], _NO_GUESS]


class StepInputs:
    """A step's input and output tensors; they stay where they are as long as the bucket is in use."""

    def __init__(self, bucket: Bucket, cache: SlotCache) -> None:
        device = cache.slots.device
        self.bucket = bucket
        self._padding_slot = cache.padding_slot
        self._lengths = [bucket.tokens] * 4 + [bucket.answers] * 4 + [bucket.tiles] * 4
        pinned = device.type == "cuda"  # a copy from pinned memory doesn't wait for the device
        self._host = torch.zeros(sum(self._lengths), dtype=torch.int64, pin_memory=pinned)
        self._device = torch.zeros_like(self._host, device=device)
        parts = self._device.split(self._lengths)
        self.ids, self.places, self.slots, self.scatter = parts[:4]  # (N,); `scatter`: where in M * T a token is
        self.wanted, self.guesses, self.draws, self._firsts = parts[4:8]  # (S,); the first of them are places in (N,)
        self.tile_slots, self.tile_starts, self.tile_counts, self.tile_offsets = parts[8:]  # (M,); offsets in (N,)
        self._answers = torch.zeros((bucket.answers, 2), dtype=torch.int64, device=device)

    def load(self, spans: Sequence[Span], draws: Sequence[int]) -> None:
        """Write the next step, once the answers of the last are in; `draws` as in `next_tokens.choose`, or none."""
        lists = _Lists()
        for span in spans:
            lists.add(span, self.bucket.tile_tokens)
        padded = [
            (lists.ids, lists.ids[0]),  # a real token: some models warn of the one that they call padding
            (lists.places, 0),
            (lists.slots, self._padding_slot),
            (lists.scatter, 0),
            (lists.wanted, 0),
            (lists.guesses, _NO_GUESS),
            (draws, 0),
            (lists.firsts, 0),
            (lists.tile_slots, 0),  # read for nothing: a tile without tokens is never looked at
            (lists.tile_starts, 0),
            (lists.tile_counts, 0),
            (lists.tile_offsets, 0),
        ]
        numbers: list[int] = []
        for (part, filling), length in zip(padded, self._lengths, strict=True):
            numbers += part
            numbers += [filling] * (length - len(part))
        self._host.copy_(torch.tensor(numbers))
        self._device.copy_(self._host, non_blocking=True)

    def verify(self, tokens: torch.Tensor) -> None:
        """On the device: compare each row's next tokens (S,) with its draft."""
        steps = torch.arange(MAX_DRAFT + 1, device=tokens.device)
        places = (self._firsts[:, None] + steps).clamp_max_(len(tokens) - 1)  # (S, drafts)
        accepted = (tokens == self.guesses)[places].cumprod(dim=1).sum(dim=1)  # (S,); a row's end has no guess
        self._answers.copy_(torch.stack([accepted, tokens[self._firsts + accepted]], dim=1))

    def answers(self, spans: Sequence[Span]) -> list[list[int | None]]:
        """Of each span, the accepted draft and the token after it, None for no number; waits for the device."""
        found = iter(self._answers.tolist())
        answers: list[list[int | None]] = []
        for span in spans:
            if not span.wanted:
                answers.append([])
                continue
            accepted, token = next(found)
            first = len(span.tokens) - span.wanted + 1  # of the draft
            answers.append([*span.tokens[first : first + accepted], None if token < 0 else token])
        return answers
