"""Which category each request of a test set belongs to: as published, else the task class that the wording suggests."""

from pathlib import Path
from typing import Any

from coachlm.errors import InputError
from coachlm.pairs import InstructionPair
from coachlm.text.classes import TaskClassifier
from evaluation.sets.registry import TEST_SETS
from evaluation.sets.test_sets import load_test_set, read_records

Request = tuple[str, str]
"""Instruction and input."""


def set_categories(name_or_path: str, folder: Path | None) -> dict[Request, str]:
    """Of a registered set or an own file; empty where an own file names none.

    Vicuna's are its nine, Self-Instruct's and PandaLM's the application that a request is for. CoachLM150's 42 are not
    published, so the paper's three task classes stand in, estimated. Raises: InputError.
    """
    if name_or_path not in TEST_SETS:
        return _own(Path(name_or_path))
    if folder is None:
        raise InputError(f"{name_or_path} needs the folder of public data; see docs/reference/public-data.md")
    path = folder / TEST_SETS[name_or_path].files[0].path
    pairs = load_test_set(name_or_path, folder)
    if name_or_path == "coachlm150":
        return _estimated(pairs)
    names = dict(read_records(path, _category))
    return {(pair.instruction, pair.input): names[pair.instruction] for pair in pairs if pair.instruction in names}


def _own(path: Path) -> dict[Request, str]:
    if path.suffix not in (".json", ".jsonl") or not path.is_file():
        return {}
    found = read_records(path, lambda record: record if isinstance(record, dict) else {})
    return {
        (str(record.get("instruction", "")), str(record.get("input") or "")): str(record["category"])
        for record in found
        if record.get("category")
    }


def _category(record: dict[str, Any]) -> tuple[str, str]:
    text = record["text"] if "text" in record else record["instruction"]
    return str(text), str(record.get("category") or record.get("motivation_app") or "other")


def _estimated(pairs: list[InstructionPair]) -> dict[Request, str]:
    classes = TaskClassifier.load().classify(pairs)
    return {
        (pair.instruction, pair.input): f"{found.value} (estimated)"
        for pair, (found, _) in zip(pairs, classes, strict=True)
    }
