"""Train the local scorer and write its weights: COACHLM_DATA_DIR=… python -m recipes.scorer.train

Deterministic; a minute on one core. Learns from the training part of the expert revisions alone.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from scipy.sparse import csr_array, hstack, vstack
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold

import evaluation
from coachlm.pairs import InstructionPair
from evaluation.scorer.scorer import WEIGHTS_FILE
from evaluation.scorer.text_features import BUCKETS, LENGTH_MEASURES, measures, word_buckets
from recipes.scorer.corpora import expert_preferences

PENALTY = 0.1  # sklearn's C, chosen by cross-validated log-loss on the training part
WORD_SCALE = 30.0  # what all words of a text weigh together against one measure, chosen likewise
FOLDS = 5


def main() -> None:
    folder = os.environ.get("COACHLM_DATA_DIR")
    if not folder:
        sys.exit("set COACHLM_DATA_DIR to the folder of public data sets (docs/reference/public-data.md)")
    train = expert_preferences(Path(folder)).train
    raw, revised = features([p.raw for p in train]), features([p.revised for p in train])
    tensors: dict[str, np.ndarray] = {}
    for part, left_out in (("full", ()), ("length_free", LENGTH_MEASURES)):
        tensors |= {f"{part}.{name}": array for name, array in fit(raw, revised, left_out).items()}
    target = Path(evaluation.__file__).parent / "data" / WEIGHTS_FILE
    save_file(tensors, target)
    print(f"{len(train):,} preferences, wrote {target.name}, {target.stat().st_size / 1e6:.2f} MB")


Matrix = Any  # of scipy.sparse, whose stubs leave its operations open
Features = tuple[list[str], np.ndarray, Matrix]


def features(pairs: list[InstructionPair]) -> Features:
    """Names, measures (pairs, names) and words (pairs, BUCKETS)."""
    found = [measures(pair) for pair in pairs]
    rows = [word_buckets(pair) for pair in pairs]
    ends = np.cumsum([0, *map(len, rows)])
    columns = np.concatenate([np.fromiter(row, np.intp) for row in rows])
    values = np.concatenate([np.fromiter(row.values(), np.float64) for row in rows])
    dense = np.array([list(each.values()) for each in found])
    return list(found[0]), dense, csr_array((values, columns, ends), shape=(len(pairs), BUCKETS))


def fit(raw: Features, revised: Features, left_out: tuple[str, ...]) -> dict[str, np.ndarray]:
    columns = [index for index, name in enumerate(raw[0]) if name not in left_out]
    scale = np.sqrt(((revised[1] - raw[1])[:, columns] ** 2).mean(axis=0)) + 1e-6
    before, after = (hstack([csr_array(f[1][:, columns] / scale), WORD_SCALE * f[2]]).tocsr() for f in (raw, revised))
    difference: Matrix = (after - before).tocsr()
    kept_back = np.zeros((2, difference.shape[0]))
    for learn, test in KFold(FOLDS, shuffle=True, random_state=1).split(kept_back[0]):
        weights = _preferring(difference[learn])
        kept_back[:, test] = before[test] @ weights, after[test] @ weights
    margins = kept_back[1] - kept_back[0]
    print(f"cross-validated: accuracy {(margins > 0).mean():.4f}, log-loss {np.logaddexp(0, -margins).mean():.4f}")
    weights = _preferring(difference)
    return {
        "names": np.frombuffer(json.dumps([raw[0][index] for index in columns]).encode(), np.uint8),
        "measures": (weights[: len(columns)] / scale).astype(np.float32),
        "words": (WORD_SCALE * weights[len(columns) :]).astype(np.float16),
        "calibration": _calibration(kept_back).astype(np.float32),
    }


def _preferring(difference: Matrix) -> np.ndarray:
    """Weights under which a revised side beats its raw one; every pair is shown both ways round."""
    count = difference.shape[0]
    model = LogisticRegression(C=PENALTY / 2, fit_intercept=False, max_iter=2000)
    model.fit(vstack([difference, -difference]), np.repeat([1, 0], count))
    return model.coef_[0]


def _calibration(kept_back: np.ndarray) -> np.ndarray:
    """Slope of preferences; slope and offset of single scores; on pairs the model had not seen."""
    margins = kept_back[1] - kept_back[0]
    both = np.concatenate([margins, -margins])[:, None]
    sides = np.repeat([1, 0], len(margins))
    preference = LogisticRegression(C=1e6, fit_intercept=False).fit(both, sides)
    single = LogisticRegression(C=1e6).fit(np.concatenate([kept_back[1], kept_back[0]])[:, None], sides)
    return np.array([preference.coef_[0, 0], single.coef_[0, 0], single.intercept_[0]])


if __name__ == "__main__":
    main()
