"""`evaluate ratings`: blind ratings by people, on sheets or at the pages, and what came out (paper Tables VIII, X)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from assembly.stores import database_option, open_database
from coachlm.desk.ratings import RATERS
from coachlm.errors import InputError, SettingsError
from coachlm.machine import extras
from coachlm.settings import load_settings
from commands.evaluate.rating_sources import GivenVersions, given_versions
from commands.evaluate.ratings_shown import show_ratings, show_studies, write_ratings
from commands.shared.output import answering_errors, emit_json, json_option, people, results, terminal_safe

if TYPE_CHECKING:
    from evaluation.ratings.people import HumanRatings
    from storage.studies.studies import RatingStudies

_folder = click.Path(path_type=Path, file_okay=False)
_study = click.option("--study", help="Name of a study in the database, instead of sheets in FOLDER.")
_needed_study = click.option("--study", required=True, help="Name of the study.")


@click.group()
def ratings() -> None:
    """Blind ratings by people: make sheets or studies, read them.

    Randomised, on sheets (a FOLDER) or at the pages (a --study).
    """


@ratings.command()
@click.argument("folder", type=_folder, required=False)
@_study
@click.option(
    "--source",
    "sources",
    multiple=True,
    required=True,
    help="NAME=DATA, versions of the same pairs row by row; of databases NAME=URL#raw, …",
)
@click.option(
    "--rater",
    "raters",
    multiple=True,
    help="Name of a rater; repeat for more. [default: R1, R2, R3 on sheets; three random annotators in a study]",
)
@click.option("--count", type=click.IntRange(min=1), default=150, show_default=True, help="Number of pairs to draw.")
@click.option(
    "--seed", type=click.IntRange(min=0), help="Seed that repeats a draw; without it the draw can't be predicted."
)
@click.option("--owner", help="Owner who sees the study's progress and tables on the pages; operators always do.")
@database_option
@json_option
@answering_errors
def make(
    folder: Path | None,
    study: str | None,
    sources: tuple[str, ...],
    raters: tuple[str, ...],
    count: int,
    seed: int | None,
    owner: str | None,
    db: str | None,
    as_json: bool,
) -> None:
    """Write a sheet for each rater, or make a --study.

    The sheets go into FOLDER, with the key that only you should see; a study is kept in the database, and its raters
    find it at the pages.

    Every rater rates every version of every drawn pair, in an order of their own, without knowing which is which.
    """
    _check_place(folder, study)
    if folder is not None:
        _make_sheets(folder, given_versions(sources), raters, count, seed, as_json=as_json)
        return
    from storage.studies.draw import StudyPlan

    given = given_versions(sources, db)
    plan = StudyPlan(study or "", given.sources, raters, count, seed, given.pair_ids)
    with _studies(db) as studies:
        made = studies.make(plan, owner)
    if as_json:
        emit_json(asdict(made))
        return
    names = ", ".join(each.rater for each in made.raters)
    tasks = made.raters[0].tasks
    results().print(terminal_safe(f"study {made.name}: {tasks:,} texts for each of {names}"), markup=False)
    people.print("they rate at /ratings of the pages (coachlm serve, coachlm dashboard)", markup=False)
    people.print(f"next, when they are done: coachlm evaluate ratings close --study {made.name}", markup=False)


@ratings.command()
@click.argument("folder", type=_folder, required=False)
@_study
@click.option("--sheets", type=_folder, help="Folder of the filled sheets. [default: FOLDER]")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Also write a page.")
@click.option("--seed", default=0, show_default=True, help="Seed of the bootstrap.")
@database_option
@json_option
@answering_errors
def read(
    folder: Path | None,
    study: str | None,
    sheets: Path | None,
    html: Path | None,
    seed: int,
    db: str | None,
    as_json: bool,
) -> None:
    """Read ratings: averages, gains and Krippendorff's α.

    Per rater and version, from the filled sheets in FOLDER or from a --study, as far as it was rated.
    """
    _check_place(folder, study)
    if problem := extras.AGREEMENT.lack("agreement needs"):
        raise SettingsError(problem)
    if folder is None:
        found, absent = _read_study(study or "", db, seed), []
    else:
        found, absent = _read_sheets(folder, sheets or folder, seed)
    if html is not None:
        write_ratings(found, html)
    if as_json:
        emit_json(asdict(found))
    else:
        show_ratings(found)
    if absent or found.problems:
        people.print(f"no sheet of: {', '.join(absent)}" if absent else "some rows are in no figure, see above")


@ratings.command("list")
@database_option
@json_option
@answering_errors
def list_studies(db: str | None, as_json: bool) -> None:
    """List the studies and how far their raters have come."""
    with _studies(db) as studies:
        found = studies.studies()
    if as_json:
        emit_json({"studies": [asdict(study) for study in found]})
    else:
        show_studies(found)


@ratings.command()
@_needed_study
@database_option
@json_option
@answering_errors
def close(study: str, db: str | None, as_json: bool) -> None:
    """Close a study for good.

    It takes no ratings any more, and its raters may learn which text was which.
    """
    with _studies(db) as studies:
        closed = studies.close(study)
    if as_json:
        emit_json(asdict(closed))
        return
    missing = sum(each.tasks - each.rated for each in closed.raters)
    results().print(f"study {closed.name} is closed; {missing:,} texts were not rated", markup=False)
    people.print(f"next: coachlm evaluate ratings read --study {closed.name} --html table8.html", markup=False)


def _check_place(folder: Path | None, study: str | None) -> None:
    if (folder is None) == (study is None):
        raise SettingsError("give either a FOLDER of sheets or a --study in the database")


@contextmanager
def _studies(db: str | None) -> "Iterator[RatingStudies]":
    from storage.studies.studies import RatingStudies

    with open_database(load_settings(database_url=db)) as database:
        yield RatingStudies(database)


def _make_sheets(
    folder: Path, given: GivenVersions, raters: tuple[str, ...], count: int, seed: int | None, *, as_json: bool
) -> None:
    from evaluation.ratings.sheets import KEY_FILE, write_sheets

    names = raters or tuple(f"R{number}" for number in range(1, RATERS + 1))
    for rater in names:
        if not re.fullmatch(r"[\w.-]{1,60}", rater) or names.count(rater) > 1:
            raise SettingsError(f"rater {rater!r}: give different names of letters, digits, `.`, `_` and `-`")
    seal = write_sheets(given.sources, names, folder, count=count, seed=seed)
    if as_json:
        emit_json({"folder": str(folder), **seal})
        return
    results().print(f"{seal['tasks']:,} tasks for each of {len(names)} raters in {folder}", markup=False)
    people.print(f"give each rater their own .csv and rubric.md; keep {KEY_FILE} to yourself", markup=False)
    people.print(f"next, when they are filled: coachlm evaluate ratings read {folder}", markup=False)


def _read_sheets(folder: Path, sheets: Path, seed: int) -> "tuple[HumanRatings, list[str]]":
    """With the raters whose sheet is missing."""
    from evaluation.ratings.people import human_ratings, read_sheet
    from evaluation.ratings.sheets import read_key

    tasks, raters = read_key(folder)
    found = [read_sheet(path, rater, tasks) for rater in raters if (path := sheets / f"{rater}.csv").is_file()]
    if not any(sheet.scores for sheet in found):
        raise InputError(f"no sheet in {sheets} holds a score yet")
    return human_ratings(found, tasks, seed), [name for name in raters if name not in [each.rater for each in found]]


def _read_study(study: str, db: str | None, seed: int) -> "HumanRatings":
    from evaluation.ratings.people import human_ratings

    with _studies(db) as studies:
        found = studies.ratings(study)
    if not found.ratings:
        raise InputError(f"study {study}: nobody has rated yet")
    return human_ratings(found.sheets, found.tasks, seed)
