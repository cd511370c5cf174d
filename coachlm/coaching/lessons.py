"""What a tagging coach learns from: stretches of text with the tags that an expert's revision gives their tokens.

The reviser makes lessons, the trainer learns them; neither knows the other.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from coachlm.pairs import InstructionPair

UNKNOWN = -100
"""In place of a tag: nothing is learned here. Source: torch's cross_entropy, `ignore_index`."""


class TagRows(NamedTuple):
    """Where the rows of each kind of tag begin in the embedding; the words' rows come last."""

    word: int
    gap: int
    case: int
    words: int


@dataclass(frozen=True, slots=True)
class TagLesson:
    """A stretch of a text, as the network reads it, and what it should say of each token."""

    columns: np.ndarray  # (6, T) int32: row and type; word, gap and case tag, row of the meant word, each or UNKNOWN
    pair_id: str  # of the raw pair
    instruction_hash: str  # of the raw instruction

    def __len__(self) -> int:
        return self.columns.shape[1]

    @property
    def targets(self) -> int:
        """Tokens of which something is to be said."""
        return int((self.columns[2:5] != UNKNOWN).any(axis=0).sum())


@dataclass(frozen=True, slots=True)
class Companion:
    """What belongs to an adapter of a tagging coach beside its weights."""

    files: Mapping[str, bytes]  # for its folder, by name
    figures: Mapping[str, Any]  # for the run's record


class TagTeacher(Protocol):
    """Knows how a tagging coach reads texts, and how sure it must be."""

    @property
    def rows(self) -> TagRows: ...

    def edits(self, raw: InstructionPair, revised: InstructionPair, counts: Counter[str]) -> list[TagLesson]:
        """The raw pair with what the expert did to it; empty where nothing can be learned.

        `counts` gets the changed words: `learned`, and the others by the reason why they can't be.
        """
        ...

    def kept(self, raw: InstructionPair, revised: InstructionPair) -> list[TagLesson]:
        """The revised pair as texts that are to be left alone."""
        ...

    def companion(
        self, weights: Mapping[str, np.ndarray], pairs: Sequence[tuple[InstructionPair, InstructionPair]]
    ) -> Companion:
        """`weights`: the network's, the adapter merged in, under transformers' names; `pairs`: raw and revised ones
        that it hasn't learned, on which it is found how sure it must be of each kind of edit."""
        ...
