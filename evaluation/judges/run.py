"""Judges over comparisons, both ways round, and all that can be said of the verdicts and of the judges."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from evaluation.judges.agreement import Agreement, agreement
from evaluation.judges.answers import MENDABLE, Failure
from evaluation.judges.judging import (
    Comparison,
    CountingJudge,
    Judge,
    Judgement,
    LengthBias,
    PositionBias,
    Verdict,
    WinRates,
    judge_both_ways,
    length_bias,
    position_bias,
    win_rates,
)

CHUNK = 200  # comparisons a judge gets at once


@dataclass(frozen=True, slots=True)
class JudgedSet:
    """One judge on all comparisons. `failures` count answers, of which each comparison takes two."""

    judge: str
    comparisons: int
    rates: WinRates
    position: PositionBias
    length: LengthBias
    failures: dict[str, int]
    agreement: Agreement | None  # with people's majority, where there are labels
    by_category: dict[str, WinRates] = field(default_factory=dict)  # where the test set has categories

    @property
    def complete(self) -> bool:
        return is_complete(self.failures)


@dataclass(frozen=True, slots=True)
class Judged:
    """A judge's answers to comparisons, in their order, and why some have none."""

    judgements: list[Judgement]
    failures: dict[str, int]


def judge_all(
    judge: Judge, comparisons: Sequence[Comparison], on_comparisons: Callable[[int], None] = lambda _: None
) -> Judged:
    """A judge whose server is gone is not asked on: the rest have no verdict, and count as not asked."""
    before = Counter(judge.failures) if isinstance(judge, CountingJudge) else Counter[str]()
    found: list[Judgement] = []
    for start in range(0, len(comparisons), CHUNK):
        chunk = comparisons[start : start + CHUNK]
        if isinstance(judge, CountingJudge) and judge.failures.get(Failure.NOT_ASKED.value):
            found += [Judgement(None, None)] * len(chunk)
        else:
            found += asyncio.run(judge_both_ways(judge, chunk))
        on_comparisons(len(chunk))
    failures = (Counter(judge.failures) if isinstance(judge, CountingJudge) else Counter[str]()) - before
    unasked = 2 * len(comparisons) - failures.total() - _answered(found)
    if unasked > 0:
        failures[Failure.NOT_ASKED.value] += unasked
    return Judged(found, dict(failures))


def judged_set(
    name: str,
    comparisons: Sequence[Comparison],
    judged: Judged,
    people: Sequence[Verdict | None] | None = None,
    seed: int = 0,
    categories: Mapping[tuple[str, str], str] | None = None,
) -> JudgedSet:
    """`categories`: of requests (instruction and input)."""
    merged = [judgement.merged for judgement in judged.judgements]
    return JudgedSet(
        judge=name,
        comparisons=len(comparisons),
        rates=win_rates(merged, seed),
        position=position_bias(judged.judgements, seed),
        length=length_bias(comparisons, merged, seed),
        failures=judged.failures,
        agreement=None if people is None else agreement(merged, people),
        by_category=_by_category(comparisons, merged, categories or {}, seed),
    )


def _by_category(
    comparisons: Sequence[Comparison],
    verdicts: Sequence[Verdict | None],
    categories: Mapping[tuple[str, str], str],
    seed: int,
) -> dict[str, WinRates]:
    found: dict[str, list[Verdict | None]] = {}
    for comparison, verdict in zip(comparisons, verdicts, strict=True):
        category = categories.get((comparison.instruction, comparison.input))
        if category is not None:
            found.setdefault(category, []).append(verdict)
    return {category: win_rates(found[category], seed) for category in sorted(found)}


def is_complete(failures: Mapping[str, int]) -> bool:
    """Nothing failed that another run may mend."""
    return not any(failure in MENDABLE for failure in failures)


def _answered(judgements: Sequence[Judgement]) -> int:
    return sum((each.shown_first is not None) + (each.shown_second is not None) for each in judgements)


def judges_agree(judged: Mapping[str, Judged]) -> dict[str, float]:
    """Share of comparisons on which two judges give the same merged verdict, of those that both decided."""
    shares: dict[str, float] = {}
    for one, other in combinations(judged, 2):
        both = [
            (first.merged, second.merged)
            for first, second in zip(judged[one].judgements, judged[other].judgements, strict=True)
            if first.merged is not None and second.merged is not None
        ]
        if both:
            shares[f"{one} and {other}"] = sum(first is second for first, second in both) / len(both)
    return shares
