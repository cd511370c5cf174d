"""Train the task classifier and write its weights: COACHLM_DATA_DIR=… python -m recipes.task_classes.train

Deterministic; a minute on one core. Dolly's held-out fifth and the hand-labelled logs are not seen.
"""

import json
import os
import random
import re
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

import coachlm
from coachlm.pairs import InstructionPair, TaskClass
from coachlm.text.classes import BUCKETS, CLASSES, WEIGHTS_FILE, TaskClassifier, feature_buckets
from recipes.task_classes.corpora import alpaca_eval, dolly_training

Weighted = tuple[InstructionPair, TaskClass, float]

HISTORY = "User: Hello\nAssistant: Hello, how can I help?"
"""Stands for earlier turns: the classifier sees only that there were some."""

SEED_COPIES = 10
L2 = 0.1  # sklearn's C
CLASS_WEIGHT = {TaskClass.LANGUAGE_TASK: 1, TaskClass.QA: 1, TaskClass.CREATIVE: 2}


def main() -> None:
    folder = os.environ.get("COACHLM_DATA_DIR")
    if not folder:
        sys.exit("set COACHLM_DATA_DIR to the folder of public data sets (docs/reference/public-data.md)")
    chooser = random.Random(1)
    common = dolly_examples(Path(folder), chooser) + seed_examples(chooser)
    learnt, kept_back = request_examples(Path(folder))
    draft = fit(common + learnt)
    temperature = calibrate(draft, kept_back)
    model = fit(common + learnt + kept_back)
    target = Path(coachlm.__file__).parent / "data" / WEIGHTS_FILE
    weights, bias = (array / temperature for array in model)
    save_file({"weights": weights.astype(np.float16), "bias": bias.astype(np.float32)}, target)
    print(
        f"{len(common) + len(learnt) + len(kept_back):,} examples, temperature {temperature:.2f}, wrote {target.name}"
    )


def dolly_examples(folder: Path, chooser: random.Random) -> list[Weighted]:
    """Dolly's training part. Passages count less than the rest, for they alone would make every pair with an input a
    language task; copies have the passage inside the instruction, no answer, or earlier turns in the input."""
    examples: list[Weighted] = []
    for pair, task_class in dolly_training(folder):
        examples.append((pair, task_class, 0.3 if pair.input else 1.0))
        if not pair.input:
            history = HISTORY if chooser.random() < 0.4 else ""
            examples.append((InstructionPair(pair.instruction, history, ""), task_class, 0.1))
        elif chooser.random() < 0.3:
            examples.append((InstructionPair(f"{pair.instruction}\n{pair.input}", "", ""), task_class, 0.1))
    return examples


def request_examples(folder: Path) -> tuple[list[Weighted], list[Weighted]]:
    """AlpacaEval's requests by hand-given class, each with and without an answer, with its second part in the
    instruction or in the input; four fifths to learn from, one to calibrate with."""
    parts: tuple[list[Weighted], list[Weighted]] = ([], [])
    for number, (request, (answers, task_class)) in enumerate(alpaca_eval(folder).items()):
        instruction, _, material = request.partition("\n\n")
        split = InstructionPair(instruction, material, "") if material else InstructionPair(request, HISTORY, "")
        variants = [
            InstructionPair(request, "", answers[0]),
            InstructionPair(split.instruction, material, answers[7]),
            InstructionPair(request, "", ""),
            split,
        ]
        parts[number % 5 == 0].extend((variant, task_class, 2.0) for variant in variants)
    return parts


def seed_examples(chooser: random.Random) -> list[Weighted]:
    """The project's own instructions with their slots filled."""
    seeds = json.loads((Path(__file__).parent / "seeds.json").read_text(encoding="utf-8"))
    return [
        (_filled(template, task_class, seeds, chooser), task_class, 0.5)
        for task_class in CLASSES
        for template in seeds[task_class]
        for _ in range(SEED_COPIES)
    ]


def _filled(template: str, task_class: TaskClass, seeds: dict, chooser: random.Random) -> InstructionPair:
    material = ""

    def fill(slot: re.Match[str]) -> str:
        nonlocal material
        filling = chooser.choice(seeds["slots"][slot[1]])
        if not material and slot[1] in seeds["given"] and chooser.random() < 0.3:
            material, filling = filling, seeds["given"][slot[1]]
        return filling

    text, has_text, rest = template.partition("{text}")
    request = re.sub(r"\{(\w+)\}", fill, text)
    if has_text:
        material = chooser.choice(seeds["texts"])
        if chooser.random() < 0.4:
            request, material = f"{request}{chooser.choice((' ', ': ', chr(10), chr(10) * 2))}{material}", ""
        request += rest
    if not material and chooser.random() < 0.2:
        material = HISTORY
    if task_class is not TaskClass.LANGUAGE_TASK and chooser.random() < 0.25:
        aside = " ".join(chooser.sample(seeds["asides"], chooser.choice((1, 1, 2, 3))))
        request = f"{aside} {request}" if chooser.random() < 0.4 else f"{request} {aside}"
    if chooser.random() < 0.15:
        request = request.lower()
    if chooser.random() < 0.1:
        request = chooser.choice(("Please ", "Can you ", "Hi, please ")) + request[0].lower() + request[1:]
    return InstructionPair(request, material, "")


def fit(examples: list[Weighted]) -> tuple[np.ndarray, np.ndarray]:
    """Weights (BUCKETS, 3) and bias (3,)."""
    rows = [feature_buckets(pair) for pair, _, _ in examples]
    ends = np.cumsum([0, *map(len, rows)])
    counts = csr_matrix((np.ones(ends[-1], np.float32), np.concatenate(rows), ends), shape=(len(rows), BUCKETS))
    targets = [CLASSES.index(task_class) for _, task_class, _ in examples]
    class_weight = {CLASSES.index(task_class): weight for task_class, weight in CLASS_WEIGHT.items()}
    model = LogisticRegression(C=L2, max_iter=500, class_weight=class_weight)
    model.fit(counts, targets, sample_weight=[weight for _, _, weight in examples])
    return np.asarray(model.coef_).T, np.asarray(model.intercept_)


def calibrate(model: tuple[np.ndarray, np.ndarray], kept_back: list[Weighted]) -> float:
    """The temperature that makes the kept-back classes most likely."""
    scores = TaskClassifier(*model).scores([pair for pair, _, _ in kept_back])
    targets = [CLASSES.index(task_class) for _, task_class, _ in kept_back]

    def loss(temperature: float) -> float:
        scaled = scores / temperature
        chosen = scaled[np.arange(len(targets)), targets]
        return float((np.logaddexp.reduce(scaled, axis=1) - chosen).mean())

    return float(minimize_scalar(loss, bounds=(0.3, 5), method="bounded").x)  # pyright: ignore[reportAttributeAccessIssue]


if __name__ == "__main__":
    main()
