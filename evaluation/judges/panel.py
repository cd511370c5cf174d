"""Several judges of the same comparisons as a panel: their majority's rates, and how far they agree beyond chance."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from coachlm.machine import extras
from evaluation.judges.agreement import majority
from evaluation.judges.judging import Verdict, WinRates, win_rates
from evaluation.judges.run import Judged


@dataclass(frozen=True, slots=True)
class Panel:
    """`rates`: of what most judges said; a comparison without a majority is in none. `alpha`: Krippendorff's, nominal;
    None, where it is not defined or its library is missing. `kappa`: Cohen's, by pair of judges."""

    judges: int
    rates: WinRates
    alpha: float | None
    kappa: dict[str, float]


def panel(judged: Mapping[str, Judged], seed: int = 0) -> Panel | None:
    """None for fewer than two judges."""
    if len(judged) < 2:
        return None
    verdicts = {name: [each.merged for each in found.judgements] for name, found in judged.items()}
    said = [majority([one for one in all_of if one is not None]) for all_of in zip(*verdicts.values(), strict=True)]
    pairs = {
        f"{one} and {other}": cohen_kappa(verdicts[one], verdicts[other]) for one, other in combinations(judged, 2)
    }
    return Panel(
        judges=len(judged),
        rates=win_rates(said, seed),
        alpha=_alpha(list(verdicts.values())),
        kappa={name: value for name, value in pairs.items() if value is not None},
    )


def cohen_kappa(one: Sequence[Verdict | None], other: Sequence[Verdict | None]) -> float | None:
    """Over what both decided; None where that is nothing, or both always say one and the same."""
    both = [(a, b) for a, b in zip(one, other, strict=True) if a is not None and b is not None]
    first, second = Counter(a for a, _ in both), Counter(b for _, b in both)
    by_chance = sum(first[verdict] * second[verdict] for verdict in Verdict) / max(1, len(both)) ** 2
    if not both or by_chance == 1:
        return None
    return (sum(a is b for a, b in both) / len(both) - by_chance) / (1 - by_chance)


def _alpha(verdicts: Sequence[Sequence[Verdict | None]]) -> float | None:
    if extras.AGREEMENT.lack("agreement needs"):
        return None
    import krippendorff

    places = {verdict: float(place) for place, verdict in enumerate(Verdict)}
    table = np.array([[np.nan if each is None else places[each] for each in row] for row in verdicts])
    both = (~np.isnan(table)).sum(axis=0) >= 2
    if not both.any() or np.unique(table[:, both][~np.isnan(table[:, both])]).size < 2:
        return None
    return float(krippendorff.alpha(reliability_data=table[:, both], level_of_measurement="nominal"))
