"""Rates a data set by a judge, a bounded number of questions at a time; what failed is counted and in no figure."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

from coachlm.desk.rubric import Part
from coachlm.pairs import InstructionPair
from evaluation.judges.answers import MENDABLE, Failure, Rating, RubricRating
from evaluation.judges.prompts import rating_prompt, rubric_prompt
from evaluation.judges.servers.openai import Answers, Estimate, OpenAIJudge, Spending
from evaluation.ratings.summary import RatingSummary, summarise_ratings

CHUNK = 500
EXPERT_LEVEL = 95
"""Experts revise until a pair has this score. Source: paper §II-E2."""


class RatingProtocol(StrEnum):
    """What is asked of each pair."""

    ACCURACY = "accuracy"  # the response, 0 to 5 (AlpaGasus)
    RUBRIC = "rubric"  # instruction and response, 0 to 100, by Table II


@dataclass(frozen=True, slots=True)
class RubricSummary:
    """Means of both scores, and how often each dimension was flawed."""

    count: int
    instruction: float
    response: float
    share_expert_level: float  # both scores at least EXPERT_LEVEL
    flaws: dict[str, int]
    capped: int  # ratings whose stated score was above what their flaws allow


@dataclass(frozen=True, slots=True)
class RatedSet:
    """`complete`: nothing failed that another run may mend. Figures are over `usable` of `pairs`."""

    name: str
    pairs: int
    usable: int
    failures: dict[str, int]
    complete: bool
    spending: Spending
    ratings: RatingSummary | None
    rubric: RubricSummary | None


Row = dict[str, Any]


def estimate(judge: OpenAIJudge, pairs: Iterable[InstructionPair], protocol: RatingProtocol) -> Estimate:
    ask = rating_prompt if protocol is RatingProtocol.ACCURACY else rubric_prompt
    total = judge.estimate([])
    for chunk in _chunks(pairs):
        total += judge.estimate([ask(pair) for pair in chunk])
    return total


def rate_set(
    judge: OpenAIJudge,
    name: str,
    pairs: Iterable[InstructionPair],
    protocol: RatingProtocol,
    *,
    keep: Callable[[Row], None] = lambda _: None,
    on_pairs: Callable[[int], None] = lambda _: None,
) -> RatedSet:
    """`keep` gets every pair with its score or failure, in order. A server that is gone is not asked on and on: the
    rest of the pairs count as not asked."""
    tally = _Tally(protocol)
    gone = False
    for chunk in _chunks(pairs):
        answers = _gone(chunk, judge) if gone else asyncio.run(_rate(judge, chunk, protocol))
        gone = gone or Failure.NOT_ASKED in answers.failures
        for pair, answer in zip(chunk, answers.answers, strict=True):
            keep(_row(pair, answer))
        tally.add(answers)
        on_pairs(len(chunk))
    return tally.result(name)


def _chunks(pairs: Iterable[InstructionPair]) -> Iterator[list[InstructionPair]]:
    waiting = iter(pairs)
    while chunk := list(islice(waiting, CHUNK)):
        yield chunk


async def _rate(judge: OpenAIJudge, pairs: Sequence[InstructionPair], protocol: RatingProtocol) -> Answers[Any]:
    return await (judge.rate(pairs) if protocol is RatingProtocol.ACCURACY else judge.rate_by_rubric(pairs))


def _gone(pairs: Sequence[InstructionPair], judge: OpenAIJudge) -> Answers[Any]:
    nothing = judge.spending
    return Answers([Failure.NOT_ASKED] * len(pairs), Spending(0, 0, 0, 0, None if nothing.cost is None else 0.0))


def _row(pair: InstructionPair, answer: Rating | RubricRating | Failure) -> Row:
    row: Row = {"id": pair.id, **pair.as_dict()}
    match answer:
        case Failure():
            return row | {"failure": answer.value}
        case Rating():
            return row | {"score": answer.score, "rationale": answer.rationale}
        case RubricRating():
            flaws = sorted(flaw.value for flaw in answer.scores.flaws)
            scores = {"instruction_score": answer.scores.instruction, "response_score": answer.scores.response}
            return row | scores | {"flaws": flaws, "rationale": answer.rationale}


class _Tally:
    def __init__(self, protocol: RatingProtocol) -> None:
        self._protocol = protocol
        self._pairs = 0
        self._failures: Counter[Failure] = Counter()
        self._scores: list[float] = []
        self._rubric: Counter[str] = Counter()
        self._flaws: Counter[str] = Counter()
        self._spending: Spending | None = None

    def add(self, answers: Answers[Any]) -> None:
        self._pairs += len(answers.answers)
        self._failures.update(answers.failures)
        self._spending = answers.spending if self._spending is None else self._spending + answers.spending
        for answer in answers.usable:
            if isinstance(answer, Rating):
                self._scores.append(answer.score)
            else:
                self._add_rubric(answer)

    def _add_rubric(self, answer: RubricRating) -> None:
        scores = answer.scores
        self._rubric.update({Part.INSTRUCTION: scores.instruction, Part.RESPONSE: scores.response, "count": 1})
        self._rubric["expert"] += min(scores.instruction, scores.response) >= EXPERT_LEVEL
        self._rubric["capped"] += bool(answer.capped)
        self._flaws.update(flaw.value for flaw in scores.flaws)

    def result(self, name: str) -> RatedSet:
        """Figures over nothing are None, not 0."""
        usable = len(self._scores) + self._rubric["count"]
        return RatedSet(
            name=name,
            pairs=self._pairs,
            usable=usable,
            failures={failure.value: count for failure, count in self._failures.most_common()},
            complete=not self._failures.keys() & MENDABLE,
            spending=self._spending or Spending(0, 0, 0, 0, None),
            ratings=summarise_ratings(self._scores) if self._scores else None,
            rubric=self._rubric_summary() if self._rubric["count"] else None,
        )

    def _rubric_summary(self) -> RubricSummary:
        found, count = self._rubric, self._rubric["count"]
        return RubricSummary(
            count=count,
            instruction=found[Part.INSTRUCTION] / count,
            response=found[Part.RESPONSE] / count,
            share_expert_level=found["expert"] / count,
            flaws=dict(self._flaws.most_common()),
            capped=found["capped"],
        )
