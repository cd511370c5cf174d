"""Groups of vectors that point the same way, each led by its first."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_BLOCK = 1024
_TRIED = 5  # leaders that a vector is compared with in words


@dataclass(frozen=True, slots=True)
class Likeness:
    """A vector's leader and the cosine of their angle."""

    leader: int
    cosine: float


def link_to_leaders(
    vectors: np.ndarray, threshold: float, may_link: Callable[[int, int], bool] = lambda _, __: True
) -> dict[int, Likeness]:
    """Index of each vector that is alike an earlier one that leads → that one; the others lead.

    Vectors of length one, in order of arrival; links never chain. `may_link(index, leader)` can refuse.
    """
    links: dict[int, Likeness] = {}
    leaders: list[int] = []
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK]
        known = len(leaders)
        earlier = block @ vectors[leaders].T if leaders else np.zeros((len(block), 0), np.float32)
        within = block @ block.T
        for row in range(len(block)):
            fresh = [leader - start for leader in leaders[known:]]
            cosines = np.concatenate((earlier[row], within[row, fresh]))
            link = _first_allowed(start + row, leaders, cosines, threshold, may_link)
            if link is None:
                leaders.append(start + row)
            else:
                links[start + row] = link
    return links


def _first_allowed(
    index: int, leaders: list[int], cosines: np.ndarray, threshold: float, may_link: Callable[[int, int], bool]
) -> Likeness | None:
    close = np.flatnonzero(cosines >= threshold)
    for place in close[np.argsort(-cosines[close], kind="stable")][:_TRIED]:
        if may_link(index, leaders[place]):
            return Likeness(leaders[place], float(cosines[place]))
    return None
