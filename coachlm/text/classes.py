"""Which unit of annotators a pair belongs to: a linear model over hashed words of the request and its answer.

The weights are shipped; `coachlm/data/README.md` says how they are made and under which licence. Scoring is a sum of
rows of one small matrix, so that no process of intake has to load a machine-learning library.
"""

import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from itertools import chain, pairwise

import numpy as np
from safetensors.numpy import load
from xxhash import xxh3_64_intdigest

from coachlm.pairs import InstructionPair, TaskClass

CLASSES = tuple(TaskClass)
"""Order of the columns of the weights."""

BUCKETS = 1 << 16
"""Rows of the weights: features are hashed into this many."""

WEIGHTS_FILE = "task_classes.safetensors"

_WORD = re.compile(r"[^\W\d_]+|\d+|\?")
_DIGIT = re.compile("[0-9]")
_FOLD = bytes(code if code in b"abcdefghijklmnopqrstuvwxyz?" else 32 for code in range(256))
_OPENING_WORDS = 30
_CLOSING_WORDS = 10
_RESPONSE_WORDS = 40
# Earlier turns that intake puts into the input: no material of the task.
_HISTORY = re.compile(r"\s*(user|human|assistant)\s*:", re.IGNORECASE)


class TaskClassifier:
    """Gives each pair its class and the calibrated probability of that class."""

    def __init__(self, weights: np.ndarray, bias: np.ndarray) -> None:
        """`weights` (BUCKETS, 3) and `bias` (3,), columns in the order of CLASSES."""
        self._weights = np.asarray(weights, np.float32)
        self._bias = np.asarray(bias, np.float32)

    @classmethod
    def load(cls) -> "TaskClassifier":
        """The shipped model, read once a process."""
        return _shipped()

    def classify(self, pairs: Sequence[InstructionPair]) -> list[tuple[TaskClass, float]]:
        """In the order of the pairs; the same pair gets the same answer in any batch."""
        if not pairs:
            return []
        shares = _softmax(self.scores(pairs))
        best = shares.argmax(axis=1)
        confidence = shares[np.arange(len(best)), best]
        return [(CLASSES[column], share) for column, share in zip(best.tolist(), confidence.tolist(), strict=True)]

    def scores(self, pairs: Sequence[InstructionPair]) -> np.ndarray:
        """Log-odds up to a constant per pair: `(pairs, 3) float32`; at least one pair."""
        rows = [feature_buckets(pair) for pair in pairs]
        starts = np.cumsum([0, *(len(row) for row in rows[:-1])])
        flat = np.fromiter(chain.from_iterable(rows), np.intp)
        return np.add.reduceat(self._weights[flat], starts, axis=0) + self._bias


@cache
def _shipped() -> TaskClassifier:
    tensors = load((resources.files("coachlm") / "data" / WEIGHTS_FILE).read_bytes())
    return TaskClassifier(tensors["weights"], tensors["bias"])


def feature_buckets(pair: InstructionPair) -> list[int]:
    """Rows of the weights that a pair's features stand for; never empty."""
    features = "\n".join(dict.fromkeys(_features(pair))).encode().split(b"\n")  # none has a line end
    return [digest % BUCKETS for digest in map(xxh3_64_intdigest, features)]


def _features(pair: InstructionPair) -> list[str]:
    kind = "history" if pair.context and pair.context.messages else _input_kind(pair.input)
    features = [f"input {kind}", *_request_features(pair.instruction, kind)]
    if pair.response:
        features += _response_features(pair.response)
    return features


def _input_kind(text: str) -> str:
    if not text:
        return "none"
    if _HISTORY.match(text):
        return "history"
    return "short" if len(text) < 40 else "long"


def _request_features(text: str, kind: str) -> list[str]:
    """Words and word pairs of the opening, the first word with each of those near it, and the closing words."""
    words = _words(text[:1000].lower())
    closing = _words(text[-200:].lower())[-_CLOSING_WORDS:] if len(words) > _OPENING_WORDS else []
    words = words[:_OPENING_WORDS]
    features = [f"w {word}" for word in words]
    features += [f"p {first} {second}" for first, second in pairwise(words)]
    features += [f"c {word}" for word in closing]
    features.append(f"length {len(text) > 60} {len(text) > 150} {len(text) > 400}")
    if words:
        first = words[0]
        features += [f"first {first}", f"input {kind} {first}"]
        features += [f"f {first} {word}" for word in words[1:9]]
    if text.rstrip().endswith("?"):
        features.append("question")
    return features


def _response_features(text: str) -> list[str]:
    """Its length and layout, and its first words."""
    words = _words(text[:300].lower())[:_RESPONSE_WORDS]
    size, lines = min(11, (len(text) // 8).bit_length()), min(6, (text.strip().count("\n") + 1).bit_length())
    return [f"size {size}", f"lines {lines}", *(f"r {word}" for word in words)]


def _words(text: str) -> list[str]:
    """As `_WORD` finds them in a text in lower case; most texts allow a quicker way to the same."""
    if not text.isascii() or _DIGIT.search(text):
        return _WORD.findall(text)
    if "?" in text:
        text = text.replace("?", " ? ")
    return text.encode().translate(_FOLD).decode().split()


def _softmax(scores: np.ndarray) -> np.ndarray:
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)
