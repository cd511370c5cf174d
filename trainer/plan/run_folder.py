"""A run's folder: one process at a time, the data it froze, its metrics, and the record of a finished run.

selection.json            what α cut; training_pairs.jsonl are the chosen pairs, distances.svg their distances
teacher.json              what an instructed coach taught, if one did; teacher_pairs.jsonl are the pairs
plan.json                 how many tokens go through the model at once
metrics.jsonl             one line a step; loss.svg when the run is finished
checkpoints/              where a killed run goes on; emptied at the end
adapters/DIGEST/          the adapter
run.json                  the record; its presence says that the run is finished
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import orjson

from coachlm.errors import TrainingError
from coachlm.machine.files import write_whole
from coachlm.machine.locks import FileLock
from trainer.plan.revisions import Source, file_digest
from trainer.plan.selection import Selection, read_selected, select
from trainer.plan.teachers import Lessons, Teacher, freeze_lessons

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StepMetrics:
    """What one optimizer step was."""

    step: int  # from 1
    steps: int  # of the whole run
    epoch: int  # from 1
    loss: float  # nats per target token
    learning_rate: float
    gradient_norm: float  # before clipping
    pairs: int
    tokens: int  # prompts and targets
    target_tokens: int
    padded_tokens: int  # tokens and padding
    seconds: float


@dataclass(frozen=True, slots=True)
class RunRecord:
    """Everything needed to know what an adapter is and to make it again."""

    adapter: str  # content digest; the folder is `adapters/` and this
    fingerprint: str  # over base, data and recipe: what decides the result
    base: str
    base_digest: str
    precision: str  # and why
    source: str
    data_digest: str  # of training_pairs.jsonl
    selection: dict[str, Any]
    recipe: dict[str, Any]
    examples: int
    left_out: dict[str, int]
    metrics: dict[str, float | int | None]
    seconds: float  # of training steps, over all attempts
    code: dict[str, str]
    figures: dict[str, Any] = field(default_factory=dict)  # what only some kinds of coaches have


class RunFolder:
    """Paths and files of one run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pairs = folder / "training_pairs.jsonl"
        self.taught = folder / "teacher_pairs.jsonl"
        self.checkpoints = folder / "checkpoints"
        self.adapters = folder / "adapters"
        self._metrics = folder / "metrics.jsonl"
        self._record = folder / "run.json"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Raises: TrainingError, when the folder can't be made or another process trains in it."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / ".lock")
        except BlockingIOError:
            raise TrainingError(f"another process is training in {self.folder}; give another folder") from None
        except OSError as error:
            raise TrainingError(f"{self.folder} can't be used: {error}; give a folder that can be written") from error
        with lock:
            yield

    def selection(self, source: Source, alpha: float) -> Selection:
        """The frozen choice of this run: made once, so that a run goes on with the data it began with.

        Raises: TrainingError, when the folder holds another choice or its data was changed.
        """
        path = self.folder / "selection.json"
        if (held := read_json(path)) is None:
            rejects: Counter[str] = Counter()
            chosen = select(source.revisions(rejects), alpha, self.pairs, rejects)
            write_json(path, {"source": source.name, **chosen.as_dict()})
            return chosen
        name = held.pop("source", None)
        chosen = restored(Selection, held, path)
        if (name, chosen.alpha) != (source.name, alpha):
            raise TrainingError(
                f"{self.folder} holds a run on {name} with alpha {chosen.alpha}; "
                "run that again as it was, or give another output folder"
            )
        if file_digest(self.pairs) != chosen.data_digest:
            raise TrainingError(f"{self.pairs} was changed since the run began; give another output folder")
        return chosen

    def lessons(self, teacher: Teacher | None) -> Lessons | None:
        """What the teacher brings, frozen as the selection is. Raises: TrainingError."""
        path = self.folder / "teacher.json"
        held = read_json(path)
        if teacher is None:
            if held is not None:
                raise TrainingError(
                    f"{self.folder} holds a run with a teacher; run it as it was, or give another folder"
                )
            return None
        if held is None:
            if self._record.is_file() or any(self.checkpoints.glob("step-*")):
                raise TrainingError(f"{self.folder} holds a run without a teacher; give another output folder")
            made = freeze_lessons(teacher, read_selected(self.pairs), self.taught)
            write_json(path, made.as_dict())
            return made
        lessons = restored(Lessons, held, path)
        if (lessons.source, lessons.weight) != (teacher.name, teacher.weight):
            raise TrainingError(f"{self.folder} holds a run with another teacher or weight; give another output folder")
        if file_digest(self.taught) != lessons.digest:
            raise TrainingError(f"{self.taught} was changed since the run began; give another output folder")
        return lessons

    def micro_batch_tokens(self, asked: int, choose: Callable[[int], int]) -> int:
        """The number that the run began with, so that it goes on with the same however much memory there is by now;
        where it began with another number asked for, or before there was a choice, what is asked for."""
        path = self.folder / "plan.json"
        held = read_json(path)
        if held is not None:
            return int(held["micro_batch_tokens"]) if held.get("asked") == asked else asked
        if self._record.is_file() or any(self.checkpoints.glob("step-*")):
            return asked
        chosen = choose(asked)
        write_json(path, {"asked": asked, "micro_batch_tokens": chosen})
        return chosen

    def keep_metrics(self, steps: int) -> None:
        """Drop what stands behind the checkpoint at which the run goes on, a line cut by a kill included."""
        if self._metrics.is_file():
            kept = self._metrics.read_bytes().splitlines(keepends=True)[:steps]
            _write(self._metrics, b"".join(kept))

    def add_metrics(self, metrics: StepMetrics) -> None:
        """Raises: TrainingError, when the line can't be written."""
        try:
            with self._metrics.open("ab") as file:
                file.write(orjson.dumps(asdict(metrics), option=orjson.OPT_APPEND_NEWLINE))
        except OSError as error:
            raise _unwritable(self._metrics, error) from error

    def metrics(self) -> list[StepMetrics]:
        if not self._metrics.is_file():
            return []
        return [StepMetrics(**orjson.loads(line)) for line in self._metrics.read_bytes().splitlines()]

    def record(self) -> RunRecord | None:
        held = read_json(self._record)
        return None if held is None else restored(RunRecord, held, self._record)

    def finish(self, record: RunRecord) -> None:
        write_json(self._record, asdict(record))


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Atomic and durable. Raises: TrainingError."""
    _write(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def _write(path: Path, data: bytes) -> None:
    try:
        write_whole(path, data)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> TrainingError:
    return TrainingError(f"{path} can't be written: {error}; make room and run the same again to go on")


def read_json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        value = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} can't be read: {error}; give another output folder") from error
    if not isinstance(value, dict):
        raise TrainingError(f"{path} is not the record of a run; give another output folder")
    return value


def restored(kind: type[T], held: dict[str, Any], path: Path) -> T:
    try:
        return kind(**held)
    except TypeError as error:
        raise TrainingError(f"{path} is of another version ({error}); give another output folder") from error


def epoch_loss(metrics: Sequence[StepMetrics]) -> float:
    return sum(m.loss * m.target_tokens for m in metrics) / sum(m.target_tokens for m in metrics)
