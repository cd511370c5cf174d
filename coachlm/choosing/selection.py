"""Chooses a few of many: those whose signals speak loudest and that lie farthest from what is chosen already."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import xxhash

from coachlm.choosing.candidates import Candidate, Signal
from coachlm.choosing.quotas import Quota, QuotaBook

_ROUNDS = 1000  # of many thousands, several are taken before distances are looked at again
_CHANCE = 1e-3  # weight of the seeded draw that breaks ties


@dataclass(frozen=True, slots=True)
class Choice:
    """A chosen candidate's index and why it was chosen then."""

    index: int
    signal: float  # 0 to 1
    distance: float  # from the nearest that was chosen before, 0 to 1
    signals: dict[Signal, float]

    @property
    def reason(self) -> str:
        told = ", ".join(f"{name} {value:.2f}" for name, value in self.signals.items())
        return f"{told or 'no signal'}; {self.distance:.2f} from the nearest chosen before"


@dataclass(frozen=True, slots=True)
class Selection:
    """The chosen in order, and how many each quota kept out."""

    choices: list[Choice]
    kept_out: dict[str, int] = field(default_factory=dict)


def choose(
    candidates: Sequence[Candidate],
    vectors: np.ndarray,
    count: int,
    *,
    weights: dict[Signal, float],
    diversity: float = 0.5,
    quotas: Sequence[Quota] = (),
    seed: int = 0,
) -> Selection:
    """Greedy k-center with a head start for signals: `diversity` 0 takes the loudest, 1 the most different.

    `vectors` are of length one, and looked at only with diversity. The same candidates in the same order and the same
    seed give the same choice.
    """
    signals = np.array([_weighed(candidate.signals, weights) for candidate in candidates], np.float32)
    chance = np.array([_draw(candidate.id, seed) for candidate in candidates], np.float32)
    distances = np.ones(len(candidates), np.float32)
    book, choices, kept_out = QuotaBook(quotas), [], Counter[str]()
    open_ = np.ones(len(candidates), bool)
    step = max(1, count // _ROUNDS) if diversity else count
    while open_.any() and len(choices) < count:
        worth = (1 - diversity) * signals + diversity * distances + _CHANCE * chance
        order = np.argsort(-np.where(open_, worth, -np.inf), kind="stable")[: int(open_.sum())]
        taken: list[int] = []
        for index in map(int, order):
            if len(taken) == min(step, count - len(choices)):
                break
            open_[index] = False
            full = book.full(candidates[index])
            if full is not None:
                kept_out[f"{full.by}:{full.value}"] += 1
                continue
            book.count(candidates[index])
            taken.append(index)
        choices += [Choice(i, float(signals[i]), float(distances[i]), dict(candidates[i].signals)) for i in taken]
        if diversity and taken:
            cosines = (vectors @ vectors[taken].T).max(1)
            distances = np.minimum(distances, np.clip(1 - cosines, 0, 1))
    return Selection(choices, dict(kept_out))


def _weighed(signals: dict[Signal, float], weights: dict[Signal, float]) -> float:
    """The mean of the signals, each by its weight; a signal that a candidate hasn't counts as 0."""
    total = sum(weights.values())
    return sum(weight * signals.get(name, 0.0) for name, weight in weights.items()) / total if total else 0.0


def _draw(name: str, seed: int) -> float:
    return xxhash.xxh3_64_intdigest(f"{seed}:{name}".encode("utf-8", "surrogatepass")) / 2**64
