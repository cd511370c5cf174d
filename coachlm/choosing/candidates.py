"""What is chosen from: a pair with what is known of it, and the signals that speak for looking at it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from coachlm.pairs import InstructionPair
from coachlm.text.duplicates.words import words_of

_TEMPLATE_WORDS = 6


class Signal(StrEnum):
    """What makes a pair worth people's time; each from 0 to 1."""

    FEEDBACK = "feedback"  # the log holds a user's verdict: a thumbs down most
    SCORE = "score"  # an outside rating, in the direction that is preferred
    CHANGE = "change"  # how much the coach changed
    DISAGREEMENT = "disagreement"  # how far several ratings lie apart


class Group(StrEnum):
    """By what a quota counts."""

    CLASS = "class"
    SOURCE = "source"
    DAY = "day"
    TEMPLATE = "template"  # how the request begins and ends, numbers aside


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pair that may be chosen."""

    id: str
    pair: InstructionPair
    signals: dict[Signal, float] = field(default_factory=dict)
    task_class: str = ""
    source: str = ""
    at: datetime | None = None

    def group(self, by: Group) -> str:
        match by:
            case Group.CLASS:
                return self.task_class
            case Group.SOURCE:
                return self.source
            case Group.DAY:
                return "" if self.at is None else self.at.date().isoformat()
            case Group.TEMPLATE:
                return template_of(self.pair.instruction)


def template_of(request: str) -> str:
    """The first and last words of a request, numbers as `#`: what requests made from one template share."""
    words = ["#" if any(48 <= code <= 57 for code in w) else w.decode(errors="replace") for w in words_of(request)]
    if len(words) <= 2 * _TEMPLATE_WORDS:
        return " ".join(words)
    return f"{' '.join(words[:_TEMPLATE_WORDS])} … {' '.join(words[-_TEMPLATE_WORDS:])}"
