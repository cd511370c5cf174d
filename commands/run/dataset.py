"""`stats`, `export`, `report`: what is in the database, as numbers, as a data set, as a page."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assembly.stores import database_option, open_database
from coachlm.desk.dataset import TextChoice
from coachlm.desk.where import parse_where
from coachlm.settings import load_settings
from coachlm.status import Status
from commands.shared.output import answering_errors, counts_table, emit_json, json_option, people, results

if TYPE_CHECKING:
    from exports.export import ExportOptions
    from exports.manifest import Manifest
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
@click.argument("folder", type=click.Path(path_type=Path))
@database_option
@click.option(
    "--format",
    "data_format",
    default="alpaca",
    show_default=True,
    type=click.Choice(["alpaca", "sharegpt", "chat", "jsonl", "parquet", "csv"]),
    help="Format of the records and of the files.",
)
@click.option(
    "--text",
    default="final",
    show_default=True,
    type=click.Choice([choice.value for choice in TextChoice]),
    help="Which text: as logged, the coach's, or the people's (falls back to the one before).",
)
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice([status.value for status in Status]),
    help="Only pairs of this status; may be repeated. Default: all but excluded and duplicate.",
)
@click.option(
    "--where", "where", help="Only pairs for which this holds, e.g. 'signal:thumbs<0 and not class=creative'."
)
@click.option("--include-excluded", is_flag=True, help="Write excluded pairs too (the paper trains on them).")
@click.option("--include-duplicates", is_flag=True, help="Write near copies too.")
@click.option("--provenance", is_flag=True, help="Add columns with id, status, class, format, engine, adapter.")
@click.option("--test-share", default=0.0, help="Share of the conversations for the test split.")
@click.option("--name", default="CoachLM data set", help="Title of the data card.")
@click.option("--license", help="Licence identifier for the data card.")
@click.option("--overwrite", is_flag=True, help="Write into a folder that is not empty.")
@json_option
@answering_errors
def export(folder: Path, db: str | None, data_format: str, text: str, as_json: bool, **options: Any) -> None:
    """Write a data set with manifest and data card into FOLDER.

    `datasets.load_dataset` loads it as it is.
    """
    from exports.export import KEPT_STATUSES, ExportFormat, ExportOptions

    statuses = frozenset(Status(s) for s in options.pop("statuses")) or KEPT_STATUSES
    statuses |= {Status.EXCLUDED} if options.pop("include_excluded") else set()
    statuses |= {Status.DUPLICATE} if options.pop("include_duplicates") else set()
    if (where := options.pop("where")) is not None:
        options["where"] = parse_where(where)
    wanted = ExportOptions(ExportFormat(data_format), TextChoice(text), statuses, **options)
    with open_database(load_settings(database_url=db)) as database:
        manifest = export_from(database, folder, wanted)
    if as_json:
        emit_json(asdict(manifest))
        return
    out = results()
    for file in manifest.files:
        out.print(f"{folder / file.name}: {file.rows:,} rows, {file.bytes:,} bytes")
    left_out = ", ".join(f"{count:,} {status}" for status, count in manifest.left_out.items()) or "nothing"
    out.print(f"left out: {left_out}; manifest and data card are beside the data")
    if not manifest.rows:
        people.print("the data set is empty; see `coachlm stats` for where the pairs are")


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


def export_from(database: "Database", folder: Path, options: "ExportOptions") -> "Manifest":
    from exports.export import export_dataset
    from storage.reading import StoreReader

    with StoreReader(database).snapshot() as snapshot:
        return export_dataset(snapshot.dataset_rows(Status), snapshot.flow_counts(), folder, options)


def report_from(database: "Database", path: Path, title: str) -> dict[str, Any]:
    from evaluation.report.files import write_report
    from storage.reading import StoreReader

    with StoreReader(database).snapshot() as snapshot:
        return write_report(snapshot.dataset_rows(Status), snapshot.flow_counts(), path, title).as_dict()
