"""How `evaluate judge` shows verdicts, its own and recorded ones: a table at 80 columns, and a page."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from commands.evaluate.judge_options import check_usable, failure_line
from commands.shared.output import emit_json, people, results

if TYPE_CHECKING:
    from coachlm.intervals import Interval
    from evaluation.judges.run import JudgedSet

_JUDGES_A_TABLE = 3
_MOST_CATEGORIES = 30  # on a terminal; pages and JSON hold all
COLUMNS = (
    "judge",
    "wins",
    "ties",
    "losses",
    "failed",
    "WR1",
    "WR2",
    "QS",
    "consistent",
    "first favoured",
    "longer won",
)


def rates_row(each: "JudgedSet") -> list[str]:
    rates, position = each.rates, each.position
    counts = (rates.wins, rates.ties, rates.losses, rates.failed)
    shares = (rates.wr1, rates.wr2, rates.qs)
    consistent = f"{position.consistent / position.comparisons:.1%}" if position.comparisons else "–"
    return [
        each.judge,
        *(f"{count:,}" for count in counts),
        *map(interval, shares),
        consistent,
        interval(position.first_share),
        interval(each.length.longer_share),
    ]


def interval(found: "Interval | None") -> str:
    return "–" if found is None else f"{found.value:.1%} [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def _category_rows(found: "list[JudgedSet]") -> list[list[str]]:
    return [
        [each.judge, name, *(f"{count:,}" for count in (rates.wins, rates.ties, rates.losses)), interval(rates.wr1)]
        for each in found
        for name, rates in each.by_category.items()
    ]


def _panel_rows(answer: dict[str, Any]) -> list[list[str]]:
    """The majority of several judges, and their agreement."""
    found = answer.get("panel")
    if not found:
        return []
    rates, wr1 = found["rates"], found["rates"]["wr1"]
    share = "–" if wr1 is None else f"{wr1['value']:.1%} [{100 * wr1['low']:.1f}, {100 * wr1['high']:.1f}]"
    counts = f"{rates['wins']:,} won, {rates['ties']:,} tied, {rates['losses']:,} lost, {rates['failed']:,} undecided"
    alpha = "–" if found["alpha"] is None else f"{found['alpha']:.3f}"
    return [
        [f"majority of {found['judges']} judges", f"{counts}; WR1 {share}"],
        ["Krippendorff's α (nominal)", alpha],
    ]


def show_verdicts(found: "list[JudgedSet]", answer: dict[str, Any]) -> None:
    """A column for each judge, so that it can be read at 80 columns."""
    for first in range(0, len(found), _JUDGES_A_TABLE):
        rows = [rates_row(each) for each in found[first : first + _JUDGES_A_TABLE]]
        table = Table(show_edge=False, pad_edge=False)
        for title in (COLUMNS[0], *(row[0] for row in rows)):
            table.add_column(title, justify="left" if title == COLUMNS[0] else "right")
        for number, name in enumerate(COLUMNS[1:], 1):
            table.add_row(name, *(row[number] for row in rows))
        results().print(table)
    for row in _category_rows(found)[:_MOST_CATEGORIES]:
        results().print(f"{row[1]} by {row[0]}: {row[2]} won, {row[3]} tied, {row[4]} lost; WR1 {row[5]}", markup=False)
    for each in found:
        if each.failures:
            results().print(f"{each.judge}: answers without a verdict: {failure_line(each.failures)}", markup=False)
    for pair, share in answer["judges_agree"].items():
        kappa = answer["panel"]["kappa"].get(pair)
        beyond = "" if kappa is None else f", κ {kappa:.2f}"
        results().print(f"{pair} agree on {share:.1%}{beyond}", markup=False)
    for figure, value in _panel_rows(answer):
        results().print(f"{figure}: {value}", markup=False)
    if any(answer["in_one_set_only"].values()):
        people.print(f"requests in one set only: {failure_line(answer['in_one_set_only'])}")


def write_verdicts(found: "list[JudgedSet]", answer: dict[str, Any], path: Path) -> None:
    from evaluation.report.figures_page import FigureTable, write_figures
    from evaluation.report.provenance import provenance_rows

    agree = [[pair, f"{share:.1%}"] for pair, share in answer["judges_agree"].items()]
    tables = [
        FigureTable(
            "Candidate against reference",
            COLUMNS,
            [rates_row(each) for each in found],
            "95 % intervals over comparisons (Wilson; WR1 bootstrap). Consistent: the same verdict both ways round; "
            "first favoured: of the inconsistent ones. Longer won: of decided comparisons; no fault by itself: longer "
            "can be better.",
        ),
        FigureTable("By category", ("judge", "category", "wins", "ties", "losses", "WR1"), _category_rows(found)),
        FigureTable("Majority", ("figure", "value"), _panel_rows(answer)),
        FigureTable("Judges that agree", ("judges", "same verdict"), agree),
        FigureTable("Made of", ("what", "which"), provenance_rows(answer["made_of"])),
    ]
    write_figures("Responses compared", [table for table in tables if table.rows], answer, path)


def show_recorded(path: Path, seed: int, html: Path | None, *, as_json: bool) -> None:
    """Rates of judgements that another tool recorded."""
    from evaluation.judges.recorded import read_recorded, recorded_sets
    from evaluation.report.provenance import provenance

    found = recorded_sets(read_recorded(path), seed)
    answer = {"judges": [asdict(each) for each in found], "judges_agree": {}, "in_one_set_only": {}}
    answer["made_of"] = provenance([], [(each.judge, None) for each in found])
    if html is not None:
        write_verdicts(found, answer, html)
    if as_json:
        emit_json(answer)
    else:
        show_verdicts(found, answer)
    check_usable({each.judge: each.comparisons - each.rates.failed for each in found})
