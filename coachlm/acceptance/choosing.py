"""Choosing: the candidate that is likeliest to save work, or the raw text where none is likely enough."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from coachlm.acceptance.candidates import Candidate, distinct
from coachlm.acceptance.features import NOTHING, Beside, measure
from coachlm.acceptance.model import AcceptanceModel
from coachlm.pairs import InstructionPair
from coachlm.revision import NOT_ACCEPTED, Outcome, Revision

ACCEPTED = "accepted"


@dataclass(frozen=True, slots=True)
class Weighed:
    """A candidate with its probability, and what speaks for and against it."""

    candidate: Candidate
    probability: float
    reasons_for: tuple[str, ...]
    reasons_against: tuple[str, ...]


def weigh(
    raw: InstructionPair, candidates: Sequence[Candidate], model: AcceptanceModel, beside: Beside = NOTHING
) -> list[Weighed]:
    """Those with texts of their own, the best first; of equal ones the first in the order that they came in."""
    own = distinct(candidates)
    weighed = [
        Weighed(
            candidate,
            model.probability(figures),
            tuple(model.reasons(figures)),
            tuple(model.reasons(figures, against=True)),
        )
        for candidate, figures in zip(own, measure(raw, own, beside), strict=True)
    ]
    return sorted(weighed, key=lambda each: -each.probability)


def choose(
    raw: InstructionPair, candidates: Sequence[Candidate], weighed: Sequence[Weighed], threshold: float
) -> Revision:
    """The revision that people see: its reason says which candidate it is, how likely it saves work, and why.

    `candidates` are all that there were, valid or not, at least one: the first stamps the revision, and says why there
    is nothing to choose from if so. Tokens and seconds are those of all candidates.
    """
    made = [each.revision for each in candidates]
    found = _best(raw, weighed[0], threshold) if weighed else _nothing(made)
    return replace(
        found,
        engine=made[0].engine,
        adapter=made[0].adapter,
        prompt_tokens=sum(each.prompt_tokens for each in made),
        output_tokens=sum(each.output_tokens for each in made),
        seconds=sum(each.seconds for each in made),
    )


def _nothing(made: Sequence[Revision]) -> Revision:
    """Where an attempt left the pair as it is, that; else the first one's failure."""
    return next((each for each in made if each.outcome is Outcome.UNCHANGED), made[0])


def _best(raw: InstructionPair, best: Weighed, threshold: float) -> Revision:
    revision = best.candidate.revision
    if best.probability >= threshold:
        said = _sentence(f"{ACCEPTED}_{best.candidate.origin}", best, best.reasons_for)
        return replace(revision, reason=said)
    said = _sentence(NOT_ACCEPTED, best, best.reasons_against)
    return replace(revision, revised=raw, outcome=Outcome.FALLBACK_GUARD, reason=said, flags=())


def _sentence(kind: str, weighed: Weighed, reasons: Sequence[str]) -> str:
    why = f": {'; '.join(reasons)}" if reasons else ""
    return f"{kind}: {100 * weighed.probability:.0f} % likely to save work{why}"
