"""The acceptance model: how likely a candidate is to save people work, by a weighted sum of figures, calibrated.

A probability of one half means: as good as the raw text, which is what the raw text itself has by definition.
"""

# See docs/decisions/0146-acceptance-is-a-weighted-sum.md

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from coachlm.acceptance.features import NAMES, WORDS
from coachlm.errors import ModelError

FILE = "acceptance.json"
RAW_PROBABILITY = 0.5
"""Of the raw text: label `same` counts half of `better`."""
_FORMAT = "coachlm-acceptance-1"
FARTHEST = 4.0  # deviations from the mean: an odd text must not outweigh everything by one figure


@dataclass(frozen=True, slots=True)
class Weight:
    """Of one figure, brought to mean 0 and deviation 1."""

    mean: float
    scale: float
    weight: float

    def share(self, value: float) -> float:
        """What this value adds to the sum."""
        apart = (value - self.mean) / self.scale
        return self.weight * min(max(apart, -FARTHEST), FARTHEST)


@dataclass(frozen=True, slots=True)
class Reason:
    """A figure that weighs: for the candidate where `share` is positive, else against it."""

    words: str
    share: float


@dataclass(frozen=True, slots=True)
class AcceptanceModel:
    """Says of a candidate's figures how likely it saves work; what is not known counts as average."""

    weights: Mapping[str, Weight]
    bias: float
    slope: float = 1.0  # of the calibration, on the sum
    offset: float = 0.0
    threshold: float = 0.6  # that its training recommends
    record: Mapping[str, Any] = field(default_factory=dict)  # what it was trained on and how well it did, for people

    def probability(self, figures: Mapping[str, float]) -> float:
        logit = self.slope * self.logit(figures) + self.offset
        return 1 / (1 + math.exp(-min(max(logit, -30.0), 30.0)))

    def logit(self, figures: Mapping[str, float]) -> float:
        """Before the calibration."""
        return self.bias + sum(each.share(figures[name]) for name, each in self.weights.items() if name in figures)

    def reasons(self, figures: Mapping[str, float], most: int = 3, *, against: bool = False) -> list[str]:
        """The strongest ones for the candidate, or those against it, in plain words."""
        sign = -1 if against else 1
        strongest = sorted(self._shares(figures), key=lambda reason: -sign * reason.share)
        return [reason.words for reason in strongest[:most] if sign * reason.share > 0.05]

    def _shares(self, figures: Mapping[str, float]) -> list[Reason]:
        found: list[Reason] = []
        for name, each in self.weights.items():
            if name in figures:
                words = WORDS[name].higher if figures[name] > each.mean else WORDS[name].lower
                found.append(Reason(words, each.share(figures[name])))
        return found

    def as_dict(self) -> dict[str, Any]:
        return {
            "format": _FORMAT,
            "threshold": self.threshold,
            "bias": self.bias,
            "slope": self.slope,
            "offset": self.offset,
            "weights": {name: asdict(each) for name, each in self.weights.items()},
            "record": dict(self.record),
        }


def write_acceptance(model: AcceptanceModel, path: Path) -> None:
    path.write_text(json.dumps(model.as_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_acceptance(path: Path) -> AcceptanceModel:
    """Raises: ModelError, naming the file and the remedy."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return _from_dict(said)
    except FileNotFoundError:
        raise ModelError(f"acceptance model {path}: no such file; COACHLM_ACCEPT_MODEL=off goes without one") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"acceptance model {path} can't be read: {error}; train it again") from error


def _from_dict(said: Any) -> AcceptanceModel:
    if not isinstance(said, dict) or said.get("format") != _FORMAT:
        raise ValueError(f"it is not of the format {_FORMAT}")
    weights = {
        name: Weight(**{key: _number(value) for key, value in each.items()}) for name, each in said["weights"].items()
    }
    if unknown := set(weights) - set(NAMES):
        raise ValueError(f"it weighs {min(unknown)!r}, which this version can't measure")
    if any(each.scale <= 0 for each in weights.values()):
        raise ValueError("a scale is not above 0")
    numbers = {name: _number(said[name]) for name in ("bias", "slope", "offset", "threshold")}
    return AcceptanceModel(weights=weights, record=said.get("record", {}), **numbers)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is not a finite number")
    return float(value)
