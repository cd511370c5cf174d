"""What a judge's text says, or why it says nothing usable: a figure is taken only where it is in no doubt."""

# See docs/decisions/0052-ambiguous-verdicts-are-failures.md

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from coachlm.desk.rubric import Dimension, Part, Scores, score_cap
from coachlm.text.json_objects import objects_in
from evaluation.judges.judging import Verdict


class Failure(StrEnum):
    """Why a question to a judge has no answer."""

    NO_VERDICT = "no_verdict"  # refused, or text without the figures asked for
    AMBIGUOUS = "ambiguous"  # several sets of figures that differ
    OUT_OF_RANGE = "out_of_range"
    CUT_OFF = "cut_off"  # the answer hit the token limit before its figures
    MALFORMED = "malformed"  # the server's body is no chat completion
    REJECTED = "rejected"  # a client error: key, model, request too long
    RATE_LIMITED = "rate_limited"  # still, after all retries
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    NOT_ASKED = "not_asked"  # the run gave up on the server before
    TOO_LONG = "too_long"  # the question doesn't fit a local model's context


MENDABLE = frozenset(
    {
        Failure.REJECTED,
        Failure.RATE_LIMITED,
        Failure.SERVER_ERROR,
        Failure.TIMEOUT,
        Failure.UNREACHABLE,
        Failure.NOT_ASKED,
    }
)
"""Failures of the server or the way to it: the same question may be answered another time."""


class AnswerError(ValueError):
    """A judge's text holds no usable answer; `message` is what its server said of that, `of_all` whether it
    would say so of every question."""

    def __init__(self, failure: Failure, message: str = "", *, of_all: bool = False) -> None:
        super().__init__(failure.value)
        self.failure = failure
        self.message = message
        self.of_all = of_all


@dataclass(frozen=True, slots=True)
class PairwiseAnswer:
    """Scores from 0 to 10 of the answers shown first and second."""

    first: float
    second: float
    reason: str

    @property
    def verdict(self) -> Verdict:
        if self.first == self.second:
            return Verdict.TIE
        return Verdict.WIN if self.first > self.second else Verdict.LOSE


@dataclass(frozen=True, slots=True)
class Rating:
    """Accuracy of a response, 0 to 5."""

    score: float
    rationale: str


@dataclass(frozen=True, slots=True)
class RubricRating:
    """Scores within the rubric; `capped` names the parts whose stated score was above what their flaws allow."""

    scores: Scores
    rationale: str
    capped: frozenset[Part] = frozenset()


Answer = TypeVar("Answer")
Plain = Callable[[str], dict[str, Any] | None]
_PLAIN_SCORES = re.compile(r"\s*+(\d++(?:\.\d++)?+)[ ,\t]++(\d++(?:\.\d++)?+)[^\S\n]*+(?:\n|\Z)")
_PLAIN_SCORE = re.compile(
    r"\s*+(?:score\s*+(?:[:=]\s*+)?)?(\d++(?:\.\d++)?+)(?:\s*+/\s*+5)?+[^\S\n]*+(?:\n|\Z)", re.IGNORECASE
)


def read_pairwise(text: str) -> PairwiseAnswer:
    """The JSON object asked for, or two numbers alone in the first line.

    Raises: AnswerError.
    """

    def read(found: dict[str, Any]) -> PairwiseAnswer:
        return PairwiseAnswer(_number(found["a"], 10), _number(found["b"], 10), str(found.get("reason", "")))

    def plain(text: str) -> dict[str, Any] | None:
        found = _PLAIN_SCORES.match(text)
        return found and {"a": float(found[1]), "b": float(found[2]), "reason": text}

    return _only(text, {"a", "b"}, read, plain)


def read_rating(text: str) -> Rating:
    """The JSON object asked for, or a number alone in the first line.

    Raises: AnswerError.
    """

    def read(found: dict[str, Any]) -> Rating:
        return Rating(_number(found["score"], 5), str(found.get("rationale", "")))

    def plain(text: str) -> dict[str, Any] | None:
        found = _PLAIN_SCORE.match(text)
        return found and {"score": float(found[1]), "rationale": text}

    return _only(text, {"score"}, read, plain)


def read_rubric(text: str) -> RubricRating:
    """The JSON object asked for; scores above what the flaws allow are capped.

    Raises: AnswerError.
    """
    return _only(text, {"instruction", "response", "flaws"}, _rubric, lambda _: None)


def _rubric(found: dict[str, Any]) -> RubricRating:
    if not isinstance(found["flaws"], list):
        raise AnswerError(Failure.NO_VERDICT)
    flaws = frozenset(_dimension(name) for name in found["flaws"])
    scores: dict[Part, int] = {}
    capped: set[Part] = set()
    for part in Part:
        cap = score_cap(part, flaws)
        stated = round(_number(found[part.value], 100))
        if stated > cap:
            capped.add(part)
        scores[part] = min(stated, cap)
    rationale = str(found.get("rationale", ""))
    return RubricRating(Scores(scores[Part.INSTRUCTION], scores[Part.RESPONSE], flaws), rationale, frozenset(capped))


def _dimension(name: object) -> Dimension:
    try:
        return Dimension(str(name).strip().lower().replace(" ", "_"))
    except ValueError:
        raise AnswerError(Failure.NO_VERDICT) from None


def _only(text: str, keys: set[str], read: Callable[[dict[str, Any]], Answer], plain_of: Plain) -> Answer:
    """The one answer that a text holds after the model's thoughts; the same figures said twice are one."""
    text = _after_thoughts(text)
    plain = plain_of(text)
    found = [each for each in objects_in(text) if keys <= each.keys()]
    if not found and plain is not None:
        found = [plain]
    if not found:
        raise AnswerError(Failure.NO_VERDICT)
    if any(each[key] != found[0][key] for each in found[1:] for key in keys):
        raise AnswerError(Failure.AMBIGUOUS)
    return read(found[-1])


def _after_thoughts(text: str) -> str:
    """Raises: AnswerError, when the thoughts have no end."""
    thoughts, end, answer = text.rpartition("</think>")
    if not end and "<think>" in thoughts + answer:
        raise AnswerError(Failure.CUT_OFF)
    return answer


def _number(value: object, highest: float) -> float:
    """A finite number from 0 to `highest`; "8/10" and digits in quotes count, true and false don't."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise AnswerError(Failure.NO_VERDICT)
    if isinstance(value, str):
        value = value.strip().removesuffix(f"/{highest:g}")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise AnswerError(Failure.NO_VERDICT) from None
    if not (math.isfinite(number) and 0 <= number <= highest):
        raise AnswerError(Failure.OUT_OF_RANGE)
    return number
