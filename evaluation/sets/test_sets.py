"""The test sets of the paper (Table VI) as they lie in the user's folder of public data, and any set of the user's own.

The project ships none of them: `docs/reference/public-data.md` says where they come from.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from coachlm.errors import InputError
from coachlm.pairs import InstructionPair
from evaluation.sets.registry import TEST_SETS, RegisteredSet

T = TypeVar("T")


class SetState(StrEnum):
    """How a registered set lies in the folder."""

    READY = "ready"
    MISSING = "missing"  # a file isn't there
    CHANGED = "changed"  # another content than the registered one: figures are not comparable with the paper's


@dataclass(frozen=True, slots=True)
class SetFinding:
    """What was found of a registered set; `detail` names the file that is missing or changed."""

    test_set: RegisteredSet
    state: SetState
    detail: str = ""


def look_at_sets(folder: Path) -> list[SetFinding]:
    return [_look_at(test_set, folder) for test_set in TEST_SETS.values()]


def _look_at(test_set: RegisteredSet, folder: Path) -> SetFinding:
    for file in test_set.files:
        path = folder / file.path
        if not path.is_file():
            return SetFinding(test_set, SetState.MISSING, file.path)
        try:
            digest = records_digest(path)
        except InputError as error:
            return SetFinding(test_set, SetState.CHANGED, f"{file.path}: {error}")
        if digest != file.sha256:
            return SetFinding(test_set, SetState.CHANGED, f"the records of {file.path} have sha256 {digest}")
    return SetFinding(test_set, SetState.READY)


def records_digest(path: Path) -> str:
    """SHA-256 of the records, each as JSON with sorted keys on a line: layout, escapes and line ends change nothing.

    Raises: InputError, when the file can't be read.
    """
    digest = hashlib.sha256()
    for record in _records(path):
        digest.update(json.dumps(record, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    return digest.hexdigest()


def load_test_set(name_or_path: str, folder: Path | None, *, allow_changed: bool = False) -> list[InstructionPair]:
    """A registered set by name from `folder`, or the user's own file by path; `response` is the reference or empty.

    An own file is JSON (a list) or JSON lines of records with `instruction`, and optionally `input` and one of
    `reference response`, `output`, `response`.

    Raises: InputError, when the set is unknown, missing, changed (unless allowed) or holds a record of another shape.
    """
    test_set = TEST_SETS.get(name_or_path)
    if test_set is None:
        return _own_set(Path(name_or_path))
    if folder is None:
        raise InputError(
            f"{test_set.name} needs the folder of public data: set COACHLM_DATA_DIR, see docs/reference/public-data.md"
        )
    finding = _look_at(test_set, folder)
    if finding.state is SetState.MISSING or (finding.state is SetState.CHANGED and not allow_changed):
        raise InputError(
            f"test set {test_set.name} is {finding.state}: {finding.detail}; get it again from {test_set.origin}"
        )
    paths = [folder / file.path for file in test_set.files]
    match test_set.name:
        case "vicuna80":
            return _vicuna(*paths)
        case "pandalm170":
            return _pandalm(*paths)
        case "self_instruct252":
            return read_records(paths[0], _self_instruct)
        case _:
            return read_records(paths[0], _alpaca)


def _own_set(path: Path) -> list[InstructionPair]:
    if not path.is_file():
        raise InputError(f"{path} is neither a file nor a registered test set; choose one of: {', '.join(TEST_SETS)}")
    pairs = read_records(path, _alpaca)
    if not pairs:
        raise InputError(f"{path} holds no records")
    return pairs


def _alpaca(record: dict[str, Any]) -> InstructionPair:
    names = ("reference response", "output", "response")
    reference = next((record[name] for name in names if name in record), "")
    return _pair(record["instruction"], record.get("input") or "", reference)


def _self_instruct(record: dict[str, Any]) -> InstructionPair:
    instance = record["instances"][0]
    return _pair(record["instruction"], instance["input"], instance["output"])


def _vicuna(questions: Path, answers: Path) -> list[InstructionPair]:
    references = dict(read_records(answers, lambda record: (record["question_id"], record["text"])))
    return read_records(questions, lambda record: _pair(record["text"], "", references.get(record["question_id"], "")))


def _pandalm(comparisons: Path, judged: Path) -> list[InstructionPair]:
    """One pair a request, with the first reference that isn't empty."""
    written = dict(read_records(judged, lambda record: (record["idx"], record["gpt_reference"])))
    requests: dict[tuple[str, str], InstructionPair] = {}
    for number, asked in read_records(comparisons, lambda record: (record["idx"], _alpaca(record))):
        pair = _pair(asked.instruction, asked.input, written.get(number, ""))
        request = pair.instruction, pair.input
        if request not in requests or not requests[request].response:
            requests[request] = pair
    return list(requests.values())


def _pair(instruction: object, material: object, reference: object) -> InstructionPair:
    if not (isinstance(instruction, str) and isinstance(material, str) and isinstance(reference, str)):
        raise TypeError("instruction, input and reference must be text")
    if not (instruction.strip() or material.strip()):
        raise ValueError("instruction and input are empty")
    return InstructionPair(instruction, material, reference)


def read_records(path: Path, read: Callable[[Any], T]) -> list[T]:
    """Each record of a JSON list or of JSON lines, as `read` makes it.

    Raises: InputError, naming the file and the first record, from 1, that has another shape.
    """
    found: list[T] = []
    for number, record in enumerate(_records(path), 1):
        try:
            found.append(read(record))
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"{path}, record {number}: {type(error).__name__} {error}; see docs/reference/public-data.md"
            ) from error
    return found


def _records(path: Path) -> list[Any]:
    content = _read(path)
    try:
        if content.lstrip()[:1] == b"[":
            return json.loads(content)
        return [json.loads(line) for line in content.splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is neither a JSON list nor JSON lines: {error}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"can't read {path}: {error.strerror or error}") from error
