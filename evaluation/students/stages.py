"""The stages of a student comparison: each result is made once and kept, so that a killed run goes on."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from coachlm.errors import ExportError, InputError
from coachlm.machine.files import whole_file
from coachlm.pairs import InstructionPair, content_hash
from evaluation.judges import judging
from evaluation.judges.judging import Judge, Verdict
from evaluation.judges.run import is_complete, judge_all
from evaluation.report.files import write_page
from evaluation.students.config import Arm, arm_key

T = TypeVar("T")
Answers = list[str | None]
"""In the order of a test set; None: no room in the model's context."""


class Laboratory(Protocol):
    """What makes students."""

    def digests(self, arm: Arm) -> Mapping[str, str]:
        """File → content digest, of all that an arm's data is made of."""
        ...

    def data(self, arm: Arm, counts: dict[str, int]) -> Iterator[InstructionPair]:
        """The data set of an arm; fills in what was done to it."""
        ...

    def train(self, arm: Arm, data: Path, seed: int, folder: Path) -> None:
        """Leaves a student in the folder; goes on where it was killed, does nothing where it is finished."""
        ...

    def answers(self, folder: Path, pairs: Sequence[InstructionPair]) -> list[str | None]: ...


@dataclass(frozen=True, slots=True)
class Stage(Generic[T]):
    """A result, kept as JSON in `path`."""

    path: Path
    key: str  # of everything that the result is made of; what was kept under another is made anew
    make: Callable[[], T]
    dump: Callable[[T], dict[str, Any] | None]  # None: not to be kept, another run may make more of it
    load: Callable[[dict[str, Any]], T | None]  # None: what was kept is of no use

    def result(self) -> T:
        """What an earlier run kept, or a new one. Raises: ExportError, and what `make` raises."""
        held = self._held()
        found = None if held is None else self.load(held)
        if found is not None:
            return found
        made = self.make()
        kept = self.dump(made)
        if kept is not None:
            write_page(self.path, json.dumps({"key": self.key, **kept}, ensure_ascii=False))
        return made

    def _held(self) -> dict[str, Any] | None:
        """A damaged file is as good as none. Where the name of the file holds the key, older ones hold no other."""
        try:
            held = json.loads(self.path.read_bytes())
        except (OSError, ValueError):
            return None
        return held if held.get("key", self.key) == self.key else None


@dataclass(frozen=True, slots=True)
class ArmData:
    """What a student learnt from."""

    pairs: int
    words: float  # of a response, on average
    counts: dict[str, int]  # revised, replaced by experts' text, filtered, …


@dataclass(frozen=True, slots=True)
class DataFile:
    """An arm's data set, written."""

    path: Path
    digest: str  # of its content
    data: ArmData


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Both ways round, merged, in the order of a test set; and why comparisons have none."""

    verdicts: list[Verdict | None]
    failures: dict[str, int]


def data_stage(arm: Arm, laboratory: Laboratory, folder: Path, on_make: Callable[[], None]) -> Stage[DataFile]:
    path = folder / "data" / f"{arm.name}.jsonl"

    def make() -> DataFile:
        on_make()
        return _written(arm, laboratory, path)

    def load(held: dict[str, Any]) -> DataFile | None:
        return DataFile(path, held["digest"], ArmData(**held["data"])) if path.is_file() else None

    return Stage(
        path=path.with_suffix(".json"),
        key=arm_key(arm, laboratory.digests(arm)),
        make=make,
        dump=lambda found: {"digest": found.digest, "data": asdict(found.data)},
        load=load,
    )


def answers_stage(
    laboratory: Laboratory, student: Path, test_set: str, pairs: Sequence[InstructionPair], tokens: int, folder: Path
) -> Stage[Answers]:
    """Of one student, kept below `folder`; `tokens`: of an answer, at the most."""
    key = content_hash(str(tokens), *(text for pair in pairs for text in (pair.instruction, pair.input)))

    def make() -> Answers:
        found = laboratory.answers(student, pairs)
        return [None if text is None else text.encode("utf-8", "replace").decode() for text in found]

    return Stage(
        path=folder / "answers" / f"{test_set}-{key[:8]}.json",
        key=key,
        make=make,
        dump=lambda found: {"test_set": test_set, "answers": found},
        load=lambda held: held["answers"],
    )


def verdicts_stage(
    judge: Judge, pairs: Sequence[InstructionPair], answers: Sequence[str | None], folder: Path
) -> Stage[Verdicts]:
    """Of one judge about one student's answers. Only what is complete is kept."""
    comparisons = [
        judging.Comparison(pair.instruction, pair.input, answer or "", pair.response)
        for pair, answer in zip(pairs, answers, strict=True)
    ]
    key = content_hash(judge.name, *(text for each in comparisons for text in asdict(each).values()))

    def make() -> Verdicts:
        judged = judge_all(judge, comparisons)
        return Verdicts([judgement.merged for judgement in judged.judgements], judged.failures)

    def load(held: dict[str, Any]) -> Verdicts:
        return Verdicts([None if each is None else Verdict(each) for each in held["verdicts"]], held["failures"])

    return Stage(
        path=folder / "verdicts" / f"{key}.json",
        key=key,
        make=make,
        dump=lambda found: {"judge": judge.name, **asdict(found)} if is_complete(found.failures) else None,
        load=load,
    )


def _written(arm: Arm, laboratory: Laboratory, path: Path) -> DataFile:
    counts: dict[str, int] = {}
    pairs = words = 0
    digest = hashlib.sha256()
    try:
        with whole_file(path) as partial, partial.open("wb") as file:
            for pair in laboratory.data(arm, counts):
                line = json.dumps(pair.as_dict(), ensure_ascii=False).encode("utf-8", "replace") + b"\n"
                file.write(line)
                digest.update(line)
                pairs, words = pairs + 1, words + len(pair.response.split())
            if not pairs:
                raise InputError(f"the data of {arm.name} is empty: {counts or 'nothing was read'}")
    except OSError as error:
        raise ExportError(f"{path} can't be written: {error}") from error
    return DataFile(path, digest.hexdigest(), ArmData(pairs, words / pairs, counts))
