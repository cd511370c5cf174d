"""The local scorer: accuracy on held-out expert preferences, all and of like length; AUC of strong above weak models.

Compared in the same run with length alone, layout alone, a readability formula and chance. Training is
`recipes.scorer.train`.
"""

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from coachlm.pairs import InstructionPair
from evaluation.scorer.scorer import PairScorer
from recipes.scorer.corpora import Parts, Preference, escape_marks, expert_preferences, model_answers

Score = Callable[[Sequence[InstructionPair]], np.ndarray]
MODELS_A_REQUEST = 3
_WORD = re.compile(r"[^\W\d_]+")
_VOWELS = re.compile(r"[aeiouy]+")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of AlpacaEval's requests; seconds")
    quick = parser.parse_args().quick
    name = os.environ.get("COACHLM_DATA_DIR")
    if not name:
        sys.exit("set COACHLM_DATA_DIR to the folder of public data sets (docs/reference/public-data.md)")
    folder = Path(name)
    parts = expert_preferences(folder)
    strong, weak = _answers(folder, 5 if quick else 1)
    contenders: dict[str, Score] = {
        "scorer": PairScorer.load().raw,
        "length_free": PairScorer.load(length_free=True).raw,
        "length": _words,
        "layout": lambda pairs: np.array([float(pair.response.strip().count("\n")) for pair in pairs]),
        "readability": lambda pairs: np.array([_reading_ease(pair.response) for pair in pairs]),
        "random": lambda pairs: np.random.default_rng(0).random(len(pairs)),
    }
    figures: dict[str, object] = {
        "pairs_held_out": len(parts.held_out),
        "pairs_length_matched": sum(each.length_matched() for each in parts.held_out),
        "longer_preferred_experts": round(
            _accuracy(_words, [p for p in parts.held_out if p.words[0] != p.words[1]]), 4
        ),
        "ms_per_pair": round(_milliseconds(parts), 3),
    }
    for contender, score in contenders.items():
        suffix = "" if contender == "scorer" else f"_{contender}"
        for measure, value in _figures(score, parts, strong, weak).items():
            figures[measure + suffix] = round(value, 4)
    figures |= _calibration(parts)
    figures["auc_of_escaping_in_the_file"] = round(_auc(*map(np.array, escape_marks(folder))), 4)
    _print(figures, list(contenders))
    print(json.dumps(figures))


def _answers(folder: Path, step: int) -> tuple[list[InstructionPair], list[InstructionPair]]:
    """A few models' answers to each request, other models from request to request; the two lists run in parallel."""
    found: tuple[list[InstructionPair], list[InstructionPair]] = ([], [])
    sides = model_answers(folder, "strong"), model_answers(folder, "weak")
    chooser = np.random.default_rng(0)
    for request in sorted(sides[0].keys() & sides[1].keys())[::step]:
        for kept, side in zip(found, sides, strict=True):
            chosen = chooser.choice(len(side[request]), MODELS_A_REQUEST, replace=False)
            kept.extend(side[request][number] for number in chosen)
    return found


def _figures(
    score: Score, parts: Parts, strong: list[InstructionPair], weak: list[InstructionPair]
) -> dict[str, float]:
    held_out = parts.held_out
    matched = [each for each in held_out if each.length_matched()]
    flat = [Preference(_flat(each.raw), _flat(each.revised)) for each in held_out]
    high, low = score(strong), score(weak)
    alike = np.array([Preference(*sides).length_matched() for sides in zip(weak, strong, strict=True)])
    return {
        "accuracy_held_out": _accuracy(score, held_out),
        "accuracy_valid": _accuracy(score, parts.valid),
        "accuracy_unlisted": _accuracy(score, parts.unlisted),
        "accuracy_length_matched": _accuracy(score, matched),
        "accuracy_shortened": _accuracy(score, [each for each in held_out if each.words[1] < each.words[0]]),
        "accuracy_without_line_breaks": _accuracy(score, flat),
        "auc_strong_over_weak": _auc(high, low),
        "strong_over_weak_same_request": _share_above(high, low),
        "strong_over_weak_length_matched": _share_above(high[alike], low[alike]),
        "longer_preferred": _longer_preferred(score, held_out),
        "rank_correlation_with_length": _rank_correlation(np.concatenate([high, low]), _words(strong + weak)),
    }


def _longer_preferred(score: Score, preferences: list[Preference]) -> float:
    """Of versions that differ in length; the experts' own share is `longer_preferred_experts`."""
    longer = [(p.raw, p.revised) if p.words[0] < p.words[1] else (p.revised, p.raw) for p in preferences]
    longer = [sides for sides, p in zip(longer, preferences, strict=True) if p.words[0] != p.words[1]]
    return _share_above(score([long for _, long in longer]), score([short for short, _ in longer]))


def _rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(np.argsort(np.argsort(one)), np.argsort(np.argsort(other)))[0, 1])


def _words(pairs: Sequence[InstructionPair]) -> np.ndarray:
    return np.array([float(len(pair.response.split())) for pair in pairs])


def _flat(pair: InstructionPair) -> InstructionPair:
    return replace(pair, response=" ".join(pair.response.split()))


def _accuracy(score: Score, preferences: list[Preference]) -> float:
    """A draw counts half."""
    return _share_above(score([each.revised for each in preferences]), score([each.raw for each in preferences]))


def _share_above(high: np.ndarray, low: np.ndarray) -> float:
    return float(((high > low) + (high == low) / 2).mean())


def _auc(high: np.ndarray, low: np.ndarray) -> float:
    """The chance that a strong answer scores above a weak one, whatever their requests."""
    ordered = np.sort(low)
    below, not_above = np.searchsorted(ordered, high), np.searchsorted(ordered, high, side="right")
    return float((below + not_above).mean() / 2 / len(low))


def _milliseconds(parts: Parts) -> float:
    scorer, pairs = PairScorer.load(), [each.revised for each in parts.held_out]
    scorer.score(pairs[:10])
    start = time.process_time()
    scorer.score(pairs)
    return 1e3 * (time.process_time() - start) / len(pairs)


def _reading_ease(text: str) -> float:
    """Flesch's formula with vowel groups for syllables."""
    words = _WORD.findall(text.lower()) or ["a"]
    sentences = max(1, len(re.findall(r"[.!?]+(?:\s|$)", text)))
    syllables = sum(max(1, len(_VOWELS.findall(word))) for word in words)
    return 206.835 - 1.015 * len(words) / sentences - 84.6 * syllables / len(words)


def _calibration(parts: Parts) -> dict[str, float]:
    """Mean gap between stated and true probability over five equally filled bins, of preferences and of scores."""
    scorer = PairScorer.load()
    stated = [scorer.prefer(each.revised, each.raw) for each in parts.held_out]
    both = np.array([*stated, *(1 - share for share in stated)])
    scores = np.array(scorer.score([side for each in parts.held_out for side in (each.revised, each.raw)]))
    sides = np.tile([1.0, 0.0], len(stated))
    true = np.repeat([1.0, 0.0], len(stated))
    return {
        "calibration_gap_preference": round(_gap(both, true), 4),
        "calibration_gap_score": round(_gap(scores, sides), 4),
        "auc_single_score": round(_auc(scores[::2], scores[1::2]), 4),
    }


def _gap(stated: np.ndarray, true: np.ndarray) -> float:
    bins = np.array_split(np.argsort(stated), 5)
    return float(sum(abs(stated[part].mean() - true[part].mean()) * len(part) for part in bins) / len(stated))


def _print(figures: dict[str, object], contenders: list[str]) -> None:
    measures = [name.removesuffix("_random") for name in figures if name.endswith("_random")]
    print(f"{'':34}" + "".join(f"{name:>13}" for name in contenders))
    for measure in measures:
        row = [figures[measure if name == "scorer" else f"{measure}_{name}"] for name in contenders]
        print(f"{measure:34}" + "".join(f"{value:13.3f}" for value in row))
    print(
        f"{figures['pairs_held_out']} held-out pairs, {figures['pairs_length_matched']} of them of like length; ",
        end="",
    )
    print(f"{figures['ms_per_pair']} ms of CPU a pair")


if __name__ == "__main__":
    main()
