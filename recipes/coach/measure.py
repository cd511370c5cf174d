"""What the bundled coach is held to: the figures of the gate of `make coach`."""

import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from coachlm.pairs import InstructionPair
from coachlm.protocols.revising import Reviser
from coachlm.revision import Outcome, Revision
from recipes.coach.corpora import Part, misspellings, records
from recipes.coach.corruption import Damage, damaged_text
from recipes.coach.damage import damage, mending
from recipes.coach.facts import facts
from recipes.coach.jfleg import jfleg
from reviser.coach.base import read_base
from reviser.coach.bundle import read_bundle
from reviser.coach.reviser import CoachReviser
from reviser.rules.reviser import RulesReviser

SHARE = 0.1  # of words that are damaged


_INVALID = (Outcome.FALLBACK_INVALID, Outcome.FALLBACK_ERROR)


def measure(folder: Path, bundle_folder: Path, *, most: int) -> dict[str, float | int]:
    bundle = read_bundle(bundle_folder)
    held_out = [record for record in records(folder) if record.part is Part.TEST]
    dolly, others = (
        sample([record.pair for record in held_out if (record.source == "dolly") is wanted], most)
        for wanted in (True, False)
    )
    rng = random.Random(0)
    slips = [replace(pair, response=damage(pair.response, rng)) for pair in dolly]
    makes = Damage(bundle.lexicon, misspellings(folder))
    mixed = [replace(pair, response=damaged_text(pair.response, makes, SHARE, rng)) for pair in dolly]
    figures: dict[str, float | int] = {"records": len(dolly), "other_records": len(others)}
    base = CoachReviser(read_base(bundle_folder))
    for prefix, engine in (("", CoachReviser(bundle)), ("base_", base), ("rules_", RulesReviser())):
        found = engine_figures(engine, dolly, others, slips, mixed) | jfleg(folder / "corpora/jfleg", engine)
        figures |= {f"{prefix}{name}": value for name, value in found.items()}
    return figures


def sample(pairs: Sequence[InstructionPair], most: int) -> list[InstructionPair]:
    return random.Random(1).sample(list(pairs), min(most, len(pairs)))


def engine_figures(
    engine: Reviser,
    dolly: Sequence[InstructionPair],
    others: Sequence[InstructionPair],
    slips: Sequence[InstructionPair],
    mixed: Sequence[InstructionPair],
) -> dict[str, float | int]:
    given = [*slips, *mixed, *dolly, *others]
    began = time.process_time()
    revisions = engine.revise(given)
    seconds = time.process_time() - began
    first, second = len(slips), len(slips) + len(mixed)
    clean = revisions[second:]
    return {
        "edit_distance_reduction": reduction(dolly, slips, revisions[:first]),
        "mixed_edit_distance_reduction": reduction(dolly, mixed, revisions[first:second]),
        "clean_changed_share": changed_share(clean[: len(dolly)], dolly),
        "clean_changed_share_others": changed_share(clean[len(dolly) :], others),
        "exact_copy_share": copied_share(revisions, given),
        "invalid_share": sum(revision.outcome in _INVALID for revision in revisions) / len(revisions),
        "guarded_share": sum(revision.outcome is Outcome.FALLBACK_GUARD for revision in revisions) / len(revisions),
        "pairs_per_cpu_second": len(given) / seconds,
    }


def reduction(
    clean: Sequence[InstructionPair], damaged: Sequence[InstructionPair], revisions: Sequence[Revision]
) -> float:
    return mending(clean, damaged, lambda _: [revision.revised.response for revision in revisions]).reduction


def changed_share(revisions: Sequence[Revision], pairs: Sequence[InstructionPair]) -> float:
    """Of pairs of which any field was changed."""
    changes = sum(revision.revised != pair for revision, pair in zip(revisions, pairs, strict=True))
    return changes / max(len(pairs), 1)


def copied_share(revisions: Sequence[Revision], given: Sequence[InstructionPair]) -> float:
    """Of numbers, addresses, placeholders and code of the given pairs (each once a pair) those still there, exactly."""
    kept = found = 0
    for revision, pair in zip(revisions, given, strict=True):
        for field in ("instruction", "input", "response"):
            before, after = facts(getattr(pair, field)), facts(getattr(revision.revised, field))
            found += len(before)
            kept += len(before & after)
    return kept / max(found, 1)
