"""Judges that need no API and no model to load: expert-revision likeness, and length alone as the yardstick of all."""

from collections.abc import Sequence

from evaluation.judges.judging import Comparison, Verdict
from evaluation.judges.worth import LIKENESS, LONGER
from evaluation.scorer.scorer import PairScorer


class LocalJudge:
    """Ties where neither response is preferred with at least `decided_from` probability, 0.5 to 1."""

    def __init__(self, scorer: PairScorer, decided_from: float = 0.6, name: str = LIKENESS) -> None:
        self._scorer = scorer
        self._decided_from = decided_from
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    async def verdicts(self, comparisons: Sequence[Comparison]) -> list[Verdict | None]:
        return [self._verdict(comparison) for comparison in comparisons]

    def _verdict(self, comparison: Comparison) -> Verdict:
        probability = self._scorer.prefer(*comparison.sides)
        if max(probability, 1 - probability) < self._decided_from:
            return Verdict.TIE
        return Verdict.WIN if probability > 0.5 else Verdict.LOSE


class LongerJudge:
    """Prefers the response of more words, whatever it says: what a judge has to beat."""

    @property
    def name(self) -> str:
        return LONGER

    async def verdicts(self, comparisons: Sequence[Comparison]) -> list[Verdict | None]:
        return [longer(comparison) for comparison in comparisons]


def longer(comparison: Comparison) -> Verdict:
    one, other = len(comparison.candidate.split()), len(comparison.reference.split())
    if one == other:
        return Verdict.TIE
    return Verdict.WIN if one > other else Verdict.LOSE
