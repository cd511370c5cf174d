"""The task class on real requests and chats, follow-up turns included; nothing here was trained on."""

from collections.abc import Sequence

from benchmarks.verdicts.records import data_folder, labels, pairs
from benchmarks.verdicts.released import released_verdicts
from benchmarks.verdicts.row import NOW, RELEASED, Row
from coachlm.pairs import TaskClass
from coachlm.text.classes import TaskClassifier
from recipes.task_classes.corpora import Labelled, hand_labelled


def rows(quick: bool) -> list[Row]:
    sources = {**hand_labelled(data_folder()), "follow_ups": _follow_ups()}
    found: list[Row] = []
    for source, items in sources.items():
        texts = [pair for pair, _ in items]
        told = [task_class for task_class, _ in TaskClassifier.load().classify(texts)]
        found += _rows(source, items, told, NOW)
        before = None if quick else released_verdicts(texts)
        if before is not None:
            found += _rows(source, items, [TaskClass(name) for _, name in before], RELEASED)
    return found


def _follow_ups() -> list[Labelled]:
    held_out = labels("follow_ups")["held_out"]
    known = {pair.id: pair for pair in pairs("sharegpt")}
    return [(known[pair_id], TaskClass(name)) for pair_id, name in held_out.items()]


def _rows(source: str, items: Sequence[Labelled], told: Sequence[TaskClass], rules: str) -> list[Row]:
    both = [(label, verdict) for (_, label), verdict in zip(items, told, strict=True)]
    rows = [Row("class_accuracy", source, sum(label is verdict for label, verdict in both), len(both), rules=rules)]
    for task_class in TaskClass:
        right = sum(label is verdict is task_class for label, verdict in both)
        found, wanted = (sum(pair[place] is task_class for pair in both) for place in (1, 0))
        rows.append(Row(f"class_{task_class.value}", source, right, found, wanted, rules))
    return rows
