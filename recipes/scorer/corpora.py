"""Expert preferences without leaks, and answers of weak and strong models to the same requests.

The preference files hold most of the expert revisions, one side a row, and raw sides lie there with escaped line ends
where revised sides have real ones: whoever trains on the rows learns the escaping. So the rows only say which revision
belongs to which part; texts come from the revisions themselves.
"""

import csv
import gzip
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from coachlm.pairs import InstructionPair

_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|[ntr])")
_LABELS = re.compile(r"<no ?input>|\b(?:instruction|input|response):", re.IGNORECASE)
_NO_LETTER = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Preference:
    """Two versions of a pair; an expert made the second from the first."""

    raw: InstructionPair
    revised: InstructionPair

    @property
    def words(self) -> tuple[int, int]:
        return len(self.raw.response.split()), len(self.revised.response.split())

    def length_matched(self, tolerance: float = 1.25) -> bool:
        """Are the responses about equally long?"""
        short, long = sorted(self.words)
        return long + 1 <= tolerance * (short + 1)


@dataclass(frozen=True, slots=True)
class Parts:
    """`valid`: of the validation file; `unlisted`: in neither file. No instruction of `train` occurs in the others."""

    train: list[Preference]
    valid: list[Preference]
    unlisted: list[Preference]

    @property
    def held_out(self) -> list[Preference]:
        return self.valid + self.unlisted


def expert_preferences(folder: Path) -> Parts:
    with (folder / "coachlm/expert_revisions.jsonl").open(encoding="utf-8") as lines:
        revisions = [_preference(json.loads(line)) for line in lines]
    listed = {part: _listed(folder / f"quality/expert_preference_{part}.csv") for part in ("train", "valid")}
    parts: dict[str, list[Preference]] = {"train": [], "valid": [], "unlisted": []}
    for revision in revisions:
        keys = {_key(_as_row(side)) for side in (revision.raw, revision.revised)}
        parts[next((part for part, rows in listed.items() if keys & rows), "unlisted")].append(revision)
    held_out = {_request(side) for name in ("valid", "unlisted") for p in parts[name] for side in (p.raw, p.revised)}
    train = [p for p in parts["train"] if not {_request(p.raw), _request(p.revised)} & held_out]
    return Parts(train, parts["valid"], parts["unlisted"])


def _preference(record: dict[str, str]) -> Preference:
    return Preference(*(_side(record, name) for name in ("Raw", "Revised")))


def _side(record: dict[str, str], name: str) -> InstructionPair:
    return InstructionPair(record[f"{name} Instruction"], record[f"{name} Input"], record[f"{name} Response"])


def _listed(path: Path) -> set[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return {_key(row["src"]) for row in csv.DictReader(file)}


def escape_marks(folder: Path) -> tuple[list[float], list[float]]:
    """Of the validation file's revised and raw rows: 1 with a real line end, -1 with an escaped one, else 0."""
    marks: tuple[list[float], list[float]] = ([], [])
    with (folder / "quality/expert_preference_valid.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            marks[row["score"] == "0"].append(float("\n" in row["src"]) - float("\\n" in row["src"]))
    return marks


def _as_row(pair: InstructionPair) -> str:
    return f"{pair.instruction} {pair.input} {pair.response}"


def _key(text: str) -> str:
    """Letters and digits alone: the files escape and label the same text differently."""
    return _NO_LETTER.sub("", _LABELS.sub(" ", _ESCAPE.sub(" ", text))).lower().encode("ascii", "ignore").decode()


def _request(pair: InstructionPair) -> str:
    return _key(f"{pair.instruction} {pair.input}")


def model_answers(folder: Path, kind: str) -> dict[str, list[InstructionPair]]:
    """`kind` strong or weak: request → the models' answers."""
    name = {"strong": "alpaca_eval_answers", "weak": "alpaca_eval_weak_answers"}[kind]
    answers: defaultdict[str, list[InstructionPair]] = defaultdict(list)
    with gzip.open(folder / f"corpora/{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            answers[record["instruction"]].append(InstructionPair(record["instruction"], "", record["output"]))
    return dict(answers)
