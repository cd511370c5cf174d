"""Outside ratings, as signals and as thresholds."""

import math
from collections.abc import Mapping, Sequence

import xxhash

from coachlm.choosing.candidates import Signal

Ratings = Mapping[str, Sequence[float]]
"""Id of a pair → what raters gave it."""


def rating_signals(ratings: Ratings, *, prefers_high: bool) -> dict[str, dict[Signal, float]]:
    """For each id its mean rating between the lowest (0) and the highest (1), and how far its ratings lie apart."""
    means = {name: sum(given) / len(given) for name, given in ratings.items() if given}
    low, high = min(means.values(), default=0.0), max(means.values(), default=0.0)
    spread = (high - low) or 1.0
    found: dict[str, dict[Signal, float]] = {}
    for name, mean in means.items():
        place = (mean - low) / spread
        found[name] = {Signal.SCORE: place if prefers_high else 1 - place}
        if len(ratings[name]) > 1:
            found[name][Signal.DISAGREEMENT] = min(1.0, (max(ratings[name]) - min(ratings[name])) / spread)
    return found


def passing(ratings: Ratings, *, min_score: float | None, top: float | None, seed: int) -> set[str]:
    """Ids whose mean rating is high enough and among the best share; equals are drawn by the seed."""
    means = {name: sum(given) / len(given) for name, given in ratings.items() if given}
    kept = [name for name, mean in means.items() if min_score is None or mean >= min_score]
    if top is not None:
        kept.sort(key=lambda name: (-means[name], xxhash.xxh3_64_intdigest(f"{seed}:{name}".encode(errors="replace"))))
        kept = kept[: math.ceil(top * len(means))]
    return set(kept)
