"""`evaluate ratings`: people rate pairs blindly on sheets, and what came out (paper Tables VIII and X)."""

import re
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from coachlm.cli.output import answering_errors, emit_json, json_option, people, results
from coachlm.cli.pair_sources import pairs_only
from coachlm.dataset import TextChoice
from coachlm.errors import InputError, SettingsError
from coachlm.pairs import InstructionPair

if TYPE_CHECKING:
    from evaluation.human_ratings import HumanRatings

_folder = click.Path(path_type=Path, file_okay=False)


@click.group()
def ratings() -> None:
    """Blinded, randomised ratings by people: make the sheets, read the filled ones."""


@ratings.command()
@click.argument("folder", type=_folder)
@click.option("--source", "sources", multiple=True, required=True,
              help="NAME=DATA, versions of the same pairs row by row; of databases NAME=URL#raw, …")  # fmt: skip
@click.option("--rater", "raters", multiple=True, default=("R1", "R2", "R3"), show_default=True)
@click.option("--count", type=click.IntRange(min=1), default=150, show_default=True, help="Pairs to draw.")
@click.option("--seed", type=int, help="For the same draw again; left out, nobody can know the order.")
@json_option
@answering_errors
def make(
    folder: Path, sources: tuple[str, ...], raters: tuple[str, ...], count: int, seed: int | None, as_json: bool
) -> None:
    """Write a sheet for each rater into FOLDER, and the key that only you should see.

    Every rater rates every version of every drawn pair, in an order of her own, without knowing which is which.
    """
    from evaluation.rating_sheets import KEY_FILE, write_sheets

    for rater in raters:
        if not re.fullmatch(r"[\w.-]{1,60}", rater) or raters.count(rater) > 1:
            raise SettingsError(f"rater {rater!r}: give different names of letters, digits, `.`, `_` and `-`")
    seal = write_sheets(_sources(sources), raters, folder, count=count, seed=seed)
    if as_json:
        emit_json({"folder": str(folder), **seal})
        return
    results().print(f"{seal['tasks']:,} tasks for each of {len(raters)} raters in {folder}", markup=False)
    people.print(f"give each rater her own .csv and rubric.md; keep {KEY_FILE} to yourself", markup=False)
    people.print(f"next, when they are filled: coachlm evaluate ratings read {folder}", markup=False)


@ratings.command()
@click.argument("folder", type=_folder)
@click.option("--sheets", type=_folder, help="Where the filled sheets lie. [default: FOLDER]")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Also write a page.")
@click.option("--seed", default=0, show_default=True, help="Of the bootstrap.")
@json_option
@answering_errors
def read(folder: Path, sheets: Path | None, html: Path | None, seed: int, as_json: bool) -> None:
    """Averages per rater and version, what a version gained, and Krippendorff's α, from the filled sheets."""
    if find_spec("krippendorff") is None:
        raise SettingsError("agreement needs the package krippendorff: install the extra `evaluation`")
    from evaluation.human_ratings import human_ratings, read_sheet
    from evaluation.rating_sheets import read_key

    tasks, raters = read_key(folder)
    found_sheets = [
        read_sheet(path, rater, tasks) for rater in raters if (path := (sheets or folder) / f"{rater}.csv").is_file()
    ]
    if not any(sheet.scores for sheet in found_sheets):
        raise InputError(f"no sheet in {sheets or folder} holds a score yet")
    found = human_ratings(found_sheets, tasks, seed)
    if html is not None:
        _write(found, html)
    if as_json:
        emit_json(asdict(found))
    else:
        _show(found)
    absent = [rater for rater in raters if rater not in found.raters]
    if absent or found.problems:
        people.print(f"no sheet of: {', '.join(absent)}" if absent else "some rows are in no figure, see above")


def _sources(given: tuple[str, ...]) -> dict[str, list[InstructionPair]]:
    found: dict[str, list[InstructionPair]] = {}
    for each in given:
        name, equals, place = each.partition("=")
        if not (name and equals and place):
            raise SettingsError(f"--source {each!r}: write NAME=DATA")
        text = TextChoice.FINAL
        if "://" in place and "#" in place:
            place, _, choice = place.rpartition("#")
            if choice not in [each.value for each in TextChoice]:
                raise SettingsError(f"--source {name}: #{choice} is not raw, revised or final")
            text = TextChoice(choice)
        if name in found:
            raise SettingsError(f"two sources are named {name}")
        found[name] = pairs_only(place, text)
    if len(found) < 2:
        raise SettingsError("give at least two sources, e.g. --source original=a.jsonl --source revised=b.jsonl")
    return found


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


def _show(found: "HumanRatings") -> None:
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


def _write(found: "HumanRatings", path: Path) -> None:
    from evaluation.figures_page import FigureTable, write_figures

    note = f"{_alpha(found)}. Gains are over pairs that a rater scored in both versions, with 95 % bootstrap intervals."
    tables = [FigureTable(group, _columns(found), _rows(found, group), note) for group in found.tables]
    write_figures("Ratings by people", tables, asdict(found), path)
