"""The revisions of a pair that are to choose from, and where each comes from."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome, Revision
from coachlm.text.guards import flags, refusal


class Origin(StrEnum):
    """How a candidate was made. The raw text itself is always one, and needs no revision."""

    GREEDY = "greedy"  # the model's likeliest tokens
    PREFILLED = "prefilled"  # the same with instruction and input given
    SAMPLED = "sampled"  # drawn
    PREFILLED_SAMPLED = "prefilled_sampled"  # drawn, with instruction and input given
    ASKED = "asked"  # the model's instruction and input, with the raw response
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


def asked(raw: InstructionPair, candidates: Iterable[Candidate]) -> list[Candidate]:
    """Of candidates that change question and answer, the question alone: a small model mends a question's language
    more surely than it answers. Tokens and time stay with the candidate that they come from."""
    found = []
    for candidate in distinct(candidates):
        text = replace(candidate.text, response=raw.response)
        changes_both = candidate.text.response != raw.response and not text.says_the_same(raw)
        if candidate.origin in MODELS and changes_both and refusal(raw, text) is None:
            free = replace(candidate.revision, prompt_tokens=0, output_tokens=0, seconds=0.0)
            found.append(Candidate(Origin.ASKED, replace(free, revised=text, flags=flags(raw, text))))
    return distinct(found)


def distinct(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Those with a text of their own, the first of each: fallbacks are the raw pair and not among them."""
    found: dict[str, Candidate] = {}
    for candidate in candidates:
        if candidate.revision.outcome is Outcome.REVISED:
            found.setdefault(candidate.digest, candidate)
    return list(found.values())
