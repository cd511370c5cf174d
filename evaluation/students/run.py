"""Runs a student comparison: data, training, answers, verdicts; each kept as it is finished, so that a killed run goes
on. It knows no model: a `Laboratory` makes data sets, trains and answers."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

from coachlm.errors import ExportError, InputError
from coachlm.machine.files import whole_file
from coachlm.pairs import InstructionPair, content_hash
from evaluation.judges import judging
from evaluation.judges.judging import Judge, Verdict
from evaluation.judges.run import is_complete, judge_all
from evaluation.report.files import write_page
from evaluation.students.config import Arm, Comparison, arm_key
from evaluation.students.table import HumanTrend, StudentRates, human_trend, student_rates

OnStage = Callable[[str], None]


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
class ArmData:
    """What a student learnt from."""

    pairs: int
    words: float  # of a response, on average
    counts: dict[str, int]  # revised, replaced by experts' text, filtered, …


@dataclass(frozen=True, slots=True)
class ArmResult:
    """One student on one test set before one judge."""

    arm: str
    test_set: str
    judge: str
    instructions: int
    unanswered: int  # over all seeds: no room in the model's context; judged as empty responses
    answer_words: float
    rates: StudentRates
    failures: dict[str, int]


@dataclass(frozen=True, slots=True)
class StudentComparison:
    """The whole table. `trends`: (judge, test set) → Fig. 5 (b), where arms have human samples."""

    base: str
    seeds: tuple[int, ...]
    data: dict[str, ArmData]
    results: tuple[ArmResult, ...]
    trends: dict[str, HumanTrend]
    complete: bool  # nothing failed that another run may mend

    def as_dict(self) -> dict[str, Any]:
        return {"schema": "coachlm-students/1", **asdict(self)}


@dataclass(frozen=True, slots=True)
class Answered:
    """What all students learnt from and answered, not judged yet."""

    data: dict[str, ArmData]
    answers: dict[tuple[str, str], list[list[str | None]]]  # (arm, test set) → seed → answers


def answer_all(
    config: Comparison,
    laboratory: Laboratory,
    test_sets: Mapping[str, Sequence[InstructionPair]],
    folder: Path,
    on_stage: OnStage = lambda _: None,
) -> Answered:
    """Makes the students and lets them answer. `test_sets`: name → instructions with their references.

    Raises: CoachLMError of the stage that failed.
    """
    found = Answered({}, {})
    for arm in config.arms:
        path, found.data[arm.name], digest = _data(arm, laboratory, folder, on_stage)
        key = content_hash(digest, repr(config.recipe), config.base)[:8]
        for seed in config.seeds:
            student = folder / "students" / f"{arm.name}-{seed}-{key}"
            on_stage(f"train {arm.name}, seed {seed}")
            laboratory.train(arm, path, seed, student)
            for name, pairs in test_sets.items():
                on_stage(f"answer {name} by {arm.name}, seed {seed}")
                answers = _answers(laboratory, student, name, pairs, config.max_new_tokens, student)
                found.answers.setdefault((arm.name, name), []).append(answers)
    return found


def judge_answered(
    config: Comparison,
    answered: Answered,
    judges: Sequence[Judge],
    test_sets: Mapping[str, Sequence[InstructionPair]],
    folder: Path,
    on_stage: OnStage = lambda _: None,
) -> StudentComparison:
    results: list[ArmResult] = []
    for judge in judges:
        for name, pairs in test_sets.items():
            on_stage(f"judge {name} by {judge.name}")
            by_arm = {arm.name: answered.answers[arm.name, name] for arm in config.arms}
            results += _judged(judge, name, pairs, by_arm, folder)
    return StudentComparison(
        base=config.base,
        seeds=config.seeds,
        data=answered.data,
        results=tuple(results),
        trends=_trends(config, results),
        complete=all(is_complete(each.failures) for each in results),
    )


def _data(arm: Arm, laboratory: Laboratory, folder: Path, on_stage: OnStage) -> tuple[Path, ArmData, str]:
    """The data file, what is in it, and what tells its content."""
    path = folder / "data" / f"{arm.name}.jsonl"
    note = path.with_suffix(".json")
    key = arm_key(arm, laboratory.digests(arm))
    held = _held(note)
    if held and held["key"] == key and path.is_file():
        return path, ArmData(**held["data"]), held["digest"]
    on_stage(f"data of {arm.name}")
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
    found = ArmData(pairs, words / pairs, counts)
    _keep(note, {"key": key, "digest": digest.hexdigest(), "data": asdict(found)})
    return path, found, digest.hexdigest()


def _answers(
    laboratory: Laboratory,
    student: Path,
    name: str,
    pairs: Sequence[InstructionPair],
    max_new_tokens: int,
    folder: Path,
) -> list[str | None]:
    """Those kept below `folder`, or new ones."""
    asked = content_hash(str(max_new_tokens), *(text for pair in pairs for text in (pair.instruction, pair.input)))
    path = folder / "answers" / f"{name}-{asked[:8]}.json"
    if (held := _held(path)) is not None:
        return held["answers"]
    found = laboratory.answers(student, pairs)
    texts = [None if text is None else text.encode("utf-8", "replace").decode() for text in found]
    _keep(path, {"test_set": name, "answers": texts})
    return texts


def _judged(
    judge: Judge,
    name: str,
    pairs: Sequence[InstructionPair],
    answers: Mapping[str, list[list[str | None]]],
    folder: Path,
) -> Iterator[ArmResult]:
    """Each arm; gains are over the first."""
    first: list[list[Verdict | None]] | None = None
    for arm, runs in answers.items():
        verdicts: list[list[Verdict | None]] = []
        failures: dict[str, int] = {}
        for run in runs:
            found, failed = _verdicts(judge, pairs, run, folder)
            verdicts.append(found)
            failures = {each: failures.get(each, 0) + failed.get(each, 0) for each in failures | failed}
        texts = [text or "" for run in runs for text in run]
        yield ArmResult(
            arm=arm,
            test_set=name,
            judge=judge.name,
            instructions=len(pairs),
            unanswered=sum(text is None for run in runs for text in run),
            answer_words=sum(len(text.split()) for text in texts) / max(1, len(texts)),
            rates=student_rates(verdicts, first),
            failures=failures,
        )
        first = verdicts if first is None else first


def _verdicts(
    judge: Judge, pairs: Sequence[InstructionPair], answers: Sequence[str | None], folder: Path
) -> tuple[list[Verdict | None], dict[str, int]]:
    """Both ways round, merged; and why answers have none. Only what is complete is kept."""
    comparisons = [
        judging.Comparison(pair.instruction, pair.input, answer or "", pair.response)
        for pair, answer in zip(pairs, answers, strict=True)
    ]
    key = content_hash(judge.name, *(text for each in comparisons for text in asdict(each).values()))
    path = folder / "verdicts" / f"{key}.json"
    if (held := _held(path)) is not None:
        return [None if each is None else Verdict(each) for each in held["verdicts"]], held["failures"]
    judged = judge_all(judge, comparisons)
    found = [judgement.merged for judgement in judged.judgements]
    if is_complete(judged.failures):
        _keep(path, {"judge": judge.name, "verdicts": found, "failures": judged.failures})
    return found, judged.failures


def _trends(config: Comparison, results: Sequence[ArmResult]) -> dict[str, HumanTrend]:
    counts = {arm.name: arm.human_samples for arm in config.arms if arm.experts and arm.human_samples}
    plain = next((arm.name for arm in config.arms if not (arm.experts or arm.ratings or arm.engine)), None)
    found: dict[str, HumanTrend] = {}
    for judge, test_set in dict.fromkeys((each.judge, each.test_set) for each in results):
        means = {
            each.arm: each.rates.mean.value
            for each in results
            if (each.judge, each.test_set) == (judge, test_set) and each.rates.mean is not None
        }
        points = {counts[name]: mean for name, mean in means.items() if name in counts}
        if plain in means:
            points[0] = means[plain]
        others = {name: mean for name, mean in means.items() if name not in counts and name != plain}
        if counts and (trend := human_trend(points, others)) is not None:
            found[f"{judge}, {test_set}"] = trend
    return found


def _held(path: Path) -> dict[str, Any] | None:
    """What an earlier run kept; a damaged file is as good as none."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def _keep(path: Path, value: dict[str, Any]) -> None:
    write_page(path, json.dumps(value, ensure_ascii=False))


def answer_model(
    config: Comparison,
    laboratory: Laboratory,
    test_sets: Mapping[str, Sequence[InstructionPair]],
    model: Path,
    folder: Path,
    on_stage: OnStage = lambda _: None,
) -> Answered:
    """One model that is there already, as the only arm; `folder` keeps its answers."""
    found = Answered({}, {})
    for name, pairs in test_sets.items():
        on_stage(f"answer {name}")
        answers = _answers(laboratory, model, name, pairs, config.max_new_tokens, folder)
        found.answers[config.arms[0].name, name] = [answers]
    return found
