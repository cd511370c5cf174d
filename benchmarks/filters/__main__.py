"""The preliminary filter against labels read by hand (precision, recall), on pairs that experts kept, and its speed.

Labels are ids of Stanford Alpaca pairs (docs/measurements/filters.md says how they were drawn and judged).
Precision is counted on the labelled pairs that the filter flags; recall weighs each labelled pair by its stratum, since
strata where problems are likely were read more densely. Languages are measured on sentences
written for it and on English records.
"""

import argparse
import gzip
import json
import os
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coachlm.pairs import InstructionPair
from coachlm.settings import load_settings
from coachlm.text.filters import PreliminaryFilter
from coachlm.text.language import detect_language, pair_language

LABELS = Path(__file__).parent
REASONS = ("invalid_input", "multi_modal", "massive_workload", "beyond_expertise", "safety", "refusal")
RESAMPLES = 1_000


@dataclass(frozen=True, slots=True)
class Judged:
    """A labelled pair: `reasons` from people, the first the main one; `verdict` from the filter, None to keep."""

    stratum: str
    reasons: tuple[str, ...]
    verdict: str | None


@dataclass(frozen=True, slots=True)
class Score:
    """Counts and shares for one reason; intervals are 95 %."""

    flagged: int
    right: int
    positives: int
    recall: float
    recall_interval: tuple[float, float]

    @property
    def precision(self) -> float:
        return self.right / self.flagged if self.flagged else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="time fewer records; within 50 s on 2 cores")
    quick = parser.parse_args().quick
    folder = os.environ.get("COACHLM_DATA_DIR")
    if not folder:
        sys.exit("set COACHLM_DATA_DIR to the folder of public data sets (docs/reference/public-data.md)")
    data = Path(folder)
    chosen = PreliminaryFilter.from_settings(load_settings())
    alpaca = list(_pairs(data / "alpaca/alpaca_52k.jsonl.gz", "instruction", "input", "output"))
    figures: dict[str, Any] = _labels(alpaca, chosen)
    figures |= _experts(data / "coachlm/expert_revisions.jsonl", chosen)
    figures |= _speed(alpaca[:: 10 if quick else 1], chosen)
    dolly = list(_pairs(data / "corpora/dolly_15k.jsonl.gz", "instruction", "context", "response"))
    figures |= _languages(alpaca[:: 10 if quick else 1], dolly[:: 10 if quick else 1])
    print(json.dumps(figures))


def _pairs(path: Path, instruction: str, material: str, response: str) -> Iterator[InstructionPair]:
    opener: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            yield InstructionPair(record[instruction], record.get(material) or "", record[response])


def _labels(alpaca: Sequence[InstructionPair], chosen: PreliminaryFilter) -> dict[str, Any]:
    labels = json.loads((LABELS / "labels.json").read_text("utf-8"))
    wanted = {label[0] for label in labels["labels"]}
    verdicts: dict[str, str | None] = {}
    for pair in alpaca:
        if pair.id in wanted:
            exclusion = chosen.check(pair, language=pair_language(pair))
            verdicts[pair.id] = None if exclusion is None else exclusion.reason.value
    if missing := wanted - verdicts.keys():
        sys.exit(f"{len(missing)} labelled pairs are not in the Alpaca file; it must be the original of 52,002 records")
    figures = {}
    for split in ("dev", "test"):
        judged = [
            Judged(stratum, tuple(why), verdicts[i]) for i, part, stratum, why in labels["labels"] if part == split
        ]
        figures |= _report(split, judged, labels["strata"][split])
    return figures


def _report(split: str, judged: list[Judged], sizes: dict[str, int]) -> dict[str, Any]:
    print(f"\n{split}: {len(judged):,} labelled pairs, {sum(sizes.values()):,} in their strata")
    print(f"{'':18}{'precision':>10}{'95 %':>14}{'flagged':>9}{'recall':>9}{'95 %':>14}{'positives':>11}")
    figures = {}
    for reason in REASONS:
        score = _score(reason, judged, sizes)
        low, high = _wilson(score.right, score.flagged)
        print(
            f"{reason:18}{score.precision:10.3f}{f'{low:.2f} to {high:.2f}':>14}{score.flagged:9}{score.recall:9.3f}"
            f"{'{:.2f} to {:.2f}'.format(*score.recall_interval):>14}{score.positives:11}"
        )
        if split == "test":
            figures[f"{reason}_precision"] = _rounded(score.precision)
            figures[f"{reason}_recall"] = _rounded(score.recall)
    return figures


def _score(reason: str, judged: list[Judged], sizes: dict[str, int]) -> Score:
    flagged = [one for one in judged if one.verdict == reason]
    strata: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        strata[one.stratum].append(one)
    chooser = random.Random(1)
    resampled = (
        _recall(reason, {name: chooser.choices(ones, k=len(ones)) for name, ones in strata.items()}, sizes)
        for _ in range(RESAMPLES)
    )
    drawn = sorted(recall for recall in resampled if recall == recall) or [
        float("nan")
    ]  # a resample may lack positives
    return Score(
        flagged=len(flagged),
        right=sum(reason in one.reasons for one in flagged),
        positives=sum(one.reasons[0] == reason for one in judged),
        recall=_recall(reason, strata, sizes),
        recall_interval=(drawn[len(drawn) // 40], drawn[-1 - len(drawn) // 40]),
    )


def _recall(reason: str, strata: dict[str, list[Judged]], sizes: dict[str, int]) -> float:
    """Weighted share of the pairs whose main reason this is that get any of their right reasons."""
    found = total = 0.0
    for name, ones in strata.items():
        weight = sizes[name] / len(ones)
        positives = [one for one in ones if one.reasons[0] == reason]
        total += weight * len(positives)
        found += weight * sum(one.verdict in one.reasons for one in positives)
    return found / total if total else float("nan")


def _wilson(right: int, count: int) -> tuple[float, float]:
    if not count:
        return 0.0, 1.0
    z, share = 1.96, right / count
    middle, spread = share + z * z / (2 * count), z * (share * (1 - share) / count + z * z / (4 * count * count)) ** 0.5
    return (middle - spread) / (1 + z * z / count), (middle + spread) / (1 + z * z / count)


def _experts(path: Path, chosen: PreliminaryFilter) -> dict[str, Any]:
    pairs = list(_pairs(path, "Raw Instruction", "Raw Input", "Raw Response"))
    exclusions = [chosen.check(pair, language=pair_language(pair)) for pair in pairs]
    reasons = Counter(exclusion.reason.value for exclusion in exclusions if exclusion is not None)
    share = reasons.total() / len(pairs)
    print(f"\npairs that the paper's experts kept and revised: {share:.2%} of {len(pairs):,} flagged {dict(reasons)}")
    return {"experts_kept_but_flagged": _rounded(share)}


def _speed(pairs: Sequence[InstructionPair], chosen: PreliminaryFilter) -> dict[str, Any]:
    pair_language(InstructionPair("Combien coûte le pain aujourd'hui à Lyon ?", "", ""))  # loads the model
    start = time.process_time()
    languages = [pair_language(pair) for pair in pairs]
    between = time.process_time()
    for pair, language in zip(pairs, languages, strict=True):
        chosen.check(pair, language=language)
    end = time.process_time()
    filter_us, language_us = 1e6 * (end - between) / len(pairs), 1e6 * (between - start) / len(pairs)
    print(f"\nµs per Alpaca pair: filter {filter_us:.1f}, language {language_us:.1f} ({len(pairs):,} pairs)")
    return {"filter_us_per_pair": _rounded(filter_us, 1), "language_us_per_pair": _rounded(language_us, 1)}


def _languages(alpaca: Sequence[InstructionPair], dolly: Sequence[InstructionPair]) -> dict[str, Any]:
    samples: dict[str, list[str]] = json.loads((LABELS / "language_samples.json").read_text("utf-8"))
    told = [(language, detect_language(text)) for language, texts in samples.items() for text in texts]
    right = sum(language == verdict for language, verdict in told)
    wrong = sum(verdict is not None and language != verdict for language, verdict in told)
    print(
        f"\nlanguage: {right} of {len(told)} samples in {len(samples)} languages right, {wrong} wrong, rest undecided"
    )
    figures: dict[str, Any] = {"language_accuracy": _rounded(right / len(told))}
    for name, pairs in (("alpaca", alpaca), ("dolly", dolly)):
        verdicts = Counter(pair_language(pair) for pair in pairs)
        other = 1 - (verdicts["en"] + verdicts[None]) / len(pairs)
        print(f"{name}: {other:.3%} of {len(pairs):,} told as not English, {verdicts[None] / len(pairs):.1%} undecided")
        figures[f"language_false_alarms_{name}"] = _rounded(other, 5)
    return figures


def _rounded(value: float, digits: int = 3) -> float | None:
    return None if value != value else round(value, digits)


if __name__ == "__main__":
    main()
