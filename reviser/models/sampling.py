"""Sampling instead of the likeliest token: what is asked for, and where each draw comes from.

A draw depends on the seed, the pair and the token's place in the output alone: not on which pairs are computed along,
in which order, or with which drafts.
"""

# See docs/decisions/0087-keyed-draws.md

from dataclasses import dataclass

import xxhash

DRAW_BITS = 52
GREEDY = -1
"""In place of a draw: the likeliest token, beside others that are drawn."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next token is drawn; the filters work in this order."""

    temperature: float  # above 0
    top_k: int = 0  # of so many likeliest tokens; 0: all
    top_p: float = 1.0  # of the likeliest tokens that together have this chance
    seed: int = 0

    def noise(self, pair_id: str) -> int:
        """Where the draws of a pair come from."""
        return xxhash.xxh3_64_intdigest(pair_id.encode(), seed=self.seed)


def draw(noise: int | None, place: int) -> int:
    """Uniform below 2 ** `DRAW_BITS`, for the token at a place of the output; without noise `GREEDY`."""
    if noise is None:
        return GREEDY
    return xxhash.xxh3_64_intdigest(place.to_bytes(8, "little"), seed=noise) >> (64 - DRAW_BITS)
