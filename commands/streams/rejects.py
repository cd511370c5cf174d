"""`rejects`: records that became no pair; why, where they stand, and how they begin."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assembly.data_sets import json_line, lines_writer
from assembly.stores import database_option, open_database
from coachlm.errors import ExportError
from coachlm.machine.files import whole_file
from coachlm.pairs import RejectReason
from coachlm.rejects import RejectedRecord, read_place
from coachlm.settings import load_settings
from coachlm.text.spreadsheets import defuse_cell
from commands.shared.output import answering_errors, emit_json, json_option, people, results, terminal_safe

if TYPE_CHECKING:
    from storage.intake.rejects import RejectChoice

_LINE_CHARS = 100
_COLUMNS = ("place", "source", "record", "part", "reason", "detail", "format", "excerpt")


def _choice_options(function: Callable[..., Any]) -> Callable[..., Any]:
    options = (
        click.option("--reason", type=click.Choice([r.value for r in RejectReason]), help="Only with this reason."),
        click.option("--source", help="Only of files (or topics) whose path contains this text."),
        click.option("--format", "log_format", help="Only of this log format."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.group()
def rejects() -> None:
    """Records that became no pair: list, show, export.

    Excerpts are short, and personal data in them was replaced before they were stored.
    """


@rejects.command("list")
@_choice_options
@click.option("--after", help="The next page: what the page before named.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many.")
@database_option
@json_option
@answering_errors
def list_rejects(after: str | None, limit: int, db: str | None, as_json: bool, **chosen: Any) -> None:
    """List rejects with place and excerpt, and count reasons.

    A place is FILE:RECORD, from 1: in JSON lines the lines that are not blank, else elements, rows or documents.
    """
    from storage.intake.rejects import Rejects

    with open_database(load_settings(database_url=db)) as database:
        found = Rejects(database)
        page = found.page(_choice(**chosen), after=after, limit=limit)
        counts = found.counts()
    if as_json:
        emit_json({"rejects": [as_record(one) for one in page.rejects], "next": page.next, "counts": counts})
        return
    out = results()
    for one in page.rejects:
        out.print(terminal_safe(_line(one)), markup=False)
    if not page.rejects:
        people.print("nothing was rejected" if not counts else "no reject is like that; `coachlm rejects list` has all")
        return
    people.print(", ".join(f"{count:,} {reason}" for reason, count in counts.items()), markup=False)
    if page.next is not None:
        people.print(f"next page: coachlm rejects list --after {page.next}", markup=False)
    people.print(f"one of them: coachlm rejects show {terminal_safe(page.rejects[0].place)}", markup=False)


@rejects.command()
@click.argument("place")
@database_option
@json_option
@answering_errors
def show(place: str, db: str | None, as_json: bool) -> None:
    """Show all rejects of one record, with what can be done.

    PLACE is FILE:RECORD as `coachlm rejects list` writes it.
    """
    from storage.intake.rejects import Rejects

    source, record = read_place(place)
    with open_database(load_settings(database_url=db)) as database:
        found = Rejects(database).of_record(source, record)
    if as_json:
        emit_json({"place": place, "rejects": [as_record(one) | {"advice": one.advice} for one in found]})
        return
    out = results()
    for number, one in enumerate(found):
        out.print("\n" * bool(number) + terminal_safe("\n".join(_description(one))), markup=False)


@rejects.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_choice_options
@database_option
@json_option
@answering_errors
def export(file: Path, db: str | None, as_json: bool, **chosen: Any) -> None:
    """Write rejects to FILE, as JSON lines or (.csv) for spreadsheets."""
    from storage.intake.rejects import Rejects

    with open_database(load_settings(database_url=db)) as database, _writer(file) as write:
        count = 0
        for one in Rejects(database).each(_choice(**chosen)):
            write(one)
            count += 1
    if as_json:
        emit_json({"file": str(file), "rejects": count})
    else:
        results().print(f"{file}: {count:,} rejects", markup=False)


def as_record(one: RejectedRecord) -> dict[str, Any]:
    """`record` and `part` count from 0, as positions do everywhere; `place` is for people."""
    values = (one.place, one.source, one.record, one.part, one.reason, one.detail, one.format, one.excerpt)
    return dict(zip(_COLUMNS, values, strict=True))


def _choice(reason: str | None, source: str | None, log_format: str | None) -> "RejectChoice":
    from storage.intake.rejects import RejectChoice

    return RejectChoice(None if reason is None else RejectReason(reason), source, log_format)


def _line(one: RejectedRecord) -> str:
    excerpt = " ".join((one.excerpt or "").split())
    begin = excerpt if len(excerpt) <= _LINE_CHARS else f"{excerpt[:_LINE_CHARS]}…"
    return "  ".join(filter(None, (one.place, one.reason, one.detail, begin)))


def _description(one: RejectedRecord) -> list[str]:
    part = f", part {one.part}" if one.part else ""
    lines = [f"{one.place}{part}", f"reason:  {one.reason}", f"detail:  {one.detail or '–'}"]
    lines += [f"format:  {one.format or 'none that is known'}", f"to do:   {one.advice}"]
    if one.excerpt is None:
        lines.append("excerpt: none was kept when this was stored; take the file in anew to see one")
    elif one.excerpt:
        lines += ["excerpt:", *(f"  {line}" for line in one.excerpt.splitlines())]
    else:
        lines.append("excerpt: the record holds nothing")
    return lines


@contextmanager
def _writer(file: Path) -> Iterator[Callable[[RejectedRecord], None]]:
    """The file appears whole or not at all. Raises: ExportError."""
    if file.suffix.lower() == ".csv":
        with _table(file) as write_row:
            write_row(_COLUMNS)
            yield lambda one: write_row([_cell(value) for value in as_record(one).values()])
    else:
        with lines_writer(file) as write_line:
            yield lambda one: write_line(json_line(as_record(one)))


@contextmanager
def _table(file: Path) -> Iterator[Callable[[Iterable[object]], None]]:
    import csv

    try:
        with whole_file(file) as partial, partial.open("w", encoding="utf-8", errors="replace", newline="") as out:
            yield csv.writer(out).writerow
    except OSError as error:
        raise ExportError(f"{file} can't be written: {error}; make room or give another place") from error


def _cell(value: object) -> object:
    return defuse_cell(value) if isinstance(value, str) else value
