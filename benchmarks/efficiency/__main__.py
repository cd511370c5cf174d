"""Does the estimate of what the coach saves recover a known truth, and does the figure before/after?

Simulated desks with learning, drift of difficulty, unlike annotators, unequal arms, a change of adapter and outliers;
many replications of each. `--docs` also writes the figure and the tables of docs/measurements/efficiency.md.
"""

import argparse
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.efficiency.methods import METHODS
from benchmarks.efficiency.simulation import World, simulate
from evaluation.effect.efficiency import Verdict, estimate_efficiency
from evaluation.effect.paper_accounting import paper_accounting

_DOCS = Path(__file__).parents[2] / "docs"
WORLDS = (
    World("as in the paper"),
    World("useless coach, fast learners", speed_ratio=1.0, learning=(0.3, 0.6)),
    World("harder pairs every week", difficulty_per_week=0.03),
    World("easier pairs every week", speed_ratio=1.05, difficulty_per_week=-0.03),
    World("a coach that slows down", speed_ratio=0.9),
    World("a better adapter midway", speed_ratio=1.05, later_speed_ratio=1.3),
    World("annotators very unlike", person_spread=0.15),
    World("four annotators", annotators=4, pairs_per_week=500),
    World("twenty annotators", annotators=20, pairs_per_week=100),
    World("control share of a third", control_share=1 / 3, pairs_per_week=60),
    World("control share of a fiftieth", control_share=0.02, pairs_per_week=1_000),
    World("5 % forgotten tabs", forgotten_tabs=0.05),
    World("coach arm more uneven", unevenness=0.15),
)
_METHOD_WORLDS = (
    World("3 annotators", annotators=3, pairs_per_week=200),
    World("8 annotators", pairs_per_week=60),
    World("20 annotators", annotators=20, pairs_per_week=30),
    World("8, no spread", pairs_per_week=60, person_spread=0.0),
)


@dataclass(frozen=True, slots=True)
class Recovery:
    """What many replications of one world gave. Errors are of the speed ratio, in percent of the truth."""

    world: World
    replications: int
    estimate: float  # geometric mean of the estimated speed ratios
    bias_percent: float
    coverage: float  # share of 95 % intervals that hold the truth
    claims: float  # share of replications with a claim in any direction
    not_enough: float
    before_after: float  # geometric mean
    before_after_bias_percent: float
    net: float  # the paper's accounting, with the control arm as measure of practice; geometric mean
    intervals: tuple[tuple[float, float, float], ...]  # of the first replications, for the figure
    naive: tuple[float, ...]


def recover(world: World, replications: int) -> Recovery:
    estimates: list[tuple[float, float, float]] = []
    naive: list[float] = []
    net: list[float] = []
    verdicts: list[Verdict] = []
    for seed in range(replications):
        before, now = (work.observations() for work in simulate(world, seed))
        found = estimate_efficiency(now)
        verdicts.append(found.verdict)
        if found.speed is not None:
            estimates.append((found.speed.ratio, found.speed.low, found.speed.high))
        counted = paper_accounting(before, now)
        assert counted is not None
        naive.append(1 + counted.gross)
        net.append(1 + counted.net)
    truth = math.exp(world.log_effect)
    ratios = np.array(estimates or [(math.nan,) * 3])
    return Recovery(
        world=world,
        replications=replications,
        estimate=_geometric(ratios[:, 0]),
        bias_percent=100 * (_geometric(ratios[:, 0]) / truth - 1),
        coverage=float(np.mean((ratios[:, 1] <= truth) & (truth <= ratios[:, 2]))),
        claims=float(np.mean([verdict in (Verdict.FASTER, Verdict.SLOWER) for verdict in verdicts])),
        not_enough=float(np.mean([verdict is Verdict.NOT_ENOUGH for verdict in verdicts])),
        before_after=_geometric(np.array(naive)),
        before_after_bias_percent=100 * (_geometric(np.array(naive)) / truth - 1),
        net=_geometric(np.array(net)),
        intervals=tuple(estimates[:25]),
        naive=tuple(naive[:25]),
    )


def compare_methods(replications: int) -> dict[str, dict[str, tuple[float, float, float]]]:
    """Method → world → (bias of the effect, coverage, mean width of the interval); logarithms."""
    found: dict[str, dict[str, tuple[float, float, float]]] = {name: {} for name in METHODS}
    for world in _METHOD_WORLDS:
        works = [simulate(world, seed)[1] for seed in range(replications)]
        for name, method in METHODS.items():
            values = np.array([method(work) for work in works])
            holds = (values[:, 1] <= world.log_effect) & (world.log_effect <= values[:, 2])  # NaN, no interval: nothing
            bounded = np.isfinite(values).all(axis=1)
            width = values[bounded, 2] - values[bounded, 1]
            found[name][world.name] = (
                float(np.nanmean(values[:, 0]) - world.log_effect),
                float(np.mean(holds)),
                float(np.mean(width)),
            )
    return found


def _geometric(ratios: np.ndarray) -> float:
    return float(np.exp(np.mean(np.log(ratios))))


def recovery_table(rows: list[Recovery]) -> str:
    head = (
        "| world | truth | estimate | bias | intervals that hold the truth | says nothing yet "
        "| before/after says | its bias | the paper's net |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
    )
    return head + "\n".join(
        f"| {row.world.name} | {math.exp(row.world.log_effect):.3f} | {row.estimate:.3f} | {row.bias_percent:+.1f} % "
        f"| {row.coverage:.1%} | {row.not_enough:.0%} | {row.before_after:.3f} "
        f"| {row.before_after_bias_percent:+.1f} % | {row.net:.3f} |"
        for row in rows
    )


def methods_table(found: dict[str, dict[str, tuple[float, float, float]]]) -> str:
    names = [world.name for world in _METHOD_WORLDS]
    lines = ["| method | " + " | ".join(names) + " |", "| --- |" + " --- |" * len(names)]
    for method, by_world in found.items():
        cells = (f"{by_world[name][1]:.1%} · {by_world[name][0]:+.3f} · {by_world[name][2]:.3f}" for name in names)
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(rows: list[Recovery], path: Path) -> None:
    """A panel a world: 25 replications with intervals, the truth as a line, before/after as crosses."""
    columns = 4
    figure = Figure(figsize=(13, 3 * math.ceil(len(rows) / columns)), layout="constrained")
    for place, row in enumerate(rows, 1):
        axes = figure.add_subplot(math.ceil(len(rows) / columns), columns, place)
        places = np.arange(len(row.intervals))
        values = np.array(row.intervals).reshape(-1, 3)
        axes.vlines(places, values[:, 1], values[:, 2], color="#4c78a8", linewidth=1.2)
        axes.plot(places, values[:, 0], "o", color="#4c78a8", markersize=3, label="estimate, 95 % interval")
        axes.plot(np.arange(len(row.naive)), row.naive, "x", color="#e45756", markersize=4, label="before/after")
        axes.axhline(math.exp(row.world.log_effect), color="#222222", linewidth=1, label="truth")
        axes.axhline(1, color="#999999", linewidth=0.8, linestyle=":")
        axes.set_title(row.world.name, fontsize=10, loc="left")
        axes.set_xticks([])
        axes.set_ylim(0.75, 1.75)
        axes.spines[["top", "right"]].set_visible(False)
        if place % columns == 1:
            axes.set_ylabel("speed ratio, coach / control")
        if place == 1:
            axes.legend(fontsize=7, frameon=False, loc="upper left")
    FigureCanvasAgg(figure).print_png(str(path), metadata={"Software": None})


def write_docs(rows: list[Recovery], methods: dict[str, dict[str, tuple[float, float, float]]]) -> None:
    """Replace what stands between the markers of docs/measurements/efficiency.md, and the figure."""
    page = _DOCS / "measurements" / "efficiency.md"
    text = page.read_text(encoding="utf-8")
    for name, table in (("recovery", recovery_table(rows)), ("methods", methods_table(methods))):
        start, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        before, rest = text.split(start)
        text = before + start + table + end + rest.split(end)[1]
    page.write_text(text, encoding="utf-8")
    draw(rows, _DOCS / "images" / "efficiency.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer replications; within a minute on 2 cores")
    parser.add_argument("--docs", action="store_true", help="write figure and tables of the documentation")
    options = parser.parse_args()
    rows = [recover(world, 40 if options.quick else 200) for world in WORLDS]
    print(recovery_table(rows))
    methods = compare_methods(15 if options.quick else 150)
    print("\ncoverage · bias · width of the interval (logarithms)\n" + methods_table(methods))
    if options.docs:
        write_docs(rows, methods)
    figures = {
        "largest_bias_percent": round(max(abs(row.bias_percent) for row in rows), 2),
        "interval_coverage": round(float(np.mean([row.coverage for row in rows])), 4),
        "lowest_interval_coverage": round(min(row.coverage for row in rows), 4),
        "before_after_largest_bias_percent": round(max(abs(row.before_after_bias_percent) for row in rows), 1),
        "false_claims_useless_coach": round(next(r.claims for r in rows if r.world.speed_ratio == 1.0), 4),
        "replications": rows[0].replications,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
