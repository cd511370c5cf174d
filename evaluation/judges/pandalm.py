"""PandaLM's public comparisons with three people's labels each, and the judgements of two models on them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from evaluation.judges.agreement import majority
from evaluation.judges.judging import Comparison, Verdict
from evaluation.sets.test_sets import read_records

PandaLMJudge = Literal["gpt35", "pandalm7b"]

_VERDICTS = {"0": Verdict.TIE, "tie": Verdict.TIE, "1": Verdict.WIN, "2": Verdict.LOSE}


@dataclass(frozen=True, slots=True)
class Published:
    """What PandaLM's repository gives for a judge (`data/compute_metrics.py`); there an answer without a verdict is a
    tie."""

    accuracy: float
    precision: float
    recall: float
    f1: float


PUBLISHED: dict[PandaLMJudge, Published] = {
    "gpt35": Published(0.7107, 0.5879, 0.5736, 0.5755),
    "pandalm7b": Published(0.6677, 0.5738, 0.5750, 0.5743),
}


@dataclass(frozen=True, slots=True)
class LabelledComparison:
    """The first response is the candidate; `labels` are the people's, in the order of their numbers."""

    comparison: Comparison
    labels: tuple[Verdict, ...]

    @property
    def majority(self) -> Verdict | None:
        return majority(self.labels)


def labelled_comparisons(folder: Path) -> list[LabelledComparison]:
    """Raises: InputError, when the file is missing or of another shape."""
    return read_labelled(folder / "test_sets/pandalm170_comparisons.json")


def read_labelled(path: Path) -> list[LabelledComparison]:
    """Own comparisons in the same shape, with `annotator1`, `annotator2`, … as many as there are.

    Raises: InputError, when the file is missing or of another shape.
    """
    return read_records(path, _labelled)


def shared_verdicts(folder: Path, judge: PandaLMJudge) -> list[Verdict | None]:
    """In the order of `labelled_comparisons`; None where the model's answer held no verdict.

    Raises: InputError, when the file is missing or of another shape.
    """
    field = {"gpt35": "gpt_result", "pandalm7b": "pandalm_result"}[judge]
    path = folder / f"test_sets/pandalm170_judged_by_{judge}.json"
    return read_records(path, lambda record: _VERDICTS.get(str(record[field]).lower()))


def _labelled(record: dict[str, Any]) -> LabelledComparison:
    # Some responses stand there as JSON's true or a number.
    texts = (str(record[name]) for name in ("instruction", "input", "response1", "response2"))
    comparison = Comparison(*texts)
    people = sorted(name for name in record if name.startswith("annotator"))
    if not people:
        raise KeyError("annotator1")
    return LabelledComparison(comparison, tuple(_VERDICTS[str(record[name]).lower()] for name in people))
