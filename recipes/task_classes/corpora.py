"""Pairs with their task class: Dolly by its categories, and public requests and logs by hand-given labels.

`labels.json` holds ids and classes alone. `alpaca_eval` is for training and keyed by the hash of the instruction; the
others are for measuring and keyed by the pair's id.
"""

import gzip
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from coachlm.pairs import InstructionPair, TaskClass, content_hash

Labelled = tuple[InstructionPair, TaskClass]

DOLLY_CLASSES: dict[str, TaskClass] = {
    "information_extraction": TaskClass.LANGUAGE_TASK,
    "summarization": TaskClass.LANGUAGE_TASK,
    "classification": TaskClass.LANGUAGE_TASK,
    "closed_qa": TaskClass.LANGUAGE_TASK,  # the answer stands in the passage given: extraction put as a question
    "open_qa": TaskClass.QA,
    "general_qa": TaskClass.QA,
    "brainstorming": TaskClass.QA,  # suggestions and lists of facts; the texts that creative units write are rare in it
    "creative_writing": TaskClass.CREATIVE,
}

_ASKS = re.compile(
    r"\s*(who|whats?|what's|when|where|which|why|how|is|are|was|were|do|does|did|can|could|should|would|will|has|have"
    r"|am|if|in)\b",
    re.IGNORECASE,
)
_COMPOSES = re.compile(
    r"\b(write|story|stories|poem|poetry|haiku|limerick|sonnet|song|lyrics|essay|speech|imagine|pretend|letter|email"
    r"|slogan|compose|joke|scene|dialog(ue)?|script|review|ad|blog|article|tweet|fictional|create|invent|describe"
    r"|draft)\b",
    re.IGNORECASE,
)


def dolly_training(folder: Path, as_filed: bool = False) -> list[Labelled]:
    """Four fifths of Dolly 15k. Unless `as_filed`, what is filed as creative writing but only asks a question (two in
    five, such as how early to be at the airport) is Q&A."""
    training = [(pair, task_class) for pair, task_class in _dolly(folder) if not is_held_out(pair)]
    if as_filed:
        return training
    return [
        (pair, TaskClass.QA if task_class is TaskClass.CREATIVE and only_asks(pair.instruction) else task_class)
        for pair, task_class in training
    ]


def dolly_held_out(folder: Path, as_filed: bool = False) -> list[Labelled]:
    """The other fifth. Unless `as_filed`, what is filed as creative writing has the class that a reader gave it."""
    by_reader = {} if as_filed else _labels()["dolly_creative"]
    return [
        (pair, TaskClass(by_reader.get(pair.id, task_class)))
        for pair, task_class in _dolly(folder)
        if is_held_out(pair)
    ]


def _dolly(folder: Path) -> Iterator[Labelled]:
    for record in _json_lines(folder / "corpora/dolly_15k.jsonl.gz"):
        pair = InstructionPair(record["instruction"], record["context"], record["response"])
        yield pair, DOLLY_CLASSES[record["category"]]


def only_asks(instruction: str) -> bool:
    """It opens as a question and has no word of composing."""
    return bool(_ASKS.match(instruction)) and not _COMPOSES.search(instruction)


def is_held_out(pair: InstructionPair) -> bool:
    """One pair in five, always the same ones; never trained on."""
    return int(pair.id[:8], 16) % 5 == 0


def alpaca_eval(folder: Path) -> dict[str, tuple[list[str], TaskClass]]:
    """Instruction → answers of several models, class by hand; without requests that the measuring sets hold too."""
    labels = _labels()["alpaca_eval"]
    measured = {pair.instruction.strip() for pairs in _measured(folder).values() for pair in pairs}
    found: dict[str, tuple[list[str], TaskClass]] = {}
    for record in _json_lines(folder / "corpora/alpaca_eval_answers.jsonl.gz"):
        instruction = record["instruction"]
        label = labels.get(content_hash(instruction))
        if label is not None and instruction.strip() not in measured:
            found.setdefault(instruction, ([], TaskClass(label)))[0].append(record["output"])
    return found


def hand_labelled(folder: Path) -> dict[str, list[Labelled]]:
    """By source; pairs whose class could not be told from their own text were left out when labelling."""
    labels = _labels()
    return {
        source: [(pair, TaskClass(labels[source][pair.id])) for pair in pairs if pair.id in labels[source]]
        for source, pairs in _measured(folder).items()
    }


def _measured(folder: Path) -> dict[str, list[InstructionPair]]:
    return {
        "alpaca": list(dict.fromkeys(alpaca(folder))),
        "oasst": list(dict.fromkeys(_oasst(folder))),
        "sharegpt": list(dict.fromkeys(_sharegpt(folder))),
    }


def alpaca(folder: Path) -> Iterator[InstructionPair]:
    for record in _json_lines(folder / "alpaca/alpaca_52k.jsonl.gz"):
        yield InstructionPair(record["instruction"], record["input"], record["output"])


def _oasst(folder: Path) -> Iterator[InstructionPair]:
    """Each tree's prompt with its best-ranked reply."""
    for tree in _json_lines(folder / "logs/oasst/en_100_tree.jsonl"):
        replies = tree["prompt"].get("replies") or []
        if replies:
            best = min(replies, key=lambda reply: 99 if reply.get("rank") is None else reply["rank"])
            yield InstructionPair(tree["prompt"]["text"], "", best["text"])


def _sharegpt(folder: Path) -> Iterator[InstructionPair]:
    """Each conversation's first exchange."""
    for record in _json_lines(folder / "logs/sharegpt.jsonl.gz"):
        turns = record["conversations"]
        for turn, reply in itertools.pairwise(turns):
            if turn["from"] == "human" and reply["from"] == "gpt":
                yield InstructionPair(turn["value"], "", reply["value"])
                break


def _labels() -> dict[str, dict[str, str]]:
    return json.loads((Path(__file__).parent / "labels.json").read_text(encoding="utf-8"))


def _json_lines(path: Path) -> Iterator[Any]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)
