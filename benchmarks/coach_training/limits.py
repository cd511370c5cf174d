"""How sure the coach must be of each kind of edit: most damage mended within an allowance of clean pairs changed.

Measured on the tuning part alone. Each proposal's worth is the edit distance to the clean text that it saves or costs.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from rapidfuzz.distance import Levenshtein

from coachlm.pairs import InstructionPair
from reviser.coach.engine import CoachReviser, Draft, chosen
from reviser.coach.tagger import EditKind, Proposal
from reviser.coach.tags import apply_edits

_NEVER = 2.0
_ALL = dict.fromkeys(EditKind, 0.0)
_LEVELS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999, _NEVER)


@dataclass(frozen=True, slots=True)
class Worth:
    """A proposal of a text: what it saves, in characters; negative on clean text or when it is wrong."""

    text: int
    kind: EditKind
    sure: float
    saved: int


def worths(engine: CoachReviser, clean: Sequence[InstructionPair], given: Sequence[InstructionPair]) -> list[Worth]:
    """Every proposal for `given`, each weighed alone."""
    found: list[Worth] = []
    drafts = engine.drafts(given)
    for draft, proposals in zip(drafts, engine.propose(drafts, given), strict=True):
        wanted = getattr(clean[draft.pair], draft.field)
        before = Levenshtein.distance(draft.prose.restore(draft.words.text()), wanted)
        for proposal in proposals:
            text = mended(draft, proposal)
            if text is not None:
                found.append(
                    Worth(draft.pair, proposal.kind, proposal.sure, before - Levenshtein.distance(text, wanted))
                )
    return found


def mended(draft: Draft, proposal: Proposal) -> str | None:
    edits = chosen(draft, [proposal], _ALL)
    text = apply_edits(draft.words, edits)
    return None if text == draft.words.text() else draft.prose.restore(text)


def tune(damaged: Sequence[Worth], clean: Sequence[Worth], pairs: int, allowance: float) -> dict[EditKind, float]:
    """Limits with at most `allowance` of `pairs` clean pairs changed: first each kind alone against a price for a
    changed pair, the price then raised until the allowance is kept."""
    price = 0.0
    while True:
        limits = {kind: _best(kind, damaged, clean, price) for kind in EditKind}
        if changed(clean, limits) <= allowance * pairs or price > 1e4:
            return limits
        price = max(price * 1.15, 0.5)


def changed(clean: Sequence[Worth], limits: Mapping[EditKind, float]) -> int:
    return len({worth.text for worth in clean if worth.sure >= limits[worth.kind]})


def _best(kind: EditKind, damaged: Sequence[Worth], clean: Sequence[Worth], price: float) -> float:
    mine = [worth for worth in damaged if worth.kind is kind]
    theirs = [worth for worth in clean if worth.kind is kind]

    def gain(level: float) -> float:
        saved = sum(worth.saved for worth in mine if worth.sure >= level)
        return saved - price * len({worth.text for worth in theirs if worth.sure >= level})

    return max(_LEVELS, key=lambda level: (gain(level), level))


def damage_all(
    pairs: Sequence[InstructionPair], damage: Callable[[str, random.Random], str], seed: int
) -> list[InstructionPair]:
    """The pairs with their responses damaged."""
    rng = random.Random(seed)
    return [replace(pair, response=damage(pair.response, rng)) for pair in pairs]
