"""The rules engine: how much of a damage it mends, how much clean text it touches, what it must not lose, its speed.

The damage is made here (one word in ten: slips of the keyboard, doubled words, casing, stops), so the truth is known.
The peer is the same word list used the plain way: symspellpy's first suggestion for every word that it does not know.
Clean text is what people (Dolly) and strong models (AlpacaEval) wrote; `--show` prints each change to it for reading.
"""

import argparse
import gzip
import json
import math
import os
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rapidfuzz.distance import Levenshtein
from symspellpy import Verbosity

from coachlm.distance import DiffKind, word_diff
from coachlm.markup import code_blocks, inline_code
from coachlm.pairs import InstructionPair
from coachlm.protocols import Reviser
from reviser.rules import RulesReviser
from reviser.spelling import Speller

DAMAGED_SHARE = 0.1
_WORD = re.compile(r"(?<![\w/@.`'’<-])[A-Za-z]{3,}(?![\w/@`'’>-])")
_FACTS = re.compile(r"https?://\S+|www\.\S+|[\w.+-]+@[\w-]+\.\w+|<[A-Z_]+_\d+>|\d+(?:[.,:/]\d+)*")
_STOP = re.compile(r"(?<=[A-Za-z])([,.;!?]) ?(?=[A-Za-z]|$)")
_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


@dataclass(frozen=True, slots=True)
class Mending:
    """Characters between a damaged text and the clean one, before and after mending, over all texts."""

    before: int
    after: int

    @property
    def reduction(self) -> float:
        return 1 - self.after / max(self.before, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer records; within 50 s on 2 cores")
    parser.add_argument("--show", action="store_true", help="print every change to clean text")
    options = parser.parse_args()
    folder = os.environ.get("COACHLM_DATA_DIR")
    if not folder:
        sys.exit("COACHLM_DATA_DIR is not set to the folder of public data sets; see docs/data.md")
    figures = measure(Path(folder), records=400 if options.quick else 3_000, show=options.show)
    for name, value in figures.items():
        print(f"{name:<42} {value:>10.4f}" if isinstance(value, float) else f"{name:<42} {value:>10}")
    print(json.dumps(figures))


def measure(folder: Path, *, records: int, show: bool) -> dict[str, float | int]:
    engine, speller, rng = RulesReviser(), Speller(), random.Random(0)
    dolly = sample(folder / "corpora/dolly_15k.jsonl.gz", records, ("instruction", "context", "response"))
    strong = sample(folder / "corpora/alpaca_eval_answers.jsonl.gz", records, ("instruction", "", "output"))
    damaged = [InstructionPair(pair.instruction, pair.input, damage(pair.response, rng)) for pair in dolly]
    rules = mending(dolly, damaged, lambda pairs: [done.revised.response for done in engine.revise(pairs)])
    peer = mending(dolly, damaged, lambda pairs: [plain_symspell(pair.response, speller) for pair in pairs])
    figures: dict[str, float | int] = {
        "records": len(dolly),
        "distance_reduction": rules.reduction,
        "distance_reduction_symspell": peer.reduction,
        **{f"clean_{field}s_changed_dolly": value for field, value in changed(dolly, engine, show=show).items()},
        **{f"clean_{field}s_changed_alpaca_eval": value for field, value in changed(strong, engine, show=show).items()},
        "clean_responses_changed_dolly_symspell": share(
            plain_symspell(p.response, speller) != p.response for p in dolly
        ),
        "facts_lost": facts_lost(damaged, engine) + facts_lost(dolly, engine) + facts_lost(strong, engine),
        "pairs_per_cpu_second": speed(dolly, engine),
        "pairs_per_cpu_second_damaged": speed(damaged, engine),
        "chars_per_pair": sum(len(pair.instruction) + len(pair.response) for pair in dolly) / len(dolly),
    }
    return figures | jfleg(folder / "corpora/jfleg", engine)


def sample(path: Path, records: int, fields: tuple[str, str, str]) -> list[InstructionPair]:
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    chosen = random.Random(1).sample(rows, min(records, len(rows)))
    return [InstructionPair(*(row[name] if name else "" for name in fields)) for row in chosen]


def share(hits: object) -> float:
    values = list(hits)  # type: ignore[call-overload]
    return sum(values) / max(len(values), 1)


def damage(text: str, rng: random.Random) -> str:
    """One word in ten mistyped, doubled or decapitalised; one stop in ten misplaced. Code and facts are spared."""
    spared = [*((block.start, block.end) for block in code_blocks(text)), *inline_code(text)]
    spared += [match.span() for match in _FACTS.finditer(text)]

    def word(match: re.Match[str]) -> str:
        inside = any(start < match.end() and end > match.start() for start, end in spared)
        return match[0] if inside or rng.random() >= DAMAGED_SHARE else slip(match[0], rng)

    def stop(match: re.Match[str]) -> str:
        inside = any(start <= match.start() < end for start, end in spared)
        return match[0] if inside or rng.random() >= DAMAGED_SHARE else rng.choice((f" {match[0]}", match[1], ""))

    # Stops first: the spared spans hold for the undamaged text, and stops change its length last-to-first.
    for match in reversed(list(_STOP.finditer(text))):
        text = text[: match.start()] + stop(match) + text[match.end() :]
    spared = [*((block.start, block.end) for block in code_blocks(text)), *inline_code(text)]
    spared += [match.span() for match in _FACTS.finditer(text)]
    return _WORD.sub(word, text)


def slip(word: str, rng: random.Random) -> str:
    at = rng.randrange(len(word) - 1)
    match rng.randrange(6):
        case 0:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        case 1:
            return word[:at] + word[at + 1 :]
        case 2:
            return word[: at + 1] + word[at:]
        case 3:
            row = next(row for row in _KEYS if word[at].lower() in row)
            place = row.index(word[at].lower())
            return (
                word[:at]
                + row[max(place - 1, 0) if rng.random() < 0.5 else min(place + 1, len(row) - 1)]
                + word[at + 1 :]
            )
        case 4:
            return f"{word} {word}"
        case _:
            return word.lower()


def mending(
    clean: Sequence[InstructionPair],
    damaged: Sequence[InstructionPair],
    mend: Callable[[Sequence[InstructionPair]], list[str]],
) -> Mending:
    before = sum(Levenshtein.distance(good.response, bad.response) for good, bad in zip(clean, damaged, strict=True))
    texts = mend(damaged)
    after = sum(Levenshtein.distance(good.response, text) for good, text in zip(clean, texts, strict=True))
    return Mending(before, after)


def plain_symspell(text: str, speller: Speller) -> str:
    def first(match: re.Match[str]) -> str:
        if speller.count(match[0].lower()):
            return match[0]
        found = speller.symspell.lookup(match[0], Verbosity.TOP, 1, transfer_casing=True)
        return found[0].term if found else match[0]

    return _WORD.sub(first, text)


def changed(pairs: Sequence[InstructionPair], engine: RulesReviser, *, show: bool) -> dict[str, float]:
    """Shares of pairs whose instruction (what users typed) and whose response (the clean text) is changed."""
    shares: dict[str, float] = {}
    revised = [revision.revised for revision in engine.revise(pairs)]
    for field in ("instruction", "response"):
        texts = [(getattr(raw, field), getattr(done, field)) for raw, done in zip(pairs, revised, strict=True)]
        shares[field] = share(before != after for before, after in texts)
        for before, after in texts if show else ():
            print_changes(before, after)
    return shares


def print_changes(before: str, after: str) -> None:
    """Each change with what stands before it."""
    context = ""
    for op in word_diff(before, after):
        if op.kind is DiffKind.EQUAL:
            context = op.text[-30:]
        else:
            print(f"  {context!r} {op.kind} {op.text[:100]!r}")


def facts_lost(pairs: Sequence[InstructionPair], engine: RulesReviser) -> int:
    """Numbers, addresses, placeholders and code of a pair that its revision lacks; loops that were cut do not count."""
    lost = 0
    for raw, revision in zip(pairs, engine.revise(pairs), strict=True):
        for before, after in (
            (raw.instruction, revision.revised.instruction),
            (raw.response, revision.revised.response),
        ):
            lost += len(facts(before) - facts(after))
    return lost


def facts(text: str) -> set[str]:
    code = {text[block.start : block.end] for block in code_blocks(text)} | {text[a:b] for a, b in inline_code(text)}
    return code | {match[0].rstrip(".,:/") for match in _FACTS.finditer(text)}


def speed(pairs: Sequence[InstructionPair], engine: RulesReviser) -> float:
    began = time.process_time()
    engine.revise(pairs)
    return len(pairs) / (time.process_time() - began)


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


if __name__ == "__main__":
    main()
