"""What drafts can win: none, n-gram drafts as the engine makes them, and two kinds that are never wrong.

The model and the forced expert revisions of `benchmarks.reviser`: light edits (the least changed 30 %), full ones (the
most changed) and all, at 32 and 8 rows, float32 and int8. An oracle's drafts are the reference itself, 12 tokens at a
time: no way of guessing wins more than they do. A copier's are what of it stands in the prompt by difflib's alignment,
known in hindsight: no way of copying wins more. Samples per CPU-second of one thread; what goes without drafts is run
before and after, so that a drift of the machine shows. `--quick` takes a smaller model and few rows; `--hidden` and
`--layers` another one.
"""

import argparse
import copy
import difflib
import gc
import json
import time
from dataclasses import dataclass, replace
from typing import Any

import torch

from benchmarks.reviser.peers import Row
from benchmarks.reviser.run import FULL, QUICK, Size, kinds_of, llama, opened, read_rows, sample, write
from reviser.models.int8_linear import quantise
from reviser.packed.drafts import NO_DRAFT, Draft, DraftGate, NgramIndex
from reviser.packed.scheduler import Counts
from reviser.packed.step_cost import FixedCost

ORACLE_TOKENS = 12


class OracleGate(DraftGate):
    """Knows each row's output."""

    def __init__(self, rows: list[Row]) -> None:
        super().__init__(FixedCost(0))
        self._rows = {tuple(row.prompt): row for row in reversed(rows)}  # of two with one prompt, the first

    def draft(self, tokens: list[int], ngrams: NgramIndex, rows: int, at_most: int) -> Draft:
        prompt = tuple(tokens[: ngrams.prompt_tokens])
        right = self._right(prompt, len(tokens) - len(prompt))[: min(ORACLE_TOKENS, at_most)]
        return Draft(right, []) if right else NO_DRAFT

    def _right(self, prompt: tuple[int, ...], done: int) -> list[int]:
        """What follows the first `done` tokens of the output."""
        return self._rows[prompt].output[done:]


class CopierGate(OracleGate):
    """Knows which tokens of each row's output stand in its prompt, and where an edit begins."""

    def __init__(self, rows: list[Row]) -> None:
        super().__init__(rows)
        self._ends = {prompt: _run_ends(row) for prompt, row in self._rows.items()}

    def _right(self, prompt: tuple[int, ...], done: int) -> list[int]:
        return self._rows[prompt].output[done : self._ends[prompt].get(done, done)]


def _run_ends(row: Row) -> dict[int, int]:
    """place in the output → end of the copied run that it stands in."""
    matcher = difflib.SequenceMatcher(None, row.prompt, row.output, autojunk=False)
    runs = [(block.b, block.b + block.size) for block in matcher.get_matching_blocks()]
    return {place: end for begin, end in runs for place in range(begin, end)}


GATES = {"copies": CopierGate, "oracle": OracleGate}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smaller model, few rows; a minute")
    parser.add_argument("--rows", type=int, help="pairs of each kind, instead of 96")
    parser.add_argument("--light", action="store_true", help="light edits alone")
    parser.add_argument("--hidden", type=int, help="width of the model, instead of 512")
    parser.add_argument("--layers", type=int, help="instead of 8")
    arguments = parser.parse_args()
    size = QUICK if arguments.quick else FULL
    size = replace(size, hidden=arguments.hidden or size.hidden, layers=arguments.layers or size.layers)
    count = arguments.rows or (24 if arguments.quick else 96)
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    prefix, rows = read_rows(size.vocabulary, size.longest)
    batches = [("light", 32), ("light", 8)] + ([] if arguments.light else [("full", 32), ("mixed", 32)])
    print(json.dumps(measure(size, prefix, rows, count, batches)))


def measure(
    size: Size, prefix: list[int], rows: list[Row], count: int, batches: list[tuple[str, int]]
) -> dict[str, float]:
    """`batches`: kinds of rows, each with how many at once."""
    kinds = kinds_of(rows)
    model = llama(size)
    small = copy.deepcopy(model)
    quantise(small)
    figures: dict[str, float] = {}
    for precision, each in (("float32_", model), ("int8_", small)):
        run(each, prefix, sample(rows, 4), 4, "drafts")  # warms up
        for kind, slots in batches:
            some = sample(kinds[kind], count if slots == 32 else count // 2)
            runs = {way: run(each, prefix, some, slots, way) for way in ("none", "drafts", *GATES)}
            again = run(each, prefix, some, slots, "none")
            base = (runs["none"].seconds + again.seconds) / 2
            name = f"{precision}{kind}_{slots}"
            drift = runs.pop("none").seconds / again.seconds
            print(f"{name}: {len(some) / base:.2f} samples per CPU-second without drafts (first {drift:.2f} of last)")
            for way, done in runs.items():
                ratio = base / done.seconds
                figures[figure_name(way, name)] = round(ratio, 2)
                right = f"{done.tokens_a_step:.2f} tokens a step, {done.right:.2f} of those drafted right"
                print(f"    {way}: {ratio:.2f} times that; {right}", flush=True)
    return figures


def figure_name(way: str, name: str) -> str:
    return f"ratio_{name}" if way == "drafts" else f"ratio_{way}_{name}"


@dataclass(frozen=True, slots=True)
class Run:
    """What it took, in CPU-seconds, and what the engine counted."""

    seconds: float
    counts: Counts

    @property
    def tokens_a_step(self) -> float:
        """Of a sequence that decodes."""
        return self.counts.emitted_tokens / (self.counts.emitted_tokens - self.counts.accepted_tokens)

    @property
    def right(self) -> float:
        """Share of the drafted tokens."""
        return self.counts.accepted_tokens / max(self.counts.drafted_tokens, 1)


def run(model: Any, prefix: list[int], rows: list[Row], slots: int, way: str) -> Run:
    gc.collect()
    with opened(model, prefix, slots, drafts=way != "none") as engine:
        if way in GATES:
            engine.scheduler.gate = GATES[way](rows)
        began = time.process_time()
        write(engine, rows)
        return Run(time.process_time() - began, engine.counts)


if __name__ == "__main__":
    main()
