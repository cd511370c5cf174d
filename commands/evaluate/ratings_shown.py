"""What `evaluate ratings` shows: tables of what raters found, and how far a study has come."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from commands.shared.output import people, results

if TYPE_CHECKING:
    from coachlm.desk.studies import Study
    from evaluation.ratings.people import HumanRatings


def show_studies(found: Sequence["Study"]) -> None:
    if not found:
        results().print("no studies yet")
        people.print("next: coachlm evaluate ratings make --study NAME --source … --source …", markup=False)
        return
    table = Table(show_edge=False, pad_edge=False)
    for title in ("study", "versions", "pairs", "rated", "made", "closed"):
        table.add_column(title)
    for study in found:
        rated = ", ".join(f"{each.rater} {each.rated}/{each.tasks}" for each in study.raters)
        closed = "" if study.closed_at is None else f"{study.closed_at:%Y-%m-%d %H:%M}"
        cells = (
            study.name,
            ", ".join(study.sources),
            f"{study.items:,}",
            rated,
            f"{study.created_at:%Y-%m-%d}",
            closed,
        )
        table.add_row(*map(escape, cells))
    results().print(table)


def _rows(found: "HumanRatings", group: str) -> list[list[str]]:
    rows: list[list[str]] = []
    for part, by_source in found.tables[group].items():
        for source, averages in by_source.items():
            cells = [f"{averages.by_rater[r]:.1f}" if r in averages.by_rater else "–" for r in found.raters]
            average = "–" if averages.average is None else f"{averages.average:.1f}"
            gain = found.gains[group].get(part, {}).get(source)
            gained = "" if gain is None else f"{gain.value:+.1f} [{gain.low:+.1f}, {gain.high:+.1f}]"
            rows.append([f"{part}, {source}", *cells, average, gained])
    return rows


def _alpha(found: "HumanRatings") -> str:
    shown = (f"{part} {'–' if value is None else f'{value:.3f}'}" for part, value in found.alpha.items())
    return f"Krippendorff's α (interval): {', '.join(shown)}"


def _columns(found: "HumanRatings") -> tuple[str, ...]:
    return ("scores", *found.raters, "average", f"above {found.sources[0]}")


def show_ratings(found: "HumanRatings") -> None:
    out = results()
    for group in found.tables:
        table = Table(title=group, title_justify="left", show_edge=False, pad_edge=False)
        for name in _columns(found):
            table.add_column(name, justify="left" if name == "scores" else "right")
        for row in _rows(found, group):
            table.add_row(*row)
        out.print(table)
    out.print(f"{found.pairs:,} pairs, {found.modified:,} with a modified instruction. {_alpha(found)}")
    for rater, count in found.unrated.items():
        if count:
            people.print(f"{rater}: {count:,} scores missing", markup=False)
    for rater, problems in found.problems.items():
        for problem in problems[:20]:
            people.print(f"{rater}, {problem}", markup=False)


def write_ratings(found: "HumanRatings", path: Path) -> None:
    from evaluation.report.figures_page import FigureTable, write_figures

    note = f"{_alpha(found)}. Gains are over pairs that a rater scored in both versions, with 95 % bootstrap intervals."
    tables = [FigureTable(group, _columns(found), _rows(found, group), note) for group in found.tables]
    write_figures("Ratings by people", tables, asdict(found), path)
