"""Sheets on which people rate pairs blindly: each rater gets every version of every pair, in their own order, under
names that say nothing. The key that says which version was which is a file of its own."""

import csv
import hashlib
import io
import json
import random
import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from coachlm.desk.ratings import RatingTask, Versions, draw_items, each_version
from coachlm.desk.rubric import RUBRIC, Level
from coachlm.errors import ExportError, InputError
from coachlm.pairs import InstructionPair
from coachlm.text.spreadsheets import defuse_cell
from evaluation.report.files import write_page

KEY_FILE, SEAL_FILE, RUBRIC_FILE = "key.json", "seal.json", "rubric.md"
GIVEN = ("task", "instruction", "input", "response")
FILLED = ("instruction_score", "response_score", "flaws", "comment")
_SCHEMA = "coachlm-rating-sheets/1"
_LEVELS = {
    Level.ADVANCED: "decides between 80 and 100",
    Level.BASIC: "a flaw caps the score at 80",
    Level.RED_LINE: "a violation caps the score at 40",
}


def write_sheets(
    sources: Versions,
    raters: Sequence[str],
    folder: Path,
    *,
    count: int,
    seed: int | None = None,
) -> dict[str, Any]:
    """Draws `count` of the pairs.

    Writes RATER.csv for each rater, the rubric, the key (keep it from the raters), and a seal of it that may be shown
    to anybody. Without a seed nobody can know the key beforehand. Raises: InputError, ExportError.
    """
    chosen_seed = secrets.randbits(64) if seed is None else seed
    chance = random.Random(chosen_seed)  # noqa: S311 - the default seed is no guess
    tasks = _tasks(sources, count, chance)
    if (folder / KEY_FILE).exists():
        raise ExportError(f"{folder} holds sheets already; give another folder, or remove {KEY_FILE} and the sheets")
    key = {
        "schema": _SCHEMA,
        "seed": chosen_seed,
        "raters": list(raters),
        "sources": list(sources),
        "tasks": {task.task: [task.source, task.item, task.instruction_differs] for task, _ in tasks},
    }
    text = json.dumps(key, indent=1) + "\n"
    seal = {"schema": _SCHEMA, "raters": list(raters), "tasks": len(tasks), "key_sha256": _sha256(text)}
    for rater in raters:
        order = list(tasks)
        chance.shuffle(order)
        write_page(folder / f"{rater}.csv", _sheet(order))
    write_page(folder / RUBRIC_FILE, _rubric())
    write_page(folder / KEY_FILE, text)
    write_page(folder / SEAL_FILE, json.dumps(seal, indent=1) + "\n")
    return seal


def read_key(folder: Path) -> tuple[dict[str, RatingTask], list[str]]:
    """Task → what it was; and the raters.

    Raises: InputError, when the key is missing, damaged or not the sealed one.
    """
    try:
        text = (folder / KEY_FILE).read_text("utf-8")
        seal = json.loads((folder / SEAL_FILE).read_text("utf-8"))
        key = json.loads(text)
        tasks = {name: RatingTask(name, *values) for name, values in key["tasks"].items()}
        raters, sealed = [str(rater) for rater in key["raters"]], seal["key_sha256"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{folder} holds no key of rating sheets: {error}; `coachlm evaluate ratings make`") from error
    if _sha256(text) != sealed:
        raise InputError(f"{folder / KEY_FILE} was changed since the sheets were made: its seal doesn't fit")
    return tasks, raters


def _tasks(sources: Versions, count: int, chance: random.Random) -> list[tuple[RatingTask, InstructionPair]]:
    names: set[str] = set()
    tasks: list[tuple[RatingTask, InstructionPair]] = []
    for task, pair in each_version([versions for _, versions in draw_items(sources, count, chance)]):
        while (name := f"{chance.getrandbits(32):08x}") in names:
            pass
        names.add(name)
        tasks.append((replace(task, task=name), pair))
    return tasks


def _sheet(tasks: Sequence[tuple[RatingTask, InstructionPair]]) -> str:
    """With a byte order mark, by which spreadsheets know UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow((*GIVEN, *FILLED))
    for task, pair in tasks:
        cells = (f"t-{task.task}", pair.instruction, pair.input, pair.response)
        writer.writerow((*map(_defused, cells), *("" for _ in FILLED)))
    return "\ufeff" + text.getvalue()


def _defused(cell: str) -> str:
    """Spreadsheets would compute it; the texts are never read back from a sheet."""
    return f"'{cell}" if cell.startswith("'") else defuse_cell(cell)


def _rubric() -> str:
    lines = [
        "# How to rate\n",
        "Fill `instruction_score` and `response_score` of every row, 0 to 100 each, by the dimensions below; name the "
        "flawed ones in `flaws`, with commas. You don't know where a text comes from, and are not to find out. Rate "
        "each row by itself, alone, without talking to the other raters.\n",
    ]
    for each in RUBRIC:
        lines.append(
            f"- **{each.dimension}** ({each.part}; {_LEVELS[each.level]}): {each.description} {each.checklist}"
        )
    return "\n".join(lines) + "\n"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
