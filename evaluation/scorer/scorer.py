"""Expert-revision likeness, the local scorer: which of two versions of a pair looks more like an expert's revision.

A linear model over measures and hashed words; `evaluation/data/README.md` says how its weights are made,
`docs/explanations/scorer.md` what its figures show. It judges form and fit, not truth.
"""

# See docs/decisions/0051-scorer-does-not-judge-models.md

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from safetensors.numpy import load

from coachlm.pairs import InstructionPair
from evaluation.scorer.text_features import measures, word_buckets

WEIGHTS_FILE = "pair_scorer.safetensors"


@dataclass(frozen=True, slots=True)
class ScorerWeights:
    """A model; `names` are the measures it uses. Probability = sigmoid(slope × log-odds + offset), offset for single
    pairs alone."""

    names: tuple[str, ...]
    measures: np.ndarray  # (len(names),) float32
    words: np.ndarray  # (BUCKETS,) float32
    preference_slope: float
    score_slope: float
    score_offset: float


class PairScorer:
    """Scores depend on the pair alone, never on its batch. Preferences are antisymmetric: P(a, b) = 1 - P(b, a)."""

    def __init__(self, weights: ScorerWeights) -> None:
        self._weights = weights

    @classmethod
    def load(cls, *, length_free: bool = False) -> "PairScorer":
        """The shipped model, read once a process. `length_free` sees no measure that grows with the response."""
        return _shipped(length_free)

    def raw(self, pairs: Sequence[InstructionPair]) -> np.ndarray:
        """Uncalibrated log-odds, `(pairs,) float64`; only differences mean anything."""
        return np.array([self._raw(pair) for pair in pairs], np.float64)

    def score(self, pairs: Sequence[InstructionPair]) -> list[float]:
        """The probability, 0 to 1, that a pair is an expert's version rather than the raw one it began as."""
        weights = self._weights
        return _sigmoid(weights.score_slope * self.raw(pairs) + weights.score_offset).tolist()

    def prefer(self, first: InstructionPair, second: InstructionPair) -> float:
        """The probability, 0 to 1, that an expert prefers the first of two versions."""
        one, other = self.raw((first, second))
        return float(_sigmoid(np.array(self._weights.preference_slope * (one - other))))

    def _raw(self, pair: InstructionPair) -> float:
        found, words = measures(pair), word_buckets(pair)
        dense = np.array([found[name] for name in self._weights.names])
        buckets = np.fromiter(words, np.intp, len(words))
        shares = np.fromiter(words.values(), np.float64, len(words))
        return float(dense @ self._weights.measures + self._weights.words[buckets] @ shares)


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(values, -50, 50)))


@cache
def _shipped(length_free: bool) -> PairScorer:
    tensors = load((resources.files("evaluation") / "data" / WEIGHTS_FILE).read_bytes())
    part = "length_free" if length_free else "full"
    slope, score_slope, offset = tensors[f"{part}.calibration"].tolist()
    return PairScorer(
        ScorerWeights(
            names=tuple(json.loads(tensors[f"{part}.names"].tobytes())),
            measures=tensors[f"{part}.measures"].astype(np.float64),
            words=tensors[f"{part}.words"].astype(np.float64),
            preference_slope=slope,
            score_slope=score_slope,
            score_offset=offset,
        )
    )
