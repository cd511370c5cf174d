"""`make coach`: train the bundled coach's base, tune its adapter and how sure they must be, measure, and bundle what
beats the rules and its base.

COACHLM_DATA_DIR=… python -m recipes.coach.make --work FOLDER. Every step may be stopped and run again.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch

from coachlm.pairs import InstructionPair
from recipes.coach.adapter import ship, tune_adapter
from recipes.coach.corpora import Part, misspellings, records
from recipes.coach.corruption import Damage, damaged_text
from recipes.coach.damage import damage
from recipes.coach.export import export
from recipes.coach.measure import SHARE, measure
from recipes.coach.train import STEPS, train
from reviser.coach.adapted import with_adapter
from reviser.coach.base import CONFIG, MANIFEST, WEIGHTS, WORDS, read_base
from reviser.coach.bundle import ADAPTER, BUNDLE
from reviser.coach.choosing import Limits
from reviser.coach.lexicon import Lexicon
from reviser.coach.reviser import CoachReviser
from reviser.coach.tagger import EditKind
from reviser.coach.teaching.calibration import ALLOWANCE, changed, tune, worths
from reviser.models.adapter import read_adapter

_CARD = "README.md"
_WORDS = 0.9  # the base's limit
_SLACK = 0.001  # of clean pairs that an adapter may change more than its base


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of checkpoints and of what will be bundled")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-bundle", action="store_true", help="leave the package's own coach as it is")
    options = parser.parse_args()
    folder = os.environ.get("COACHLM_DATA_DIR")
    if not folder:
        sys.exit("set COACHLM_DATA_DIR to the folder of public data sets (docs/reference/public-data.md)")
    torch.set_num_threads(options.threads)
    made = make(Path(folder), options.work, options.steps)
    figures = measure(Path(folder), made, most=3_000)
    print(json.dumps(figures, indent=2))
    short = shortcomings(figures)
    if short:
        sys.exit("not bundled: " + "; ".join(short))
    if not options.no_bundle:
        bundle(made, BUNDLE)
        print(f"bundled; write the figures into {BUNDLE / _CARD}")


def make(data: Path, work: Path, steps: int) -> Path:
    """The folder of a trained coach: a base and the adapter tuned on it."""
    checkpoint, made = train(data, work, steps), work / "bundle"
    lexicon = Lexicon.parse((work / "words.txt").read_text(encoding="utf-8"))
    export(checkpoint, work / "words.txt", made, lexicon)
    write_manifest(made, Limits({}, {}))  # nothing is ever sure enough
    limits, share = limits_for(data, CoachReviser(read_base(made)), lexicon, ALLOWANCE)
    write_manifest(made, limits)
    adapter = tune_adapter(data, made, work, lexicon)
    adapted = CoachReviser(with_adapter(read_base(made), read_adapter(adapter)))
    limits, _ = limits_for(data, adapted, lexicon, share)
    ship(adapter, made, careful(limits))
    return made


def limits_for(data: Path, engine: CoachReviser, lexicon: Lexicon, allowance: float) -> tuple[Limits, float]:
    """Limits, and the share of clean pairs changed with them. An adapter gets its base's share as its allowance: at
    another one it would look like a trade of mending against harm.

    On the tuning part: damage, of either kind (see `benchmarks.coach`), to people's texts; clean, all of it.
    """
    found = [record for record in records(data) if record.part is Part.TUNE]
    people = [record.pair for record in found if record.source == "dolly"]
    clean = people + [record.pair for record in found if record.source != "dolly"]
    makes = Damage(lexicon, misspellings(data))
    damaged = damage_all(people, damage, 1)
    damaged += damage_all(people, lambda text, rng: damaged_text(text, makes, SHARE, rng), 2)
    edits = worths(engine, [*people, *people], damaged)
    on_clean = worths(engine, clean, clean)
    limits = tune(edits, on_clean, len(clean), allowance)
    return limits, changed(on_clean, limits.first) / len(clean)


def careful(limits: Limits) -> Limits:
    """A word of English for another is put in for good reasons alone: at less the adapter made `and` of `ad`."""
    first, further = (
        {**each, EditKind.WORD: max(each[EditKind.WORD], _WORDS)} for each in (limits.first, limits.further)
    )
    return Limits(first, further)


def damage_all(
    pairs: Sequence[InstructionPair], damage: Callable[[str, random.Random], str], seed: int
) -> list[InstructionPair]:
    """The pairs with their responses damaged."""
    rng = random.Random(seed)
    return [replace(pair, response=damage(pair.response, rng)) for pair in pairs]


def write_manifest(folder: Path, limits: Limits) -> None:
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (WEIGHTS, WORDS, CONFIG)}
    manifest = {"sha256": digests, "limits": {"first": limits.first, "further": limits.further}}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def shortcomings(figures: Mapping[str, float | int]) -> list[str]:
    """What keeps a coach from being bundled: each line of the bar that it misses, or where rules or its base, without
    the adapter, are better."""
    bar = {
        "reduction below 30 %": figures["edit_distance_reduction"] >= 0.3,
        "more than 3 % of clean pairs changed": figures["clean_changed_share"] <= 0.03,
        "facts lost": figures["exact_copy_share"] >= 0.995,
        "invalid outputs": figures["invalid_share"] <= 0.02,
    }
    for name in ("edit_distance_reduction", "mixed_edit_distance_reduction", "exact_copy_share"):
        bar[f"rules better at {name}"] = figures[name] >= figures[f"rules_{name}"]
        bar[f"base better at {name}"] = figures[name] >= figures[f"base_{name}"]
    for name in ("clean_changed_share", "clean_changed_share_others", "invalid_share"):
        bar[f"rules better at {name}"] = figures[name] <= figures[f"rules_{name}"]
        bar[f"base better at {name}"] = figures[name] <= figures[f"base_{name}"] + _SLACK
    return [line for line, kept in bar.items() if not kept]


def bundle(made: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for name in (WEIGHTS, WORDS, CONFIG, MANIFEST):
        shutil.copyfile(made / name, target / name)
    shutil.rmtree(target / ADAPTER, ignore_errors=True)
    shutil.copytree(made / ADAPTER, target / ADAPTER, copy_function=shutil.copyfile)


if __name__ == "__main__":
    main()
