"""Options that choose pairs by where they come from and what was made of them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from coachlm.pairs import TaskClass
from commands.shared.moments import time_range_options

if TYPE_CHECKING:
    from exports.choices.selection import Selection

P = ParamSpec("P")
R = TypeVar("R")

_CLASSES = [task_class.value for task_class in TaskClass]
_OPTIONS = (
    click.option("--source", "sources", multiple=True, help="Only from logs of this path or name; * stands for any."),
    click.option("--log-format", "formats", multiple=True, help="Only from logs of this format."),
    click.option("--language", "languages", multiple=True, help="Only in this language (ISO 639-1)."),
    click.option("--class", "classes", multiple=True, type=click.Choice(_CLASSES), help="Only of this task class."),
    click.option(
        "--unit",
        "units",
        multiple=True,
        type=click.Choice([*_CLASSES, "all"]),
        help="Only edited by people of this unit; all: by people of no unit.",
    ),
    click.option("--adapter", "adapters", multiple=True, help="Only seen by this adapter (its digest's beginning)."),
    click.option("--engine", "engines", multiple=True, help="Only seen by this engine."),
    click.option(
        "--signal", "signals", multiple=True, help="Only with this signal of the log: NAME, NAME=VALUE, NAME>=NUMBER."
    ),
    click.option("--where", help="Only where this expression holds, e.g. 'signal:thumbs<0 and not class=creative'."),
    click.option("--min-score", type=int, help="Only with at least this score of the response, by who edited."),
    click.option("--min-distance", type=int, help="Only with at least so many characters changed."),
    click.option("--max-distance", type=int, help="Only with at most so many characters changed."),
)
_NAMES = (
    "sources",
    "formats",
    "languages",
    "classes",
    "units",
    "adapters",
    "engines",
    "signals",
    "where",
    "min_score",
    "min_distance",
    "max_distance",
    "since",
    "until",
)


def selection_options(function: Callable[P, R]) -> Callable[P, R]:
    """`taken_selection` makes one selection of them."""
    function = time_range_options(function)
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def taken_selection(options: dict[str, Any]) -> "Selection":
    """Out of a command's options, which keep the others. Raises: ExportError."""
    from coachlm.desk.where import parse_where
    from exports.choices.selection import Selection, SignalTest

    taken = {name: options.pop(name) for name in _NAMES}
    taken["classes"] = frozenset(TaskClass(name) for name in taken["classes"])
    taken["signals"] = tuple(SignalTest.parse(text) for text in taken["signals"])
    taken["where"] = parse_where(taken["where"]) if taken["where"] is not None else None
    return Selection(**taken)
