"""Which pairs mean the same: short requests whose vectors are close, on the same numbers, material and context."""

from collections.abc import Sequence

import numpy as np

from coachlm.choosing.clusters import Likeness, link_to_leaders
from coachlm.pairs import InstructionPair
from coachlm.text.duplicates.questions import is_long, signs_of
from coachlm.text.duplicates.words import jaccard, words_of

_SAME_MATERIAL = 0.8


def link_by_meaning(
    pairs: Sequence[InstructionPair], vectors: np.ndarray, threshold: float, waits: Sequence[bool]
) -> dict[int, Likeness]:
    """Index of each pair that asks what an earlier one asks → that one. `vectors` are those of the instructions;
    only pairs that wait are linked, to whatever pair came first."""
    words = [words_of(pair.instruction) for pair in pairs]
    signs = [signs_of(found) for found in words]

    def may_link(index: int, leader: int) -> bool:
        if not waits[index] or signs[index] != signs[leader] or is_long(words[index]) or is_long(words[leader]):
            return False
        one, other = pairs[index], pairs[leader]
        if (one.context and one.context.digest) != (other.context and other.context.digest):
            return False
        return one.input.strip() == other.input.strip() or (
            jaccard(words_of(one.input), words_of(other.input)) >= _SAME_MATERIAL
        )

    return link_to_leaders(vectors, threshold, may_link)
