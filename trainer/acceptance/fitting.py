"""Fitting the acceptance model: a regularised logistic regression, calibrated on what it had not seen.

Cross-validated by raw pair: no pair's candidates are learned from and judged by at once. A label may lie between 0 and
1, where readers disagree or nothing is gained.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from coachlm.acceptance.features import BETTER_HIGHER, BETTER_LOWER, NAMES
from coachlm.acceptance.labels import Label, count_verdicts
from coachlm.acceptance.model import FARTHEST, AcceptanceModel, Weight
from coachlm.errors import TrainingError

_FOLDS = 5
_PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0)
_LEAST_KNOWN = 0.2  # of the examples; a figure that is known of fewer is not learned
_THRESHOLDS = np.arange(0.5, 0.95, 0.01)
_LEAST_EXAMPLES = 40
_FLATTEST = 0.05  # slope of a calibration


@dataclass(frozen=True, slots=True)
class Example:
    """A candidate's figures, and how much better than the raw text it is: 1 better, 0 worse, a half the same."""

    pair: str  # id of the raw pair
    figures: Mapping[str, float]
    value: float


def fit_acceptance(examples: Sequence[Example], *, harm: float = 2.0, seed: int = 0) -> AcceptanceModel:
    """`harm`: as many texts that save work as one text that costs some is worth; the threshold follows from it.

    The same examples give the same model. Raises: TrainingError, for too few labels, or of one kind alone.
    """
    _check(examples)
    names = _known_names(examples)
    values = np.asarray([each.value for each in examples])
    folds = _folds([each.pair for each in examples], seed)
    table = _table(examples, names)
    penalty = min(_PENALTIES, key=lambda each: _loss(_unseen_logits(table, names, values, folds, each), values))
    logits = _unseen_logits(table, names, values, folds, penalty)
    slope, offset = _platt(logits, values)
    unseen = _sigmoid(slope * logits + offset)
    threshold = _threshold(examples, unseen, values, harm)
    model = _fitted(table, names, values, penalty)
    record = {"penalty": penalty, "harm": harm, **_figures(examples, unseen, values, threshold)}
    return replace(model, slope=slope, offset=offset, threshold=threshold, record=record)


def unseen_probabilities(examples: Sequence[Example], *, penalty: float = 10.0, seed: int = 0) -> np.ndarray:
    """`(examples,)`: by models that had not seen the pair, calibrated; for comparing sets of figures."""
    names, values = _known_names(examples), np.asarray([each.value for each in examples])
    logits = _unseen_logits(
        _table(examples, names), names, values, _folds([each.pair for each in examples], seed), penalty
    )
    slope, offset = _platt(logits, values)
    return _sigmoid(slope * logits + offset)


def _check(examples: Sequence[Example]) -> None:
    kinds = count_verdicts(each.value for each in examples)
    if len(examples) < _LEAST_EXAMPLES or len({each.pair for each in examples}) < _FOLDS or len(kinds) < 2:
        said = ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "none"
        raise TrainingError(
            f"{len(examples)} labelled candidates ({said}) are too few to learn what saves work: at least "
            f"{_LEAST_EXAMPLES} are needed, of more than one kind"
        )


def _known_names(examples: Sequence[Example]) -> list[str]:
    least = _LEAST_KNOWN * len(examples)
    found = [name for name in NAMES if sum(name in each.figures for each in examples) >= least]
    return [name for name in found if len({each.figures[name] for each in examples if name in each.figures}) > 1]


def _folds(pairs: Sequence[str], seed: int) -> np.ndarray:
    """`(examples,)`: the fold of each, the same for all candidates of a pair."""
    names = sorted(set(pairs))
    order = np.random.default_rng(seed).permutation(len(names))
    fold = {names[place]: at % _FOLDS for at, place in enumerate(order)}
    return np.asarray([fold[pair] for pair in pairs])


def _unseen_logits(
    table: np.ndarray, names: Sequence[str], values: np.ndarray, folds: np.ndarray, penalty: float
) -> np.ndarray:
    """`(examples,)`: of each by a regression on the other folds."""
    found, signs = np.zeros(len(table)), _signs(names)
    for fold in range(_FOLDS):
        seen = folds != fold
        means, scales = _scales(table[seen])
        weights = _plausible(_standard(table[seen], means, scales), values[seen], penalty, signs)
        found[~seen] = weights[0] + _standard(table[~seen], means, scales) @ weights[1:]
    return found


def _fitted(table: np.ndarray, names: Sequence[str], values: np.ndarray, penalty: float) -> AcceptanceModel:
    means, scales = _scales(table)
    weights = _plausible(_standard(table, means, scales), values, penalty, _signs(names))
    each = zip(names, means.tolist(), scales.tolist(), weights[1:].tolist(), strict=True)
    found = {name: Weight(*numbers) for name, *numbers in each if numbers[-1]}
    return AcceptanceModel(found, float(weights[0]))


def _table(examples: Sequence[Example], names: Sequence[str]) -> np.ndarray:
    """`(examples, figures)`, NaN where a figure is not known."""
    rows = [[each.figures.get(name, np.nan) for name in names] for each in examples]
    return np.asarray(rows, dtype=np.float64).reshape(len(examples), len(names))


def _scales(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and deviations of what is known, `(figures,)` each."""
    known = np.isfinite(table)
    counts = np.maximum(known.sum(axis=0), 1)
    means = np.where(known, table, 0).sum(axis=0) / counts
    scales = np.sqrt((np.where(known, table - means, 0) ** 2).sum(axis=0) / counts)
    return means, np.where(scales > 0, scales, 1.0)


def _standard(table: np.ndarray, means: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """As `AcceptanceModel` does it; what is not known counts as average."""
    return np.nan_to_num(np.clip((table - means) / scales, -FARTHEST, FARTHEST), nan=0.0)


def _signs(names: Sequence[str]) -> np.ndarray:
    """`(figures,)`: 1 where a weight may not be negative, -1 where it may not be positive."""
    return np.asarray([(name in BETTER_HIGHER) - (name in BETTER_LOWER) for name in names])


def _plausible(columns: np.ndarray, values: np.ndarray, penalty: float, signs: np.ndarray) -> np.ndarray:
    """As `_regression`, where figures that would be weighed against what they mean are left out, the worst first."""
    kept = np.ones(len(signs), dtype=bool)
    while True:
        weights = np.zeros(1 + len(signs))
        weights[np.r_[True, kept]] = _regression(columns[:, kept], values, penalty)
        wrong = -weights[1:] * signs
        if not (wrong > 0).any():
            return weights
        kept[int(wrong.argmax())] = False


def _regression(columns: np.ndarray, values: np.ndarray, penalty: float) -> np.ndarray:
    """`(1 + figures,)`, the bias first and not penalised. By Newton's steps; the loss is convex."""
    given = np.hstack([np.ones((len(columns), 1)), columns])
    ridge = np.diag([1e-6, *[penalty] * columns.shape[1]])
    weights = np.zeros(given.shape[1])
    for _ in range(50):
        likely = _sigmoid(given @ weights)
        gradient = given.T @ (likely - values) + ridge @ weights
        curvature = (given * (likely * (1 - likely))[:, None]).T @ given + ridge
        step = np.linalg.solve(curvature, gradient)
        weights = weights - step
        if float(np.abs(step).max()) < 1e-8:
            break
    return weights


def _platt(logits: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Slope and offset; where nothing was learned, all but flat at the mean, never the other way round."""
    offset, slope = _regression(logits[:, None], values, 0.1).tolist()
    if slope >= _FLATTEST:
        return slope, offset
    return _FLATTEST, _logit(values.mean()) - _FLATTEST * float(logits.mean())


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(logits, -30, 30)))


def _loss(logits: np.ndarray, values: np.ndarray) -> float:
    likely = np.clip(_sigmoid(logits), 1e-6, 1 - 1e-6)
    return float(-(values * np.log(likely) + (1 - values) * np.log(1 - likely)).mean())


def _best(examples: Sequence[Example], probabilities: np.ndarray) -> list[int]:
    """Of each pair the candidate that would be chosen."""
    found: dict[str, int] = {}
    for place, each in enumerate(examples):
        if each.pair not in found or probabilities[place] > probabilities[found[each.pair]]:
            found[each.pair] = place
    return list(found.values())


def _threshold(examples: Sequence[Example], probabilities: np.ndarray, values: np.ndarray, harm: float) -> float:
    """Where most is gained; of equal ones the lowest."""
    best = _best(examples, probabilities)

    def gain(threshold: float) -> float:
        shown = count_verdicts(values[place] for place in best if probabilities[place] >= threshold)
        return shown[Label.BETTER] - harm * shown[Label.WORSE]

    return round(float(max(_THRESHOLDS, key=lambda threshold: (gain(threshold), -threshold))), 2)


def _figures(
    examples: Sequence[Example], probabilities: np.ndarray, values: np.ndarray, threshold: float
) -> dict[str, Any]:
    """All on pairs that the judging model had not seen."""
    best = _best(examples, probabilities)
    shown = [place for place in best if probabilities[place] >= threshold]
    return {
        "candidates": len(examples),
        "pairs": len(best),
        "labels": {str(kind): count for kind, count in sorted(count_verdicts(values).items())},
        "log_loss": round(_loss(np.log(probabilities / (1 - probabilities)), values), 4),
        "log_loss_of_the_mean": round(_loss(np.full(len(values), _logit(values.mean())), values), 4),
        "ranking": round(ranking(probabilities, values), 3),
        "calibration": _calibration(probabilities, values),
        "shown_share": round(len(shown) / len(best), 3),
        "shown": {str(kind): count for kind, count in sorted(count_verdicts(values[shown]).items())},
        "first_candidates": {
            str(kind): count for kind, count in sorted(count_verdicts(values[_firsts(examples)]).items())
        },
    }


def _firsts(examples: Sequence[Example]) -> list[int]:
    """Of each pair the first: what would be shown without a choice, where the greedy ones come first."""
    found: dict[str, int] = {}
    for place, each in enumerate(examples):
        found.setdefault(each.pair, place)
    return list(found.values())


def _logit(share: float) -> float:
    return float(np.log(share / (1 - share)))


def ranking(probabilities: np.ndarray, values: np.ndarray) -> float:
    """How often a better candidate has the greater probability than a worse one (the area under the ROC curve)."""
    better, worse = probabilities[values > 0.5], probabilities[values < 0.5]
    if not len(better) or not len(worse):
        return float("nan")
    apart = better[:, None] - worse[None, :]
    return float((apart > 0).mean() + (apart == 0).mean() / 2)


def _calibration(probabilities: np.ndarray, values: np.ndarray) -> list[dict[str, float]]:
    """Fifths of the candidates by probability: what was said, and what was so."""
    parts = np.array_split(np.argsort(probabilities, kind="stable"), 5)
    return [
        {"said": round(float(probabilities[part].mean()), 3), "was": round(float(values[part].mean()), 3)}
        for part in parts
        if len(part)
    ]
