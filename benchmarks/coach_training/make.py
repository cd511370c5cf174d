"""`make coach`: train the bundled coach, tune how sure it must be, measure it, and bundle it if it beats the rules.

COACHLM_DATA_DIR=… python -m benchmarks.coach_training.make --work FOLDER. Every step may be stopped and run again.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import torch

from benchmarks.coach import SHARE, measure
from benchmarks.coach_training.corpora import Part, misspellings, records
from benchmarks.coach_training.corruption import Damage, damaged_text
from benchmarks.coach_training.export import export
from benchmarks.coach_training.limits import damage_all, tune, worths
from benchmarks.coach_training.train import STEPS, train
from benchmarks.rules import damage
from reviser.coach.bundle import BUNDLE, CONFIG, MANIFEST, WEIGHTS, WORDS, read_bundle
from reviser.coach.engine import CoachReviser
from reviser.coach.lexicon import Lexicon
from reviser.coach.tagger import EditKind

ALLOWANCE = 0.02  # of clean pairs of the tuning part that may be changed; the bar is at 3 % of the test part
TUNE_PAIRS = 1_500
_CARD = "README.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of checkpoints and of what will be bundled")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--no-bundle", action="store_true", help="leave the package's own coach as it is")
    options = parser.parse_args()
    folder = os.environ.get("COACHLM_DATA_DIR")
    if not folder:
        sys.exit("set COACHLM_DATA_DIR to the folder of public data sets (docs/data.md)")
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
    """The folder of a trained and tuned coach."""
    checkpoint, made = train(data, work, steps), work / "bundle"
    lexicon = Lexicon.parse((work / "words.txt").read_text(encoding="utf-8"))
    export(checkpoint, work / "words.txt", made, lexicon)
    write_manifest(made, dict.fromkeys(EditKind, 2.0))  # nothing is ever so sure
    write_manifest(made, limits_for(data, CoachReviser(read_bundle(made)), lexicon))
    return made


def limits_for(data: Path, engine: CoachReviser, lexicon: Lexicon) -> dict[EditKind, float]:
    """On people's texts of the tuning part, half of the damage of either kind (see `benchmarks.coach`)."""
    pairs = [record.pair for record in records(data) if record.part is Part.TUNE and record.source == "dolly"]
    random.Random(5).shuffle(pairs)
    pairs = pairs[:TUNE_PAIRS]
    makes = Damage(lexicon, misspellings(data))
    half = len(pairs) // 2
    damaged = damage_all(pairs[:half], damage, 1)
    damaged += damage_all(pairs[half:], lambda text, rng: damaged_text(text, makes, SHARE, rng), 2)
    return tune(worths(engine, pairs, damaged), worths(engine, pairs, pairs), len(pairs), ALLOWANCE)


def write_manifest(folder: Path, limits: Mapping[EditKind, float]) -> None:
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in (WEIGHTS, WORDS, CONFIG)}
    manifest = {"sha256": digests, "limits": {str(kind): limit for kind, limit in limits.items()}}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")


def shortcomings(figures: Mapping[str, float | int]) -> list[str]:
    """What keeps a coach from being bundled: each line of the bar that it misses, or where rules are better."""
    bar = {
        "reduction below 30 %": figures["edit_distance_reduction"] >= 0.3,
        "more than 3 % of clean pairs changed": figures["clean_changed_share"] <= 0.03,
        "facts lost": figures["exact_copy_share"] >= 0.995,
        "invalid outputs": figures["invalid_share"] <= 0.02,
    }
    for name in ("edit_distance_reduction", "mixed_edit_distance_reduction", "exact_copy_share"):
        bar[f"rules better at {name}"] = figures[name] >= figures[f"rules_{name}"]
    for name in ("clean_changed_share", "invalid_share"):
        bar[f"rules better at {name}"] = figures[name] <= figures[f"rules_{name}"]
    return [line for line, kept in bar.items() if not kept]


def bundle(made: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for name in (WEIGHTS, WORDS, CONFIG, MANIFEST):
        shutil.copyfile(made / name, target / name)


if __name__ == "__main__":
    main()
