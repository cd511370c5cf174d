"""Ways of drafting replayed over expert revisions without a model: tokens computed, never seconds, so runs agree.

The engine's own scheduler asks for steps; their answers are the forced revisions of `benchmarks.reviser`. A step costs
`--overhead` tokens and one for each of its tokens. Compared with no drafts: the engine's drafts; the same with
acceptance counted by the length of the match alone; and the two of `benchmarks.reviser_drafts` that are never wrong.
`--quick` takes fewer rows.
"""

import argparse
import json

from benchmarks.reviser.peers import EOS, Row
from benchmarks.reviser.run import FULL, kinds_of, read_rows, sample
from benchmarks.reviser_drafts import GATES, figure_name
from reviser.packed.drafts import Acceptance, DraftGate, Signs
from reviser.packed.engine import FIRST_OVERHEAD_TOKENS
from reviser.packed.scheduler import Counts, Limits, Scheduler
from reviser.packed.scheduler import Row as StepRow
from reviser.packed.step_cost import FixedCost
from reviser.pairs.requests import Request

PRIOR_TRIALS = 32.0
MEMORY = 0.995


class ByLength(Acceptance):
    """The share of the last few hundred trials that were right, for each length of match."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[int, tuple[float, float]] = {}  # (right, tried) by the sign of the length

    def _counted(self, signs: Signs) -> tuple[float, float]:
        return self._counts.get(signs[-1], (PRIOR_TRIALS * super().chance(signs), PRIOR_TRIALS))

    def chance(self, signs: Signs) -> float:
        right, tried = self._counted(signs)
        return right / tried

    def learn(self, signs: Signs, *, was_right: bool) -> None:
        right, tried = self._counted(signs)
        self._counts[signs[-1]] = right * MEMORY + was_right, tried * MEMORY + 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="48 pairs of each kind")
    parser.add_argument("--rows", type=int, default=400, help="pairs of each kind")
    parser.add_argument("--overhead", type=float, default=FIRST_OVERHEAD_TOKENS, help="what a step costs, in tokens")
    arguments = parser.parse_args()
    prefix, rows = read_rows(FULL.vocabulary, FULL.longest)
    kinds = kinds_of(rows)
    figures: dict[str, float] = {}
    for kind, slots in (("light", 32), ("light", 8), ("full", 32), ("mixed", 32)):
        some = sample(kinds[kind], 48 if arguments.quick else arguments.rows)
        figures |= compare(f"{kind}_{slots}", prefix, some, slots, arguments.overhead)
    print(json.dumps(figures))


def compare(name: str, prefix: list[int], rows: list[Row], slots: int, overhead: float) -> dict[str, float]:
    """How many times as cheap each way is as none."""
    cost = FixedCost(overhead)
    by_length = DraftGate(cost)
    by_length.acceptance = ByLength()
    gates = {"drafts": DraftGate(cost), "by_length": by_length, **{way: gate(rows) for way, gate in GATES.items()}}
    base = cost_of(replay(prefix, rows, slots, None), overhead)
    figures: dict[str, float] = {}
    print(f"{name}, {len(rows)} pairs:")
    for way, gate in gates.items():
        counts = replay(prefix, rows, slots, gate)
        ratio = base / cost_of(counts, overhead)
        figures[figure_name(way, name)] = round(ratio, 3)
        accepted = f"{counts.accepted_tokens:,} of {counts.drafted_tokens:,} drafted tokens accepted"
        print(f"    {way}: {ratio:.3f} times as cheap as none; {accepted}", flush=True)
    return figures


def cost_of(counts: Counts, overhead: float) -> float:
    """In tokens."""
    return counts.steps * overhead + counts.computed_tokens


def replay(prefix: list[int], rows: list[Row], slots: int, gate: DraftGate | None) -> Counts:
    scheduler = Scheduler(Limits(slots, FULL.longest * 2), {EOS}, prefix, gate)
    for key, row in enumerate(rows):
        scheduler.add(Request(key, row.prompt, len(row.output)))
    while not scheduler.idle:
        asked = scheduler.schedule().rows
        scheduler.record(asked, [answer(row, rows) for row in asked])
    return scheduler.counts


def answer(asked: StepRow, rows: list[Row]) -> list[int | None]:
    """The output's next tokens, as many as are wanted; what would follow a wrong draft is never looked at."""
    output = rows[asked.sequence.request.key].output
    done = len(asked.sequence.output)
    return [output[place] if place < len(output) else EOS for place in range(done, done + asked.wanted)]


if __name__ == "__main__":
    main()
