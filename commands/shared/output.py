"""How commands answer: tables and sentences for people, one JSON document for programs, errors without tracebacks."""

import json
import logging
import sys
from collections.abc import Callable, Mapping
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, TypeVar

import click

from coachlm.errors import CoachLMError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

ROOMS = ("coachlm", "api", "assembly", "commands", "streams", "reviser", "storage", "exports", "trainer", "evaluation")

P = ParamSpec("P")
R = TypeVar("R")


class Remarks:
    """The error stream, for people; rich is imported for the first remark."""

    @cached_property
    def console(self) -> "Console":
        from rich.console import Console

        return Console(stderr=True, highlight=False, soft_wrap=True)

    def print(self, *objects: Any, **options: Any) -> None:
        self.console.print(*objects, **options)


people = Remarks()
"""Progress and remarks; results go to standard output."""


def results() -> "Console":
    from rich.console import Console

    return Console(file=sys.stdout, highlight=False, soft_wrap=True)


def json_option(function: Callable[P, R]) -> Callable[P, R]:
    return click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")(function)


def emit_json(value: Mapping[str, Any]) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, default=str))


class _TerminalSafe(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return terminal_safe(super().format(record))


def show_log(*, verbose: bool) -> None:
    """The rooms' log on the error stream: warnings, with `verbose` also the reasons of choices; libraries' warnings."""
    handler = logging.StreamHandler()
    handler.setFormatter(_TerminalSafe("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for room in ROOMS:
        logging.getLogger(room).setLevel(logging.INFO if verbose else logging.WARNING)
    if not verbose:  # kafka-python warns of each step of its own loop that a busy machine made slow
        logging.getLogger("kafka.net.selector").setLevel(logging.ERROR)


def terminal_safe(text: str) -> str:
    """Users' text for a terminal: control characters are shown, not obeyed."""
    return "".join(c if c in "\n\t" or c.isprintable() or c == " " else f"\\x{ord(c):02x}" for c in text)


def counts_table(title: str, counts: Mapping[str, int], what: str) -> "Table":
    """A two-column table, most frequent first."""
    from rich.table import Table

    table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    table.add_column(what)
    table.add_column("count", justify="right")
    for name, count in sorted(counts.items(), key=lambda item: -item[1]):
        table.add_row(name, f"{count:,}")
    return table


def answering_errors(function: Callable[P, R]) -> Callable[P, R]:
    """A CoachLMError ends the command with its message and exit code 1, as JSON where JSON was asked for."""

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except CoachLMError as error:
            fail(error, as_json=bool(kwargs.get("as_json")))
        except KeyboardInterrupt:
            people.print("\nstopped; what was committed is kept: run the same command again to go on")
            raise SystemExit(130) from None

    return wrapped


def fail(error: CoachLMError, *, as_json: bool) -> NoReturn:
    if as_json:
        emit_json({"error": str(error), "kind": type(error).__name__})
    else:
        people.print("[bold red]error:[/]", end=" ")
        people.print(terminal_safe(str(error)), markup=False, soft_wrap=True)
    raise SystemExit(1)
