"""Train the second opinion and write its weights: COACHLM_DATA_DIR=… python -m recipes.second_opinion.train

Deterministic; two minutes on one core. The sources are named in coachlm/data/second_opinion.md.
"""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from xxhash import xxh3_64_intdigest

import coachlm
from coachlm.text.opinion.features import BUCKETS, answer_buckets, is_alarming, text_buckets, windows
from coachlm.text.opinion.model import WEIGHTS_FILE, SecondOpinion
from recipes.second_opinion.corpora import (
    Labelled,
    plain_texts,
    refusals,
    seed_refusals,
    seed_texts,
    unsafe_texts,
)

FOLDS = 5
ROUNDS = 3
"""Of a long unsafe text only some windows are unsafe: each round keeps those that the one before found worst."""
UNSAFE_C, REFUSAL_C = 10.0, 20.0
_PLAIN_TEXTS = 10_000


@dataclass(frozen=True, slots=True)
class Head:
    """Weights (BUCKETS,) and bias of one verdict; evidence is the mean over the root of the number of features."""

    weights: np.ndarray
    bias: float

    def evidence(self, table: "Table") -> np.ndarray:
        """The worst window of each text, `(texts,)`."""
        worst = np.full(table.texts, -np.inf)
        np.maximum.at(worst, table.owner, table.features @ self.weights + self.bias)
        return worst


@dataclass(frozen=True, slots=True)
class Table:
    """Windows as rows of features, and the text that each belongs to."""

    features: csr_matrix
    owner: np.ndarray
    texts: int


def main() -> None:
    folder = os.environ.get("COACHLM_DATA_DIR")
    if not folder:
        sys.exit("set COACHLM_DATA_DIR to the folder of public data sets (docs/reference/public-data.md)")
    unsafe, refusal = unsafe_examples(Path(folder)), refusal_examples(Path(folder))
    heads, scales, biases = {}, [], []
    for name, items, table_of, strength in (
        ("unsafe", unsafe, unsafe_table, UNSAFE_C),
        ("refusal", refusal, refusal_table, REFUSAL_C),
    ):
        scale, shift = calibrate(cross_validated(items, table_of, strength), items)
        head = fit(items, table_of(items), strength)
        heads[name] = head.weights.astype(np.float16)
        scales.append(scale)
        biases.append(head.bias + shift / scale)
        print(f"{name}: {len(items):,} texts, {sum(item.label for item in items):,} positive, scale {scale:.2f}")
    target = Path(coachlm.__file__).parent / "data" / WEIGHTS_FILE
    numbers = {"bias": np.array(biases, np.float32), "scale": np.array(scales, np.float32)}
    save_file({**heads, **numbers}, target)
    print(f"wrote {target.name}")


def unsafe_examples(folder: Path, plain_texts_used: int | None = None) -> list[Labelled]:
    """Only texts with an alarming word, as the filter asks about no others."""
    plain = (item for item in plain_texts(folder) if _is_asked_about(item))
    return [
        *(item for item in (*unsafe_texts(folder), *seed_texts()) if _is_asked_about(item)),
        *islice(plain, plain_texts_used or _PLAIN_TEXTS),
    ]


def trained_refusal_model(items: Sequence[Labelled]) -> SecondOpinion:
    """A model of refusals alone, not calibrated anew."""
    head = fit(items, refusal_table(items), REFUSAL_C)
    numbers = np.array([0.0, head.bias], np.float32)
    nothing = np.zeros(BUCKETS, np.float32)
    scale = np.ones(2, np.float32)
    return SecondOpinion({"unsafe": nothing, "refusal": head.weights, "bias": numbers, "scale": scale})


def _is_asked_about(item: Labelled) -> bool:
    return any(map(is_alarming, windows(item.text)))


def refusal_examples(folder: Path, plain_texts_used: int | None = None) -> list[Labelled]:
    return [*refusals(folder), *seed_refusals(), *islice(plain_texts(folder), plain_texts_used or _PLAIN_TEXTS)]


def unsafe_table(items: Sequence[Labelled]) -> Table:
    return _table([[text_buckets(window) for window in windows(item.text) if is_alarming(window)] for item in items])


def refusal_table(items: Sequence[Labelled]) -> Table:
    return _table([[answer_buckets(item.text)] for item in items])


def _table(rows: list[list[list[int]]]) -> Table:
    flat = [buckets for windows_of in rows for buckets in windows_of]
    sizes = np.array([len(buckets) for buckets in flat])
    ends = np.concatenate([[0], np.cumsum(sizes)])
    values = np.repeat(1 / np.sqrt(sizes), sizes).astype(np.float32)
    features = csr_matrix((values, np.concatenate(flat), ends), shape=(len(flat), BUCKETS))
    return Table(features, np.repeat(np.arange(len(rows)), [len(windows_of) for windows_of in rows]), len(rows))


def fit(items: Sequence[Labelled], table: Table, strength: float, chosen: np.ndarray | None = None) -> Head:
    """Of the `chosen` texts, `(texts,) bool`; all unless said."""
    labels = np.array([item.label for item in items])
    chosen = np.ones(len(items), bool) if chosen is None else chosen
    kept, head = chosen[table.owner], Head(np.zeros(BUCKETS), 0.0)
    for _ in range(ROUNDS):
        model = LogisticRegression(C=strength, max_iter=300, solver="liblinear", random_state=0)
        model.fit(table.features[kept], labels[table.owner][kept])
        head = Head(np.asarray(model.coef_)[0], float(np.asarray(model.intercept_)[0]))
        scores = table.features @ head.weights + head.bias
        worst = scores >= head.evidence(table)[table.owner] - 1e-9
        kept = chosen[table.owner] & (~labels[table.owner] | worst | (scores > 0.5))
    return head


def cross_validated(
    items: Sequence[Labelled], table_of: Callable[[Sequence[Labelled]], Table], strength: float
) -> np.ndarray:
    """The evidence for each text from a model that saw neither it nor its copies, `(texts,)`."""
    table, found = table_of(items), np.zeros(len(items))
    fold = np.array([xxh3_64_intdigest(item.text.strip().lower().encode()) % FOLDS for item in items])
    for part in range(FOLDS):
        found[fold == part] = fit(items, table, strength, fold != part).evidence(table)[fold == part]
    return found


def calibrate(evidence: np.ndarray, items: Sequence[Labelled]) -> tuple[float, float]:
    """Scale and shift that make the labels most likely (Platt)."""
    labels = np.array([item.label for item in items])

    def loss(line: np.ndarray) -> float:
        logit = line[0] * evidence + line[1]
        return float((np.logaddexp(0, logit) - labels * logit).mean())

    scale, shift = minimize(loss, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return float(scale), float(shift)


if __name__ == "__main__":
    main()
