"""The revisions of a pair that are to choose from, and where each comes from."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome, Revision


class Origin(StrEnum):
    """How a candidate was made. The raw text itself is always one, and needs no revision."""

    GREEDY = "greedy"  # the model's likeliest tokens
    PREFILLED = "prefilled"  # the same with instruction and input given
    SAMPLED = "sampled"  # drawn
    PREFILLED_SAMPLED = "prefilled_sampled"  # drawn, with instruction and input given
    COPY_EDITED = "copy_edited"  # by the bundled coach
    RULES = "rules"  # by rules


MODELS = frozenset({Origin.GREEDY, Origin.PREFILLED, Origin.SAMPLED, Origin.PREFILLED_SAMPLED})
"""Origins that cost a model's time."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A revision of a pair."""

    origin: Origin
    revision: Revision

    @property
    def text(self) -> InstructionPair:
        return self.revision.revised

    @property
    def digest(self) -> str:
        """Of its text: the same text is the same candidate, wherever it comes from."""
        return self.text.id


def distinct(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Those with a text of their own, the first of each: fallbacks are the raw pair and not among them."""
    found: dict[str, Candidate] = {}
    for candidate in candidates:
        if candidate.revision.outcome is Outcome.REVISED:
            found.setdefault(candidate.digest, candidate)
    return list(found.values())
