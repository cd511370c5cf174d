"""Public records as pairs, and the labels of this project that go with them (ids alone)."""

import gzip
import json
import os
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from coachlm.context import Context, ContextMessage, Role
from coachlm.pairs import InstructionPair

_LABELS = Path(__file__).parent / "labels"
_SAMPLES = Path(__file__).parent / "samples"


def data_folder() -> Path:
    return Path(os.environ["COACHLM_DATA_DIR"])


def labels(name: str) -> Any:
    return json.loads((_LABELS / f"{name}.json").read_text("utf-8"))


def samples(name: str) -> Any:
    """Texts written for this project."""
    return json.loads((_SAMPLES / f"{name}.json").read_text("utf-8"))


def alpaca_labels() -> dict[str, tuple[str, ...]]:
    """Pair id → the reasons that a reader saw; empty to keep."""
    table = json.loads((_LABELS.parents[1] / "filters/labels.json").read_text("utf-8"))
    return {pair_id: tuple(reasons) for pair_id, _, _, reasons in table["labels"]}


@cache
def pairs(source: str) -> tuple[InstructionPair, ...]:
    """All of a source: `alpaca`, `dolly`, `t0`, `gsm8k`, `alpaca_eval` (one answer each), `sharegpt` (every turn)."""
    return tuple(_READERS[source]())


def _alpaca() -> Iterator[InstructionPair]:
    for row in _json_lines("alpaca/alpaca_52k.jsonl.gz"):
        yield InstructionPair(row["instruction"], row["input"], row["output"])


def _dolly() -> Iterator[InstructionPair]:
    for row in _json_lines("corpora/dolly_15k.jsonl.gz"):
        yield InstructionPair(row["instruction"], row["context"], row["response"])


def _t0() -> Iterator[InstructionPair]:
    for row in _json_lines("corpora/t0_27k.jsonl.gz"):
        yield InstructionPair(row["prompt"], "", row["completion"])


def _gsm8k() -> Iterator[InstructionPair]:
    for row in _json_lines("corpora/gsm8k_train.jsonl.gz"):
        yield InstructionPair(row["question"], "", row["answer"])


def _alpaca_eval() -> Iterator[InstructionPair]:
    seen: set[str] = set()
    for row in _json_lines("corpora/alpaca_eval_answers.jsonl.gz"):
        if row["instruction"] not in seen:
            seen.add(row["instruction"])
            yield InstructionPair(row["instruction"], "", row["output"])


def _sharegpt() -> Iterator[InstructionPair]:
    for row in _json_lines("logs/sharegpt.jsonl.gz"):
        told: list[ContextMessage] = []
        for turn, reply in pairwise(row["conversations"]):
            if turn["from"] == "human" and reply["from"] == "gpt":
                context = Context(messages=tuple(told)) if told else None
                yield InstructionPair(turn["value"], "", reply["value"], context)
                told += [ContextMessage(Role.USER, turn["value"]), ContextMessage(Role.ASSISTANT, reply["value"])]


def _json_lines(path: str) -> Iterator[Any]:
    with gzip.open(data_folder() / path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


_READERS = {
    "alpaca": _alpaca,
    "dolly": _dolly,
    "t0": _t0,
    "gsm8k": _gsm8k,
    "alpaca_eval": _alpaca_eval,
    "sharegpt": _sharegpt,
}
