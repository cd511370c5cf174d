"""Judges side by side on comparisons that people labelled: agreement, and how often the longer response won."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from evaluation.judges.agreement import Agreement, agreement
from evaluation.judges.judging import LengthBias, Verdict, length_bias
from evaluation.judges.local import LocalJudge, longer
from evaluation.judges.pandalm import LabelledComparison, PandaLMJudge, shared_verdicts
from evaluation.scorer.scorer import PairScorer


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """One judge against people's majority."""

    judge: str
    agreement: Agreement
    length_bias: LengthBias


def shared_judgements(folder: Path) -> dict[str, list[Verdict | None]]:
    """PandaLM's two shared judges, as they answered and with answers without a verdict as ties, its own way of
    counting. Raises: InputError, when a file is missing or of another shape."""
    judged: dict[str, list[Verdict | None]] = {}
    for name in get_args(PandaLMJudge):
        judged[name] = shared_verdicts(folder, name)
        if None in judged[name]:
            judged[f"{name}, no verdict as tie"] = [verdict or Verdict.TIE for verdict in judged[name]]
    return judged


def judge_reports(
    labelled: Sequence[LabelledComparison], judged: Mapping[str, Sequence[Verdict | None]]
) -> list[JudgeReport]:
    """The given judges; beside them likeness, always the longer response, and each person against all."""
    comparisons = [each.comparison for each in labelled]
    people = [each.majority for each in labelled]
    local = LocalJudge(PairScorer.load())
    found: dict[str, Sequence[Verdict | None]] = dict(judged)
    found[local.name] = asyncio.run(local.verdicts(comparisons))
    found["longer response"] = [longer(comparison) for comparison in comparisons]
    for person in range(min(len(each.labels) for each in labelled)):
        found[f"person {person + 1}"] = [each.labels[person] for each in labelled]
    found["people's majority"] = people
    return [
        JudgeReport(name, agreement(verdicts, people), length_bias(comparisons, verdicts))
        for name, verdicts in found.items()
    ]
