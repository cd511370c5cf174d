"""Trains the acceptance model: `python -m recipes.coach_lm.acceptance --candidates FILE --labels FILE --output FILE`.

`--candidates` is the `candidates.jsonl` of `recipes.coach_lm.sheets`, `--labels` what `recipes.coach_lm.labels` made;
both may be given several times. Prints how well it does on pairs that it had not seen, and what each figure weighs.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from coachlm.acceptance.candidates import Candidate, Origin, distinct
from coachlm.acceptance.features import Beside, measure
from coachlm.acceptance.labels import mean_labels, read_labels
from coachlm.acceptance.model import write_acceptance
from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome, Revision
from coachlm.text.guards import flags
from recipes.coach_lm.pairs import pair_of, read_rows
from reviser.choosing.candidates import CandidateMaker
from reviser.coach.bundle import is_bundled, read_bundle
from reviser.coach.reviser import CoachReviser
from trainer.acceptance.fitting import Example, fit_acceptance


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=Path, action="append", required=True)
    parser.add_argument("--labels", type=Path, action="append", required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--harm", type=float, default=2.0, help="texts that save work, worth one that costs some")
    options = parser.parse_args(arguments)
    rows = [row for path in options.candidates for row in read_rows(path)]
    labels = mean_labels(label for path in options.labels for label in read_labels(path))
    model = fit_acceptance(examples(rows, labels), harm=options.harm)
    write_acceptance(model, options.output)
    weights = sorted(model.weights.items(), key=lambda each: -abs(each[1].weight))
    print(json.dumps(dict(model.record), indent=1))
    for name, each in weights:
        print(f"{name:20} {each.weight:+.3f}   mean {each.mean:.3f}, deviation {each.scale:.3f}")


def examples(rows: Iterable[Mapping[str, Any]], labels: Mapping[tuple[str, str], float]) -> list[Example]:
    """The labelled candidates with their figures; those without a label count among a pair's other attempts."""
    raws, own = by_pair(rows)
    mended = mended_texts(raws, own)
    found: list[Example] = []
    for pair, candidates in own.items():
        figures = measure(raws[pair], candidates, Beside(mended=mended))
        for candidate, each in zip(candidates, figures, strict=True):
            if (pair, candidate.digest) in labels:
                found.append(Example(pair, each, labels[pair, candidate.digest]))
    return found


def by_pair(rows: Iterable[Mapping[str, Any]]) -> tuple[dict[str, InstructionPair], dict[str, list[Candidate]]]:
    """The raw pairs, and the distinct candidates of each, in the order of the rows."""
    raws: dict[str, InstructionPair] = {}
    made: defaultdict[str, list[Candidate]] = defaultdict(list)
    for row in rows:
        raws[row["pair"]] = pair_of(row["raw"])
        made[row["pair"]].append(candidate_of(row))
    return raws, {pair: distinct(candidates) for pair, candidates in made.items()}


def candidate_of(row: Mapping[str, Any]) -> Candidate:
    raw, revised, outcome = pair_of(row["raw"]), pair_of(row["revised"]), Outcome(row["outcome"])
    marks = flags(raw, revised) if outcome is Outcome.REVISED else ()
    revision = Revision(raw.id, revised, outcome, "packed", row.get("adapter"), row.get("reason"), marks)
    return Candidate(Origin(row["origin"]), revision)


def mended_texts(
    raws: Mapping[str, InstructionPair], own: Mapping[str, Sequence[Candidate]]
) -> dict[str, InstructionPair]:
    if not is_bundled():
        return {}
    maker = CandidateMaker(editor := CoachReviser(read_bundle()), {Origin.COPY_EDITED: editor})
    return maker.mended([*raws.values(), *(each.text for candidates in own.values() for each in candidates)])


if __name__ == "__main__":
    main()
