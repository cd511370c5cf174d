"""`export`: what is in the database as a data set, in a folder or on a hub."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assembly.stores import database_option, open_database
from coachlm.desk.dataset import TextChoice
from coachlm.settings import load_settings
from coachlm.status import Status
from commands.shared.output import answering_errors, emit_json, json_option, people, results
from commands.shared.selection_options import selection_options, taken_selection
from exports.choices.export_formats import ExportFormat, Rejected, Rows, TrainOn

if TYPE_CHECKING:
    from exports.export import ExportOptions
    from exports.manifest import Manifest
    from storage.engine.database import Database


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@database_option
@click.option(
    "--format",
    "data_format",
    default="alpaca",
    show_default=True,
    type=click.Choice([each.value for each in ExportFormat]),
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
    "--rows",
    type=click.Choice([each.value for each in Rows]),
    help="What a row is. Default: conversations for messages, pairs for all others.",
)
@click.option(
    "--train-on",
    default="all",
    show_default=True,
    type=click.Choice([each.value for each in TrainOn]),
    help="Which answers of a conversation have the weight 1: of all chosen pairs, or the edited ones.",
)
@click.option("--with-reasoning", is_flag=True, help="Write what the model thought before it answered, too.")
@click.option(
    "--rejected",
    multiple=True,
    type=click.Choice([each.value for each in Rejected]),
    help="Of preferences: where losing answers come from; may be repeated. Default: raw.",
)
@click.option("--same-question", is_flag=True, help="Of preferences: only where nobody edited the question.")
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice([status.value for status in Status]),
    help="Only pairs of this status; may be repeated. Default: all but excluded and duplicate.",
)
@click.option("--include-excluded", is_flag=True, help="Write excluded pairs too (the paper trains on them).")
@click.option("--include-duplicates", is_flag=True, help="Write near copies too.")
@selection_options
@click.option("--provenance", is_flag=True, help="Add columns with id, status, class, format, engine, adapter.")
@click.option("--test-share", default=0.0, help="Share of the conversations for the test split.")
@click.option("--validation-share", default=0.0, help="Share of the conversations for the validation split.")
@click.option("--split-seed", default="", help="Draw other splits.")
@click.option("--name", default="CoachLM data set", help="Title of the data card.")
@click.option("--license", help="Licence identifier for the data card.")
@click.option("--overwrite", is_flag=True, help="Write into a folder that is not empty.")
@click.option("--push-to-hub", "repository", help="Upload the folder to this data set (OWNER/NAME) of a hub.")
@click.option("--public", is_flag=True, help="With --push-to-hub: where the data set is new, everybody can read it.")
@json_option
@answering_errors
def export(folder: Path, db: str | None, repository: str | None, public: bool, as_json: bool, **options: Any) -> None:
    """Write a data set with manifest and data card into FOLDER.

    `datasets.load_dataset` loads it as it is. --push-to-hub takes its token from HF_TOKEN.
    """
    wanted = _taken_options(options)
    if repository is not None:
        from exports.hub import check_hub

        check_hub(repository)
    with open_database(load_settings(database_url=db)) as database:
        manifest = export_from(database, folder, wanted)
    pushed = None if repository is None else _push(folder, manifest, repository, public)
    if as_json:
        emit_json(asdict(manifest) | ({"pushed_to": pushed} if pushed else {}))
        return
    _show(folder, manifest)
    if pushed:
        results().print(f"pushed to {pushed}")


def export_from(database: "Database", folder: Path, options: "ExportOptions") -> "Manifest":
    from exports.export import export_dataset
    from storage.reading import StoreReader

    with StoreReader(database).snapshot() as snapshot:
        rows = snapshot.dataset_rows(Status, together=options.is_whole)
        return export_dataset(rows, snapshot.flow_counts(), folder, options, snapshot.rated_versions())


def _taken_options(options: dict[str, Any]) -> "ExportOptions":
    """Raises: ExportError."""
    from exports.export import KEPT_STATUSES, ExportOptions

    statuses = frozenset(Status(s) for s in options.pop("statuses")) or KEPT_STATUSES
    statuses |= {Status.EXCLUDED} if options.pop("include_excluded") else set()
    statuses |= {Status.DUPLICATE} if options.pop("include_duplicates") else set()
    data_format, text, rows = ExportFormat(options.pop("data_format")), options.pop("text"), options.pop("rows")
    rejected = frozenset(Rejected(each) for each in options.pop("rejected"))
    return ExportOptions(
        data_format,
        TextChoice(text),
        statuses,
        rows=None if rows is None else Rows(rows),
        train_on=TrainOn(options.pop("train_on")),
        rejected=rejected or None,
        selection=taken_selection(options),
        **options,
    )


def _push(folder: Path, manifest: "Manifest", repository: str, public: bool) -> str:
    from exports.hub import push_dataset

    return push_dataset(folder, manifest, repository, public=public)


def _show(folder: Path, manifest: "Manifest") -> None:
    out = results()
    for file in manifest.files:
        out.print(f"{folder / file.name}: {file.rows:,} rows, {file.bytes:,} bytes")
    counted = {**manifest.left_out, **manifest.left_out_because}
    left_out = ", ".join(f"{count:,} {reason}" for reason, count in counted.items()) or "nothing"
    out.print(f"left out: {left_out}; manifest and data card are beside the data")
    if not manifest.rows:
        people.print("the data set is empty; see `coachlm stats` for where the pairs are")
