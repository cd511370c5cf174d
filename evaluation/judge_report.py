"""Judges side by side on comparisons that people labelled: agreement, and how often the longer response won."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from evaluation.agreement import Agreement, agreement
from evaluation.judging import Comparison, LengthBias, Verdict, length_bias
from evaluation.local_judge import LocalJudge
from evaluation.pandalm import PandaLMJudge, labelled_comparisons, shared_verdicts
from evaluation.scorer import PairScorer


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """One judge against people's majority."""

    judge: str
    agreement: Agreement
    length_bias: LengthBias


def judge_reports(folder: Path) -> list[JudgeReport]:
    """PandaLM's two shared judges, as they answered and with answers without a verdict as ties (its own way of
    counting); the local scorer; always the longer response; the people themselves, one against all three.

    Raises: InputError, when a file is missing or of another shape.
    """
    labelled = labelled_comparisons(folder)
    comparisons = [each.comparison for each in labelled]
    people = [each.majority for each in labelled]
    judged: dict[str, Sequence[Verdict | None]] = {}
    for name in get_args(PandaLMJudge):
        judged[name] = shared_verdicts(folder, name)
        if None in judged[name]:
            judged[f"{name}, no verdict as tie"] = [verdict or Verdict.TIE for verdict in judged[name]]
    local = LocalJudge(PairScorer.load())
    judged[local.name] = asyncio.run(local.verdicts(comparisons))
    judged["longer response"] = [_longer(comparison) for comparison in comparisons]
    for person in range(3):
        judged[f"person {person + 1}"] = [each.labels[person] for each in labelled]
    judged["people's majority"] = people
    return [
        JudgeReport(name, agreement(verdicts, people), length_bias(comparisons, verdicts))
        for name, verdicts in judged.items()
    ]


def _longer(comparison: Comparison) -> Verdict:
    one, other = len(comparison.candidate.split()), len(comparison.reference.split())
    if one == other:
        return Verdict.TIE
    return Verdict.WIN if one > other else Verdict.LOSE
