"""How sure the coach must be of each kind of edit: most damage mended within an allowance of clean pairs changed.

Measured on pairs that it hasn't learned. Each proposal's worth is the edit distance to the wanted text that it saves or
costs.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from rapidfuzz.distance import Levenshtein

from coachlm.coaching.lessons import Companion
from coachlm.pairs import InstructionPair
from reviser.coach.base import MANIFEST, Bundle
from reviser.coach.choosing import NEVER, Limits, allowed
from reviser.coach.network import Network
from reviser.coach.reviser import CoachReviser
from reviser.coach.tagger import EditKind
from reviser.coach.tags import apply_edits
from reviser.coach.vetoes import without_meant

ALLOWANCE = 0.01  # of clean pairs that may be changed
ADAPTERS_ALLOWANCE = 0.03  # of people's final texts: at 1 % little that an adapter has learned is ever sure enough
_HARM = 2  # a character put in wrong weighs as much as so many put right
_ALL = Limits(dict.fromkeys(EditKind, 0.0), dict.fromkeys(EditKind, 0.0))
_REWRITTEN = 0.5  # of a text's characters: where people changed more, no single edit's worth can be told
_EVIDENCE = 8  # edits of a kind that people made too; with fewer the limits stay as they were
_LEVELS = (
    0.3,
    0.4,
    0.5,
    0.6,
    0.7,
    0.8,
    0.85,
    0.9,
    0.93,
    0.95,
    0.96,
    0.97,
    0.975,
    0.98,
    0.985,
    0.99,
    0.9925,
    0.995,
    0.998,
    0.999,
    NEVER,
)
_PRICE_STEP = 1.03


@dataclass(frozen=True, slots=True)
class Worth:
    """A proposal of a text: what it saves, in characters; negative on clean text or when it is wrong."""

    text: int
    kind: EditKind
    sure: float
    saved: int


def worths(engine: CoachReviser, wanted: Sequence[InstructionPair], given: Sequence[InstructionPair]) -> list[Worth]:
    """Every proposal for `given`, each weighed alone; none for texts that were mostly written anew."""
    found: list[Worth] = []
    drafts = engine.drafts(given)
    for draft, proposals in zip(drafts, engine.propose(drafts, given), strict=True):
        target = getattr(wanted[draft.pair], draft.field)
        text = draft.prose.restore(draft.words.text())
        before = Levenshtein.distance(text, target)
        if before > _REWRITTEN * max(len(text), len(target)):
            continue
        for each in without_meant(draft.words.tokens, allowed(draft, proposals), is_damaged=False):
            text = draft.prose.restore(apply_edits(draft.words, _ALL.edits(draft, [each])))
            found.append(Worth(draft.pair, each.kind, each.sure, before - Levenshtein.distance(text, target)))
    return found


def tune(
    damaged: Sequence[Worth], clean: Sequence[Worth], pairs: int, allowance: float, held: Limits | None = None
) -> Limits:
    """Limits with at most `allowance` of `pairs` clean pairs changed: first each kind alone against a price for a
    changed pair, the price then raised until the allowance is kept. Further edits pay for harm alone, and dearly.

    With `held`, kinds of which too little is known keep those limits.
    """
    good = Counter(worth.kind for worth in damaged if worth.saved > 0)
    kinds = [kind for kind in EditKind if held is None or good[kind] >= _EVIDENCE]
    first, further = ({}, {}) if held is None else (dict(held.first), dict(held.further))
    others = {kind: level for kind, level in first.items() if kind not in kinds}
    allowed_changes = allowance * pairs + changed(clean, others)
    further |= {kind: _best(kind, [_dear(worth) for worth in damaged], (), 0) for kind in kinds}
    price = 0.5
    while True:
        first |= {kind: _best(kind, damaged, clean, price) for kind in kinds}
        if changed(clean, first) <= allowed_changes or price > 1e4:
            return Limits(first, further)
        price *= _PRICE_STEP


def _dear(worth: Worth) -> Worth:
    return worth if worth.saved > 0 else replace(worth, saved=_HARM * min(worth.saved, -1))


def changed(clean: Sequence[Worth], limits: Mapping[EditKind, float]) -> int:
    return len({worth.text for worth in clean if worth.sure >= limits.get(worth.kind, NEVER)})


def _best(kind: EditKind, damaged: Sequence[Worth], clean: Sequence[Worth], price: float) -> float:
    mine = [worth for worth in damaged if worth.kind is kind]
    theirs = [worth for worth in clean if worth.kind is kind]

    def gain(level: float) -> float:
        saved = sum(worth.saved for worth in mine if worth.sure >= level)
        return saved - price * len({worth.text for worth in theirs if worth.sure >= level})

    return max(_LEVELS, key=lambda level: (gain(level), level))


def companion(
    bundle: Bundle, weights: Mapping[str, np.ndarray], pairs: Sequence[tuple[InstructionPair, InstructionPair]]
) -> Companion:
    """Limits for a coach with these weights, found on pairs of people's; what people approved counts as clean."""
    engine = CoachReviser(replace(bundle, network=Network(weights, bundle.network.shape)))
    raw, revised = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    allowance = max(ADAPTERS_ALLOWANCE, 1 / max(len(pairs), 1))  # one odd pair forbids no kind of edit
    limits = tune(
        worths(engine, revised, raw), worths(engine, revised, revised), len(pairs), allowance, held=bundle.limits
    )
    levels = {"first": dict(limits.first), "further": dict(limits.further)}
    content = json.dumps({"base": bundle.digest, "limits": levels}, indent=2, sort_keys=True) + "\n"
    return Companion({MANIFEST: content.encode()}, {"limits": levels, "pairs_for_limits": len(pairs)})
