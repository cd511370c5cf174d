"""How sure the coach must be of each kind of edit: most damage mended within an allowance of clean pairs changed.

Measured on the tuning part alone. Each proposal's worth is the edit distance to the clean text that it saves or costs.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from rapidfuzz.distance import Levenshtein

from coachlm.pairs import InstructionPair
from reviser.coach.choosing import NEVER, Limits, allowed
from reviser.coach.engine import CoachReviser
from reviser.coach.tagger import EditKind
from reviser.coach.tags import apply_edits

_HARM = 2  # a character put in wrong weighs as much as so many put right
_ALL = Limits(dict.fromkeys(EditKind, 0.0), dict.fromkeys(EditKind, 0.0))
_LEVELS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999, NEVER)


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
        for each in allowed(draft, proposals):
            text = draft.prose.restore(apply_edits(draft.words, _ALL.edits(draft, [each])))
            found.append(Worth(draft.pair, each.kind, each.sure, before - Levenshtein.distance(text, wanted)))
    return found


def tune(damaged: Sequence[Worth], clean: Sequence[Worth], pairs: int, allowance: float) -> Limits:
    """Limits with at most `allowance` of `pairs` clean pairs changed: first each kind alone against a price for a
    changed pair, the price then raised until the allowance is kept. Further edits pay for harm alone, and dearly."""
    further = {kind: _best(kind, [_dear(worth) for worth in damaged], (), 0) for kind in EditKind}
    price = 0.5
    while True:
        first = {kind: _best(kind, damaged, clean, price) for kind in EditKind}
        if changed(clean, first) <= allowance * pairs or price > 1e4:
            return Limits(first, further)
        price *= 1.15


def _dear(worth: Worth) -> Worth:
    return worth if worth.saved > 0 else replace(worth, saved=_HARM * min(worth.saved, -1))


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
