"""Readers' words into labels of candidates: `python -m recipes.coach_lm.labels KEY ANSWERS… --output LABELS`.

`KEY` is the `key.jsonl` that `recipes.coach_lm.sheets` wrote, `ANSWERS` what readers wrote: `id`, `label` (`A`, `B` or
`same`) and `reader`. Says how many candidates were better, the same and worse, by origin, and how often two readers of
one row agree.
"""

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from coachlm.acceptance.labels import CandidateLabel, Label, mean_labels, verdict, write_labels
from recipes.coach_lm.pairs import read_rows


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("key", type=Path)
    parser.add_argument("answers", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    key = {row["id"]: row for row in read_rows(options.key)}
    labels = labelled(key, [row for path in options.answers for row in read_rows(path)])
    write_labels(labels, options.output)
    print(json.dumps(summary(key, labels), indent=1))


def labelled(key: Mapping[str, Mapping[str, Any]], answers: Iterable[Mapping[str, str]]) -> list[CandidateLabel]:
    """Raises: ValueError, for an answer to no row of the sheet, or one that is none of the three."""
    found: list[CandidateLabel] = []
    for answer in answers:
        row, said = key.get(answer["id"]), answer["label"]
        if row is None:
            raise ValueError(f"answer {answer['id']} is to no row of the key: take the key of the same sheet")
        if said not in ("A", "B", "same"):
            raise ValueError(f"answer {answer['id']}: label {said!r}; it is A, B or same")
        label = Label.SAME if said == "same" else Label.BETTER if said == row["side"] else Label.WORSE
        found.append(CandidateLabel(row["pair"], row["candidate"], label, answer["reader"]))
    return found


def summary(key: Mapping[str, Mapping[str, Any]], labels: Iterable[CandidateLabel]) -> dict[str, Any]:
    labels = list(labels)
    origins = {(row["pair"], row["candidate"]): row["origin"] for row in key.values()}
    by_origin: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for place, mean in mean_labels(labels).items():
        by_origin[origins[place]][verdict(mean)] += 1
    readings: defaultdict[tuple[str, str], list[Label]] = defaultdict(list)
    for label in labels:
        readings[label.id, label.candidate].append(label.label)
    twice = [one == other for said in readings.values() for one, other in combinations(said, 2)]
    return {
        "candidates": len(readings),
        "by_origin": {origin: dict(counts) for origin, counts in sorted(by_origin.items())},
        "read_twice": len(twice),
        "agreement": round(sum(twice) / len(twice), 3) if twice else None,
    }


if __name__ == "__main__":
    main()
