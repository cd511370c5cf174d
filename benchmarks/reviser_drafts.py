"""What drafts can win: none, n-gram drafts as the engine makes them, and drafts that are never wrong.

The model and the forced expert revisions of `benchmarks.reviser`: light edits (the least changed 30 %), full ones (the
most changed) and all, at 32 and 8 rows, float32 and int8. An oracle's drafts are the reference itself, 12 tokens at a
time: no way of guessing wins more than they do. Samples per CPU-second of one thread; what goes without drafts is run
before and after, so that a drift of the machine shows. `--quick` takes a smaller model and few rows; `--hidden` and
`--layers` another one.
"""

import argparse
import copy
import gc
import json
import time
from dataclasses import replace
from typing import Any

import torch

from benchmarks.reviser import FULL, QUICK, Size, llama, opened, read_rows, sample, write
from benchmarks.reviser_peers import Row
from reviser.int8_linear import quantise
from reviser.packed.drafts import MATCH_LENGTHS, NO_DRAFT, Draft, DraftGate, FixedCost, NgramIndex

ORACLE_TOKENS = 12


class OracleGate(DraftGate):
    """Knows each row's output."""

    def __init__(self, rows: list[Row]) -> None:
        super().__init__(FixedCost(0))
        self._rows = rows
        self._known: dict[int, Row] = {}  # by the identity of a sequence's own list

    def draft(self, tokens: list[int], ngrams: NgramIndex, rows: int, at_most: int) -> Draft:
        row = self._known.get(id(tokens)) or self._find(tokens)
        done = len(tokens) - len(row.prompt)
        right = row.output[done : done + min(ORACLE_TOKENS, at_most)]
        return Draft(right, MATCH_LENGTHS[0]) if right else NO_DRAFT

    def _find(self, tokens: list[int]) -> Row:
        """The longest prompt that it starts with: some prompts begin like others."""
        found = max((row for row in self._rows if tokens[: len(row.prompt)] == row.prompt), key=lambda r: len(r.prompt))
        self._known[id(tokens)] = found
        return found


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
    prefix, rows = read_rows(size.vocabulary)
    rows = [row for row in rows if len(row.output) <= size.longest]
    batches = [("light", 32), ("light", 8)] + ([] if arguments.light else [("full", 32), ("mixed", 32)])
    print(json.dumps(measure(size, prefix, rows, count, batches)))


def measure(
    size: Size, prefix: list[int], rows: list[Row], count: int, batches: list[tuple[str, int]]
) -> dict[str, float]:
    """`batches`: kinds of rows, each with how many at once."""
    third = len(rows) * 3 // 10
    kinds = {"light": rows[-third:], "full": rows[:third], "mixed": rows}
    model = llama(size)
    small = copy.deepcopy(model)
    quantise(small)
    figures: dict[str, float] = {}
    for precision, each in (("float32_", model), ("int8_", small)):
        run(each, prefix, sample(rows, 4), 4, "drafts")  # warms up
        for kind, slots in batches:
            some = sample(kinds[kind], count if slots == 32 else count // 2)
            plain = run(each, prefix, some, slots, "none")
            drafts, oracle = run(each, prefix, some, slots, "drafts"), run(each, prefix, some, slots, "oracle")
            again = run(each, prefix, some, slots, "none")
            base = (plain + again) / 2
            name = f"{precision}{kind}_{slots}"
            figures |= {f"ratio_{name}": round(base / drafts, 2), f"ratio_oracle_{name}": round(base / oracle, 2)}
            print(
                f"{name}: {len(some) / base:.2f} samples per CPU-second without drafts (before {plain / again:.2f} of "
                f"after), with them {base / drafts:.2f} times that, never wrong {base / oracle:.2f} times",
                flush=True,
            )
    return figures


def run(model: Any, prefix: list[int], rows: list[Row], slots: int, way: str) -> float:
    """CPU seconds."""
    gc.collect()
    with opened(model, prefix, slots, drafts=way != "none") as engine:
        if way == "oracle":
            engine.scheduler.gate = OracleGate(rows)
        began = time.process_time()
        write(engine, rows)
        return time.process_time() - began


if __name__ == "__main__":
    main()
