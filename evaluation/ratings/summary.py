"""What a rater's scores say of a data set: mean, histogram and the share of accurate responses (paper Fig. 4)."""

from collections.abc import Sequence
from dataclasses import dataclass

ACCURATE_FROM = 4.5
"""This rating included. Source: AlpaGasus's filter, by which the paper's 17.7 % of Alpaca (§III-B) are 9,229 pairs."""

STEP = 0.5
HIGHEST = 5.0


@dataclass(frozen=True, slots=True)
class RatingSummary:
    """`histogram`: lower edge of a bin half a point wide → ratings, all bins from 0 to 5 in order."""

    count: int
    mean: float
    accurate: int  # at least ACCURATE_FROM
    histogram: dict[float, int]

    @property
    def share_accurate(self) -> float:
        return self.accurate / max(1, self.count)


def summarise_ratings(scores: Sequence[float]) -> RatingSummary:
    """Scores from 0 to 5."""
    histogram = {index * STEP: 0 for index in range(round(HIGHEST / STEP) + 1)}
    for score in scores:
        histogram[score // STEP * STEP] += 1
    return RatingSummary(
        count=len(scores),
        mean=sum(scores) / max(1, len(scores)),
        accurate=sum(score >= ACCURATE_FROM for score in scores),
        histogram=histogram,
    )
