"""`stats`, `report`: what is in the database, as numbers and as a page."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assembly.stores import database_option, open_database
from coachlm.settings import load_settings
from coachlm.status import Status
from commands.shared.output import answering_errors, counts_table, emit_json, json_option, people, results

if TYPE_CHECKING:
    from storage.engine.database import Database


@click.command()
@database_option
@json_option
@answering_errors
def stats(db: str | None, as_json: bool) -> None:
    """Count pairs by status, and rejects and exclusions by reason.

    Where everything that came in has gone; revisions by reason, too.
    """
    from storage.figures.flow import read_flow

    with open_database(load_settings(database_url=db)) as database, database.reading() as connection:
        counts = read_flow(connection)
    if as_json:
        emit_json(asdict(counts))
        return
    out = results()
    out.print(f"{counts.pairs:,} pairs in {counts.occurrences:,} occurrences ({counts.exact_duplicates:,} repeats)")
    sections = (
        ("pairs by status", counts.by_status, "status"),
        ("pairs by class", counts.by_class, "class"),
        ("records that became no pair", counts.rejects_by_reason, "reason"),
        ("pairs excluded", counts.excluded_by_reason, "reason"),
        ("revisions", counts.revisions_by_outcome, "outcome"),
        ("kept raw, because", counts.fallbacks_by_reason, "reason"),
        ("flags for annotators", counts.flags_by_kind, "kind"),
        ("personal data replaced", counts.redactions_by_kind, "kind"),
        ("occurrences by format", counts.occurrences_by_format, "format"),
    )
    for title, section, what in sections:
        if section:
            out.print()
            out.print(counts_table(title, section, what))
    if not counts.occurrences:
        people.print("the database is empty; next: coachlm run PATHS…")


@click.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@database_option
@click.option("--title", default="CoachLM report", help="Heading of the page.")
@json_option
@answering_errors
def report(path: Path, db: str | None, title: str, as_json: bool) -> None:
    """Write a self-contained HTML report to PATH.

    Flow, reasons, statistics before and after, word diffs.
    """
    with open_database(load_settings(database_url=db)) as database:
        summary = report_from(database, path, title)
    if as_json:
        emit_json({"report": str(path), **summary})
    else:
        results().print(f"{path} written")


def report_from(database: "Database", path: Path, title: str) -> dict[str, Any]:
    from evaluation.report.files import write_report
    from storage.reading import StoreReader

    with StoreReader(database).snapshot() as snapshot:
        return write_report(snapshot.dataset_rows(Status), snapshot.flow_counts(), path, title).as_dict()
