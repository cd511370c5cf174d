"""What a log's own tools and users say about an answer, as it is stored beside a pair: marks, scores, labels.

`Provenance.extra` holds them: `signals` (values by the names that the log gives them), `mark` (`good` or `bad`, where
they say so) and `mark_from` (which of them say that it is bad).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_GOOD = _words(
    "good like liked thumbs_up thumbsup thumb_up up upvote upvoted positive helpful yes true chosen desirable"
    " accept accepted approve approved correct pass passed satisfied 👍 +1 great excellent win"
)
_BAD = _words(
    "bad dislike disliked thumbs_down thumbsdown thumb_down down downvote downvoted negative unhelpful"
    " not_helpful no false rejected undesirable reject incorrect wrong fail failed dissatisfied unsatisfied 👎"
    " -1 poor terrible harmful lose"
)
_FIRST_SHOWN = 12
_FIRST_ANSWERS = 5
_LONGEST_SHOWN = 20_000


class Mark(IntEnum):
    """What the signals of an answer come to."""

    BAD = -1
    NONE = 0
    GOOD = 1


def opinion_of(word: str) -> bool | None:
    """Whether a word of a rating speaks for the answer; None: it is no such word."""
    plain = word.strip().lower()
    plain = plain if plain in ("-1", "+1") else plain.replace(" ", "_").replace("-", "_")
    if plain in _GOOD:
        return True
    return False if plain in _BAD else None


def mark_of(extra: Mapping[str, object]) -> Mark:
    match extra.get("mark"):
        case "bad":
            return Mark.BAD
        case "good":
            return Mark.GOOD
    return Mark.NONE


def signals_of(extra: Mapping[str, object]) -> dict[str, object]:
    """Values by the names that the log gives them."""
    found = extra.get("signals")
    return dict(found) if isinstance(found, Mapping) else {}


def as_number(value: object) -> float | None:
    """A signal's value to compare: yes and words of praise are 1, no and words of blame -1; None: it is neither."""
    if isinstance(value, bool):
        return 1.0 if value else -1.0
    if isinstance(value, int | float):
        return float(value)
    if not isinstance(value, str):
        return None
    opinion = opinion_of(value)
    if opinion is not None:
        return 1.0 if opinion else -1.0
    try:
        return float(value)
    except ValueError:
        return None


def signals_in_words(extra: Mapping[str, object]) -> tuple[str, ...]:
    """Each as `name: value`, for people."""
    found = list(signals_of(extra).items())[:_FIRST_SHOWN]
    return tuple(f"{name}: {_in_words(value)}" for name, value in found)


def _in_words(value: object) -> str:
    match value:
        case None:
            return "given"
        case True:
            return "yes"
        case False:
            return "no"
    return str(value).replace("_", " ")


class Opinion(StrEnum):
    """What the log's own marks say of the answer."""

    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class LogRemarks:
    """What the log says about an answer, for people who work on it; the same in both arms."""

    opinion: Opinion | None = None
    signals: tuple[str, ...] = ()  # in words: `thumbs: down`
    maybe_cut: bool = False  # it ends in mid-sentence, and the log doesn't say how it ended
    reasoning: str = ""  # what the model thought before it answered; long ones are cut
    rejected: tuple[str, ...] = ()  # answers that lost against this one

    def in_words(self) -> list[str]:
        """Sentences for people, without the long texts."""
        told = f" ({', '.join(self.signals)})" if self.signals else ""
        said = [f"the log calls this answer {self.opinion}{told}"] if self.opinion else []
        if self.signals and not self.opinion:
            said.append(f"the log says of this answer: {', '.join(self.signals)}")
        return [*said, "the answer ends in mid-sentence: it may be cut"] if self.maybe_cut else said


NO_REMARKS = LogRemarks()


def remarks_in(extra: Mapping[str, object]) -> LogRemarks:
    """Of a pair's `Provenance.extra`."""
    reasoning, rejected = extra.get("reasoning"), extra.get("rejected")
    answers = rejected if isinstance(rejected, Sequence) and not isinstance(rejected, str) else ()
    mark = mark_of(extra)
    return LogRemarks(
        opinion={Mark.GOOD: Opinion.GOOD, Mark.BAD: Opinion.BAD}.get(mark),
        signals=signals_in_words(extra),
        maybe_cut=bool(extra.get("maybe_cut")),
        reasoning=_shortened(reasoning) if isinstance(reasoning, str) else "",
        rejected=tuple(_shortened(answer) for answer in answers[:_FIRST_ANSWERS] if isinstance(answer, str)),
    )


def _shortened(text: str) -> str:
    left = len(text) - _LONGEST_SHOWN
    return text if left <= 0 else f"{text[:_LONGEST_SHOWN]} … {left:,} characters more"
