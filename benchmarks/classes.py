"""The task classifier: F1 on Dolly's held-out fifth, accuracy on hand-labelled requests and logs, time per pair.

Compared with always naming the commonest class, with keyword rules, and (not with --quick) with the same model trained
on Dolly's categories as filed alone. Training is `recipes.task_classes.train`.
"""

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import psutil

from coachlm.pairs import InstructionPair, TaskClass
from coachlm.text.classes import CLASSES, TaskClassifier
from recipes.task_classes.corpora import Labelled, alpaca, dolly_held_out, dolly_training, hand_labelled

BATCH_PAIRS = 256
_CREATIVE = re.compile(
    r"\b(story|poem|haiku|song|lyrics|essay|letter|email|slogan|blog|article|joke|speech|script|advert\w*|tagline)\b"
)
_LANGUAGE = re.compile(
    r"(summari[sz]e|classify|categori[sz]e|identify|extract|correct|edit|rewrite|rephrase|paraphrase|translate|proofread"
    r"|fix|convert|change|sort|label|based on|from the|according to)\b"
)
Predict = Callable[[Sequence[InstructionPair]], list[TaskClass]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="time fewer pairs; within 50 s on 2 cores")
    quick = parser.parse_args().quick
    name = os.environ.get("COACHLM_DATA_DIR")
    if not name:
        sys.exit("set COACHLM_DATA_DIR to the folder of public data sets (docs/reference/public-data.md)")
    folder = Path(name)
    before = psutil.Process().memory_info().rss
    classifier = TaskClassifier.load()
    loaded_mb = (psutil.Process().memory_info().rss - before) / 1e6
    microseconds = _microseconds(classifier, list(islice(alpaca(folder), 5_000 if quick else None)))
    sets = {
        "dolly": dolly_held_out(folder),
        "dolly_as_filed": dolly_held_out(folder, as_filed=True),
        **hand_labelled(folder),
    }
    sets["hand"] = [item for source in ("alpaca", "oasst", "sharegpt") for item in sets[source]]
    sets["hand_unseen"] = [item for item in sets["hand"] if int(item[0].id[-1], 16) % 2]
    contenders = {"coachlm": _labels_of(classifier), "keywords": _keywords, "majority": _majority}
    if not quick:
        contenders["as_filed"] = _labels_of(_trained_as_filed(folder))
    _report(classifier, contenders, sets, microseconds, loaded_mb)


def _labels_of(classifier: TaskClassifier) -> Predict:
    return lambda pairs: [task_class for task_class, _ in classifier.classify(pairs)]


def _trained_as_filed(folder: Path) -> TaskClassifier:
    from recipes.task_classes.train import fit

    weights, bias = fit([(pair, task_class, 1.0) for pair, task_class in dolly_training(folder, as_filed=True)])
    return TaskClassifier(weights, bias)


def _microseconds(classifier: TaskClassifier, pairs: list[InstructionPair]) -> float:
    classifier.classify(pairs[:BATCH_PAIRS])
    start = time.process_time()
    for first in range(0, len(pairs), BATCH_PAIRS):
        classifier.classify(pairs[first : first + BATCH_PAIRS])
    return 1e6 * (time.process_time() - start) / len(pairs)


def _majority(pairs: Sequence[InstructionPair]) -> list[TaskClass]:
    return [TaskClass.QA] * len(pairs)


def _keywords(pairs: Sequence[InstructionPair]) -> list[TaskClass]:
    """Language task for its verbs in front or a long input, creative for its nouns, else Q&A."""
    found = []
    for pair in pairs:
        opening = pair.instruction[:200].lower()
        if _LANGUAGE.match(opening):
            found.append(TaskClass.LANGUAGE_TASK)
        elif _CREATIVE.search(opening):
            found.append(TaskClass.CREATIVE)
        else:
            found.append(TaskClass.LANGUAGE_TASK if len(pair.input) > 100 else TaskClass.QA)
    return found


def _report(
    classifier: TaskClassifier,
    contenders: dict[str, Predict],
    sets: dict[str, list[Labelled]],
    microseconds: float,
    loaded_mb: float,
) -> None:
    figures: dict[str, object] = {}
    print(f"{'':16}{'':11}{'pairs':>7}{'accuracy':>10}{'macro-F1':>10}" + "".join(f"{c:>15}" for c in CLASSES))
    for set_name, items in sets.items():
        for name, predict in contenders.items():
            accuracy, f1 = _quality(items, predict)
            each = "".join(f"{score:15.3f}" for score in f1)
            print(f"{set_name:16}{name:11}{len(items):7,}{accuracy:10.3f}{f1.mean():10.3f}{each}")
            suffix = "" if name == "coachlm" else f"_{name}"
            figures[f"{set_name}_macro_f1{suffix}"] = round(float(f1.mean()), 4)
            figures[f"{set_name}_accuracy{suffix}"] = round(accuracy, 4)
    gap = _calibration_gap(classifier, sets["hand"])
    print("dolly: held-out fifth, its category creative writing classed by a reader; dolly_as_filed: by category alone")
    print(f"{microseconds:.1f} µs a pair in batches of {BATCH_PAIRS}; {loaded_mb:.1f} MB to load; ", end="")
    print(f"stated and true probability differ by {gap:.3f} on the hand-labelled pairs")
    figures |= {"microseconds_per_pair": round(microseconds, 1), "calibration_gap": round(gap, 4)}
    print(json.dumps(figures))


def _quality(items: list[Labelled], predict: Predict) -> tuple[float, np.ndarray]:
    """Accuracy and F1 of each class."""
    found = predict([pair for pair, _ in items])
    true = [task_class for _, task_class in items]
    accuracy = float(np.mean([a is b for a, b in zip(found, true, strict=True)]))
    f1 = [_f1([t is c for t in true], [f is c for f in found]) for c in CLASSES]
    return accuracy, np.array(f1)


def _f1(true: list[bool], found: list[bool]) -> float:
    both = sum(t and f for t, f in zip(true, found, strict=True))
    return 2 * both / max(1, sum(true) + sum(found))


def _calibration_gap(classifier: TaskClassifier, items: list[Labelled]) -> float:
    """Expected calibration error over five equally filled bins of stated probability."""
    answers = classifier.classify([pair for pair, _ in items])
    stated = np.array([share for _, share in answers])
    right = np.array([found is true for (found, _), (_, true) in zip(answers, items, strict=True)])
    bins = np.array_split(np.argsort(stated), 5)
    return float(sum(abs(stated[part].mean() - right[part].mean()) * len(part) for part in bins) / len(items))


if __name__ == "__main__":
    main()
