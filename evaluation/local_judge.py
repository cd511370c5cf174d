"""The local scorer as a judge: no API, no model to load, milliseconds a comparison."""

from collections.abc import Sequence

from evaluation.judging import Comparison, Verdict
from evaluation.scorer import PairScorer


class LocalJudge:
    """Ties where neither response is preferred with at least `decided_from` probability, 0.5 to 1."""

    def __init__(self, scorer: PairScorer, decided_from: float = 0.6) -> None:
        self._scorer = scorer
        self._decided_from = decided_from

    @property
    def name(self) -> str:
        return "local-scorer"

    async def verdicts(self, comparisons: Sequence[Comparison]) -> list[Verdict | None]:
        return [self._verdict(comparison) for comparison in comparisons]

    def _verdict(self, comparison: Comparison) -> Verdict:
        probability = self._scorer.prefer(*comparison.sides)
        if max(probability, 1 - probability) < self._decided_from:
            return Verdict.TIE
        return Verdict.WIN if probability > 0.5 else Verdict.LOSE
