"""What raters found: averages per rater and source (paper Tables VIII and X), and how far the raters agree."""

import csv
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import krippendorff
import numpy as np

from coachlm.desk.ratings import RatingTask, Score, Sheet, check_score
from coachlm.desk.rubric import Dimension, Part
from coachlm.errors import InputError, RubricError
from coachlm.intervals import Interval, mean_interval
from evaluation.judges.judging import RESAMPLES
from evaluation.ratings.sheets import FILLED, GIVEN

_LONGEST_CELL = 1_000_000
_EVERYTHING = "all pairs"
_MODIFIED = "pairs with a modified instruction"


@dataclass(frozen=True, slots=True)
class Averages:
    """A row of Table VIII: rater → mean score, and the mean of the raters' means."""

    by_rater: dict[str, float]
    average: float | None
    scores: int


@dataclass(frozen=True, slots=True)
class HumanRatings:
    """`tables`: group of pairs → part → source → averages. `gains`: group → part → source → above the first source,
    over pairs, with a bootstrap interval. `alpha`: Krippendorff's, interval scale; None where it is not defined."""

    sources: tuple[str, ...]
    raters: tuple[str, ...]
    pairs: int
    modified: int  # pairs whose versions differ in their instruction
    unrated: dict[str, int]
    problems: dict[str, list[str]]
    tables: dict[str, dict[str, dict[str, Averages]]]
    gains: dict[str, dict[str, dict[str, Interval | None]]]
    alpha: dict[str, float | None] = field(default_factory=dict)


def read_sheet(path: Path, rater: str, tasks: Mapping[str, RatingTask]) -> Sheet:
    """A sheet that a rater filled. A bad row costs that row alone; twice the same task is bad both times.

    Raises: InputError, when the file can't be read or is no sheet.
    """
    rows = list(_rows(path))
    often = Counter(_task(row) for row in rows)
    scores: list[Score] = []
    problems: list[str] = []
    unrated = 0
    for number, row in enumerate(rows, 1):
        task = tasks.get(_task(row))
        if task is None or often[_task(row)] > 1:
            problems.append(f"row {number}: {'no such task' if task is None else 'the task stands there twice'}")
            continue
        try:
            found = _scores(row, rater, task)
        except (ValueError, RubricError) as error:
            problems.append(f"row {number}: {error}")
            continue
        scores += found
        unrated += len(Part) - len(found)
    missing = len(tasks.keys() - often.keys())
    if missing:
        problems.append(f"{missing} tasks are not in the sheet")
    return Sheet(rater, tuple(scores), unrated + missing * len(Part), tuple(problems))


def human_ratings(sheets: Sequence[Sheet], tasks: Mapping[str, RatingTask], seed: int = 0) -> HumanRatings:
    sources = tuple(dict.fromkeys(task.source for task in tasks.values()))
    scores = [score for sheet in sheets for score in sheet.scores]
    groups = {_EVERYTHING: scores, _MODIFIED: [score for score in scores if score.task.instruction_differs]}
    items = {task.item: task.instruction_differs for task in tasks.values()}
    return HumanRatings(
        sources=sources,
        raters=tuple(sheet.rater for sheet in sheets),
        pairs=len(items),
        modified=sum(items.values()),
        unrated={sheet.rater: sheet.unrated for sheet in sheets},
        problems={sheet.rater: list(sheet.problems) for sheet in sheets if sheet.problems},
        tables={group: _tables(found, sources) for group, found in groups.items()},
        gains={group: _gains(found, sources, seed) for group, found in groups.items()},
        alpha={part.value: _alpha([score for score in scores if score.part is part]) for part in Part},
    )


def _rows(path: Path) -> Iterator[dict[str, str]]:
    csv.field_size_limit(_LONGEST_CELL)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, dialect=_dialect(file.readline()), fieldnames=None)
            file.seek(0)
            missing = {*GIVEN, *FILLED[:2]} - {*(reader.fieldnames or ())}
            if missing:
                raise InputError(f"{path} is not a rating sheet: it lacks the column {', '.join(sorted(missing))}")
            yield from ({name: row.get(name) or "" for name in (*GIVEN, *FILLED)} for row in reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} can't be read as CSV in UTF-8: {error}") from error


def _dialect(head: str) -> type[csv.Dialect]:
    """Spreadsheets save commas or semicolons, by their user's country."""

    class Found(csv.excel):
        delimiter = ";" if head.count(";") > head.count(",") else "\t" if head.count("\t") > head.count(",") else ","

    return Found


def _task(row: Mapping[str, str]) -> str:
    return row["task"].strip().removeprefix("t-")


def _scores(row: Mapping[str, str], rater: str, task: RatingTask) -> list[Score]:
    """Raises: ValueError, RubricError, with what is wrong."""
    flaws = frozenset(_flaw(name) for name in row["flaws"].replace(";", ",").split(",") if name.strip())
    found: list[Score] = []
    for part in Part:
        cell = row[f"{part.value}_score"].strip()
        if not cell:
            continue
        value = _number(cell, part)
        check_score(part, value, flaws)
        found.append(Score(rater, task, part, value))
    return found


def _number(cell: str, part: Part) -> float:
    try:
        value = float(cell.replace(",", "."))
    except ValueError:
        value = math.nan
    if not 0 <= value <= 100:
        raise ValueError(f"{part.value}_score {cell[:40]!r} is not a number from 0 to 100")
    return value


def _flaw(name: str) -> Dimension:
    try:
        return Dimension(name.strip().lower().replace(" ", "_"))
    except ValueError:
        raise ValueError(f"{name.strip()[:40]!r} is not a dimension of the rubric") from None


def _tables(scores: Iterable[Score], sources: Sequence[str]) -> dict[str, dict[str, Averages]]:
    values: defaultdict[tuple[Part, str, str], list[float]] = defaultdict(list)
    for score in scores:
        values[score.part, score.task.source, score.rater].append(score.value)
    tables: dict[str, dict[str, Averages]] = {}
    for part in Part:
        for source in sources:
            rated = {rater: found for (p, s, rater), found in values.items() if (p, s) == (part, source)}
            means = {rater: sum(found) / len(found) for rater, found in rated.items()}
            average = sum(means.values()) / len(means) if means else None
            tables.setdefault(part.value, {})[source] = Averages(means, average, sum(map(len, rated.values())))
    return tables


def _gains(scores: Iterable[Score], sources: Sequence[str], seed: int) -> dict[str, dict[str, Interval | None]]:
    """By the pairs that a rater scored in both versions; first over their pairs' raters, then over pairs."""
    by_place: dict[tuple[Part, str, int, str], float] = {
        (score.part, score.task.source, score.task.item, score.rater): score.value for score in scores
    }
    gains: dict[str, dict[str, Interval | None]] = {}
    for part in Part:
        for source in sources[1:]:
            by_item: defaultdict[int, list[float]] = defaultdict(list)
            for (p, s, item, rater), value in by_place.items():
                if (p, s) == (part, source) and (other := by_place.get((part, sources[0], item, rater))) is not None:
                    by_item[item].append(value - other)
            means = np.array([sum(found) / len(found) for found in by_item.values()])
            gains.setdefault(part.value, {})[source] = mean_interval(means, RESAMPLES, seed)
    return gains


def _alpha(scores: Sequence[Score]) -> float | None:
    """None, where fewer than two raters rated the same text, or all scores are alike."""
    raters = list(dict.fromkeys(score.rater for score in scores))
    tasks = {name: place for place, name in enumerate(dict.fromkeys(score.task.task for score in scores))}
    table = np.full((len(raters), len(tasks)), np.nan)
    for score in scores:
        table[raters.index(score.rater), tasks[score.task.task]] = score.value
    both = (~np.isnan(table)).sum(axis=0) >= 2 if len(raters) > 1 else np.zeros(0, bool)
    if not both.any() or np.unique(table[:, both][~np.isnan(table[:, both])]).size < 2:
        return None
    return float(krippendorff.alpha(reliability_data=table[:, both], level_of_measurement="interval"))
