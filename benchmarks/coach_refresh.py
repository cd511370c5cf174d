"""What the bundled coach learns from post-edits: `coachlm train --base coach` before and after, on held-out pairs.

Two worlds. `habit`: Dolly's held-out pairs, damaged at one word in twenty as a model's answers may be, post-edited by
people who mend the damage and have habits that tags can say: a comma before the `and` of a list, one after `However`
and its like, `toward` for `towards`. The peers are the bundled coach without an adapter and the rules. `experts`: the
paper's published expert revisions, split by instruction, for α = 0.3 and 1.0; they rewrite, so little is expected. What
is left to edit is in characters a pair, nats are per token of the people's edits. Nothing of either is shipped.
"""

import argparse
import json
import os
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from assembly.coach_kinds import kind_of
from coachlm.pairs import content_hash
from coachlm.revision import Outcome
from coachlm.text.distance import pair_distances
from recipes.coach.corpora import Part, misspellings, records
from recipes.coach.corruption import Damage, damaged_text
from reviser.coach.adapted import with_adapter
from reviser.coach.bundle import read_bundle
from reviser.coach.reviser import CoachReviser
from reviser.models.adapter import read_adapter
from reviser.rules.reviser import RulesReviser
from trainer.plan.revisions import ExpertRevision, Source, read_revisions
from trainer.run import train_coach

Pairs = Sequence[ExpertRevision]
_LIST = re.compile(r"(\w+, (?:\w+ )?\w+) (and|or) (?=\w)")
_OPENING = re.compile(r"\b(However|Therefore|Additionally|Furthermore|Finally|Moreover|Meanwhile) (?=\w)")
_TOWARD = re.compile(r"\b([Tt]oward)s\b")
_DAMAGED = 0.05  # of the words
_PAIRS, _QUICK_PAIRS = (900, 400), (250, 80)  # to learn from and held out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer pairs and epochs; two minutes on a core")
    options = parser.parse_args()
    folder = os.environ.get("COACHLM_DATA_DIR")
    if not folder:
        sys.exit("set COACHLM_DATA_DIR to the folder of public data sets (docs/reference/public-data.md)")
    torch.set_num_threads(1)
    data, quick = Path(folder), options.quick
    learned, held_out = habit(data, *(_QUICK_PAIRS if quick else _PAIRS))
    figures = {f"habit_{name}": value for name, value in measure(learned, held_out, 1.0, quick=quick).items()}
    figures["habit_left_rules"] = left(RulesReviser(), held_out)
    for alpha in (0.3, 1.0):
        found = measure(*experts(data, quick=quick), alpha, quick=quick)
        figures |= {f"experts_{name}_alpha_{alpha:g}": value for name, value in found.items()}
    for name, value in figures.items():
        print(f"{name:<48} {value:>12.4f}" if isinstance(value, float) else f"{name:<48} {value:>12}")
    print(json.dumps(figures))


def habit(data: Path, learned: int, held_out: int) -> tuple[Pairs, Pairs]:
    lexicon, rng = read_bundle().lexicon, random.Random(0)
    damage = Damage(lexicon, misspellings(data))
    found = [each.pair for each in records(data) if each.part is Part.TEST and each.source == "dolly"]
    rng.shuffle(found)
    made = [
        ExpertRevision(
            replace(pair, response=damaged_text(pair.response, damage, _DAMAGED, rng)),
            replace(pair, response=habitual(pair.response)),
        )
        for pair in found[: learned + held_out]
    ]
    return made[:learned], made[learned:]


def habitual(text: str) -> str:
    text = _OPENING.sub(r"\1, ", _LIST.sub(r"\1, \2 ", text))
    return _TOWARD.sub(r"\1", text)


def experts(data: Path, *, quick: bool) -> tuple[Pairs, Pairs]:
    found = list(read_revisions(data / "coachlm/expert_revisions.jsonl", None, Counter()))
    found = random.Random(0).sample(found, 400) if quick else found
    parts: tuple[list[ExpertRevision], list[ExpertRevision]] = ([], [])
    for item in found:
        parts[int(content_hash(item.raw.instruction, "test")[:8], 16) % 5 == 0].append(item)
    return parts


def measure(learned: Pairs, held_out: Pairs, alpha: float, *, quick: bool) -> dict[str, float | int | None]:
    kind, bundle = kind_of("coach"), read_bundle()
    recipe = replace(kind.recipe, epochs=2) if quick else kind.recipe
    with tempfile.TemporaryDirectory() as scratch:
        record = train_coach(
            "coach",
            Source("post-edits", lambda _: learned),
            Path(scratch),
            kind=kind,
            alpha=alpha,
            recipe=recipe,
            held_out=Source("held out", lambda _: held_out),
        )
        adapter = read_adapter(Path(scratch) / "adapters" / record.adapter)
        adapted = CoachReviser(with_adapter(bundle, adapter), adapter.training_instructions)
        after, touched = left(adapted, held_out), changed(adapted, held_out)
    base, words = CoachReviser(bundle), record.figures["changed_words"]
    return {
        "learned_pairs": record.figures["pairs"],
        "held_out_pairs": len(held_out),
        "learnable_share": words["learned"] / sum(words.values()),
        "left_raw": mean(pair_distances([each.raw for each in held_out], [each.revised for each in held_out])),
        "left_before": left(base, held_out),
        "left_after": after,
        "final_texts_changed_before": changed(base, held_out),
        "final_texts_changed_after": touched,
        "nats_before": record.metrics["nll_before"],
        "nats_after": record.metrics["nll_after"],
        "seconds": record.seconds,
    }


def left(engine: CoachReviser | RulesReviser, pairs: Pairs) -> float:
    """Characters that people still have to change, a pair."""
    revisions = engine.revise([each.raw for each in pairs])
    return mean(pair_distances([each.revised for each in revisions], [each.revised for each in pairs]))


def changed(engine: CoachReviser, pairs: Pairs) -> float:
    """Share of people's final texts that the coach would change."""
    revisions = engine.revise([each.revised for each in pairs])
    return sum(each.outcome is Outcome.REVISED for each in revisions) / len(pairs)


def mean(values: Sequence[int]) -> float:
    return sum(values) / len(values)


if __name__ == "__main__":
    main()
