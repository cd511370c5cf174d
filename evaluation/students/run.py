"""Runs a student comparison: data, training, answers, verdicts. It knows no model; a `Laboratory` does."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from coachlm.pairs import InstructionPair, content_hash
from evaluation.judges.judging import Judge, Verdict
from evaluation.judges.run import is_complete
from evaluation.students.config import Comparison
from evaluation.students.stages import Answers, ArmData, Laboratory, answers_stage, data_stage, verdicts_stage
from evaluation.students.table import HumanTrend, StudentRates, human_trend, student_rates

OnStage = Callable[[str], None]
TestSets = Mapping[str, Sequence[InstructionPair]]
"""Name → instructions with their references."""


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

    data: dict[str, ArmData] = field(default_factory=dict)
    answers: dict[str, dict[str, list[Answers]]] = field(default_factory=dict)  # test set → arm → of each seed

    def add(self, test_set: str, arm: str, answers: Answers) -> None:
        self.answers.setdefault(test_set, {}).setdefault(arm, []).append(answers)


def answer_all(
    config: Comparison,
    laboratory: Laboratory,
    test_sets: TestSets,
    folder: Path,
    on_stage: OnStage = lambda _: None,
) -> Answered:
    """Makes the students and lets them answer. Raises: CoachLMError of the stage that failed."""
    answered = Answered()
    for arm in config.arms:
        data = data_stage(arm, laboratory, folder, lambda name=arm.name: on_stage(f"data of {name}")).result()
        answered.data[arm.name] = data.data
        key = content_hash(data.digest, repr(config.recipe), config.base)[:8]
        for seed in config.seeds:
            student = folder / "students" / f"{arm.name}-{seed}-{key}"
            on_stage(f"train {arm.name}, seed {seed}")
            laboratory.train(arm, data.path, seed, student)
            for name, pairs in test_sets.items():
                on_stage(f"answer {name} by {arm.name}, seed {seed}")
                stage = answers_stage(laboratory, student, name, pairs, config.max_new_tokens, student)
                answered.add(name, arm.name, stage.result())
    return answered


def answer_model(
    config: Comparison,
    laboratory: Laboratory,
    test_sets: TestSets,
    model: Path,
    folder: Path,
    on_stage: OnStage = lambda _: None,
) -> Answered:
    """One model that is there already, as the only arm; `folder` keeps its answers."""
    answered = Answered()
    for name, pairs in test_sets.items():
        on_stage(f"answer {name}")
        stage = answers_stage(laboratory, model, name, pairs, config.max_new_tokens, folder)
        answered.add(name, config.arms[0].name, stage.result())
    return answered


def judge_answered(
    config: Comparison,
    answered: Answered,
    judges: Sequence[Judge],
    test_sets: TestSets,
    folder: Path,
    on_stage: OnStage = lambda _: None,
) -> StudentComparison:
    results: list[ArmResult] = []
    trends: dict[str, HumanTrend] = {}
    for judge in judges:
        for name, pairs in test_sets.items():
            on_stage(f"judge {name} by {judge.name}")
            found = _judged(judge, name, pairs, answered.answers[name], folder)
            results += found
            trend = _trend(config, found)
            if trend is not None:
                trends[f"{judge.name}, {name}"] = trend
    return StudentComparison(
        base=config.base,
        seeds=config.seeds,
        data=answered.data,
        results=tuple(results),
        trends=trends,
        complete=all(is_complete(each.failures) for each in results),
    )


def _judged(
    judge: Judge, name: str, pairs: Sequence[InstructionPair], answers: Mapping[str, list[Answers]], folder: Path
) -> list[ArmResult]:
    """Each arm; gains are over the first."""
    found: list[ArmResult] = []
    first: list[list[Verdict | None]] | None = None
    for arm, runs in answers.items():
        judged = [verdicts_stage(judge, pairs, run, folder).result() for run in runs]
        verdicts = [each.verdicts for each in judged]
        texts = [text or "" for run in runs for text in run]
        result = ArmResult(
            arm=arm,
            test_set=name,
            judge=judge.name,
            instructions=len(pairs),
            unanswered=sum(text is None for run in runs for text in run),
            answer_words=sum(len(text.split()) for text in texts) / max(1, len(texts)),
            rates=student_rates(verdicts, first),
            failures=dict(sum((Counter(each.failures) for each in judged), Counter())),
        )
        found.append(result)
        first = verdicts if first is None else first
    return found


def _trend(config: Comparison, results: Sequence[ArmResult]) -> HumanTrend | None:
    """Over the arms of one test set before one judge."""
    counts = {arm.name: arm.human_samples for arm in config.arms if arm.experts and arm.human_samples}
    plain = next((arm.name for arm in config.arms if not (arm.experts or arm.ratings or arm.engine)), None)
    means = {each.arm: each.rates.mean.value for each in results if each.rates.mean is not None}
    points = {counts[name]: mean for name, mean in means.items() if name in counts}
    if plain in means:
        points[0] = means[plain]
    others = {name: mean for name, mean in means.items() if name not in counts and name != plain}
    return human_trend(points, others) if counts else None
