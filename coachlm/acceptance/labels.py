"""Labels that readers gave to candidates, as JSON lines: raw pair, candidate digest, label and reader."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from coachlm.errors import TrainingError


class Label(StrEnum):
    """What a reader says of a candidate beside the raw text."""

    BETTER = "better"
    SAME = "same"
    WORSE = "worse"

    @property
    def value_to_people(self) -> float:
        return {Label.BETTER: 1.0, Label.SAME: 0.5, Label.WORSE: 0.0}[self]


@dataclass(frozen=True, slots=True)
class CandidateLabel:
    """One reader's word on one candidate."""

    id: str  # of the raw pair
    candidate: str  # digest
    label: Label
    reader: str


def read_labels(path: Path) -> Iterator[CandidateLabel]:
    """Raises: TrainingError, naming the line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise TrainingError(f"labels {path} can't be read: {error.strerror or error}") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = json.loads(line)
                yield CandidateLabel(row["id"], row["candidate"], Label(row["label"]), row["reader"])
            except (ValueError, KeyError, TypeError) as error:
                raise TrainingError(
                    f"labels {path}, line {number}: {error!r}; a line has id, candidate, label (better, same or worse) "
                    "and reader"
                ) from error


def write_labels(labels: Iterable[CandidateLabel], path: Path) -> None:
    lines = [json.dumps(asdict(label), ensure_ascii=False) for label in labels]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def mean_labels(labels: Iterable[CandidateLabel]) -> dict[tuple[str, str], float]:
    """By raw pair and candidate: 1 better, 0 worse; several readers' words are averaged, each reader's last counts."""
    said: defaultdict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for each in labels:
        said[each.id, each.candidate][each.reader] = each.label.value_to_people
    return {key: sum(words.values()) / len(words) for key, words in said.items()}


def verdict(mean: float) -> Label:
    """What several readers say together: where they contradict one another, the same."""
    if mean > 0.5:
        return Label.BETTER
    return Label.SAME if mean == 0.5 else Label.WORSE


def count_verdicts(means: Iterable[float]) -> Counter[Label]:
    return Counter(map(verdict, means))
