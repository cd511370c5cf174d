"""The rules engine: how much of a damage it mends, how much clean text it touches, what it must not lose, its speed.

The damage is made here (one word in ten: slips of the keyboard, doubled words, casing, stops), so the truth is known.
The peer is the same word list used the plain way: symspellpy's first suggestion for every word that it does not know.
Clean text is what people (Dolly) and strong models (AlpacaEval) wrote; `--show` prints each change to it for reading.
"""

import argparse
import gzip
import json
import os
import random
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from symspellpy import Verbosity

from coachlm.pairs import InstructionPair
from coachlm.text.distance import DiffKind, word_diff
from recipes.coach.damage import _WORD, damage, mending
from recipes.coach.facts import facts, share
from recipes.coach.jfleg import jfleg
from reviser.rules.reviser import RulesReviser
from reviser.rules.spelling import Speller


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer records; within 50 s on 2 cores")
    parser.add_argument("--show", action="store_true", help="print every change to clean text")
    options = parser.parse_args()
    folder = os.environ.get("COACHLM_DATA_DIR")
    if not folder:
        sys.exit("COACHLM_DATA_DIR is not set to the folder of public data sets; see docs/reference/public-data.md")
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
    texts = ([row[name] if name else "" for name in fields] for row in chosen)
    return [InstructionPair(instruction, extra, response) for instruction, extra, response in texts]


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


def speed(pairs: Sequence[InstructionPair], engine: RulesReviser) -> float:
    began = time.process_time()
    engine.revise(pairs)
    return len(pairs) / (time.process_time() - began)


if __name__ == "__main__":
    main()
