"""JFLEG and its GLEU score."""

import math
import random
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from coachlm.pairs import InstructionPair
from coachlm.protocols.revising import Reviser


def jfleg(folder: Path, engine: Reviser) -> dict[str, float | int]:
    """GLEU on JFLEG's development sentences (measured only, never tuned or trained on)."""
    source = (folder / "dev.src").read_text(encoding="utf-8").splitlines()
    references = [(folder / f"dev.ref{n}").read_text(encoding="utf-8").splitlines() for n in range(4)]
    pairs = [InstructionPair("Tell me more.", "", line) for line in source]
    mended = [tokenised(revision.revised.response) for revision in engine.revise(pairs)]
    return {"jfleg_gleu_source": gleu(source, source, references), "jfleg_gleu": gleu(mended, source, references)}


def tokenised(text: str) -> str:
    """As JFLEG's own text is: stops stand alone."""
    return re.sub(r"(?<=[^\s.,;!?])([,;!?]|\.(?=\s|$))", r" \1", text)


def gleu(outputs: Sequence[str], source: Sequence[str], references: Sequence[Sequence[str]], rounds: int = 20) -> float:
    """Mean over rounds that each draw one reference a sentence. Source: Napoles et al. 2016, GLEU without tuning."""
    scores = []
    for seed in range(rounds):
        rng = random.Random(seed * 101)
        drawn = [references[rng.randrange(len(references))][i] for i in range(len(source))]
        totals = [0.0] * 10
        for output, original, reference in zip(outputs, source, drawn, strict=True):
            for place, value in enumerate(gleu_counts(output.split(), original.split(), reference.split())):
                totals[place] += value
        hits, chances = totals[2::2], totals[3::2]
        precision = (
            sum(math.log(hit / chance) for hit, chance in zip(hits, chances, strict=True)) / 4 if all(hits) else -99
        )
        scores.append(math.exp(min(0.0, 1 - totals[1] / totals[0]) + precision))
    return sum(scores) / len(scores)


def gleu_counts(output: list[str], source: list[str], reference: list[str]) -> list[float]:
    """Lengths of output and reference, then hits and chances for n-grams of 1 to 4 words."""
    counts: list[float] = [len(output), len(reference)]
    for n in range(1, 5):
        mine, theirs, old = (ngrams(words, n) for words in (output, reference, source))
        wrong = Counter({gram: count for gram, count in old.items() if gram not in theirs})
        counts += [max((mine & theirs).total() - (mine & wrong).total(), 0), max(len(output) + 1 - n, 0)]
    return counts


def ngrams(words: list[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[start : start + n]) for start in range(len(words) + 1 - n))
