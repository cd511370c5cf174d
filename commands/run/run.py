"""`run`, `ingest`, `revise`: the stages of the embedded driver."""

from collections.abc import Sequence
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import click

from assembly.engines import build_engine
from assembly.stores import build_store, database_option, intake_salt, open_database
from coachlm.coaching.engines import ENGINES, check_revises
from coachlm.errors import BudgetError
from coachlm.instructing import Spending
from coachlm.protocols.intake import IntakeCounts, Store
from coachlm.protocols.revising import PaidReviser, Reviser
from coachlm.revision import Revision
from coachlm.settings import Settings, load_settings
from commands.shared.engine_options import engine_options
from commands.shared.output import answering_errors, counts_table, emit_json, json_option, people, results
from commands.shared.progress import RunCounts, progress_display, spending_words

if TYPE_CHECKING:
    from storage.engine.database import Database

_SAMPLED_PAIRS = 200  # for an estimate of what a run costs
_paths = click.argument("paths", nargs=-1, required=True)
_format = click.option("--format", "log_format", help="Log format of all paths; detected if not given.")
_turns = click.option(
    "--turns", type=click.Choice(["first", "each", "last"]), help="Which turns of a conversation become pairs."
)


@click.command()
@_paths
@database_option
@_format
@_turns
@engine_options
@json_option
@answering_errors
def run(paths: tuple[str, ...], db: str | None, log_format: str | None, as_json: bool, **options: Any) -> None:
    """Take logs in and revise them, up to the annotators' queue.

    PATHS are files, folders, globs, or - for standard input. Run it again after a stop: it continues where it stopped.
    """
    settings = load_settings(database_url=db, **options)
    counts = RunCounts()
    with open_database(settings) as database:
        revises = ENGINES[settings.reviser.engine].revises
        reviser = build_engine(settings, database) if revises else None  # first, so that a wrong model is known at once
        ingest_into(database, paths, settings, log_format, counts, show=not as_json)
        if reviser is not None:
            revise_in(database, reviser, settings, counts, show=not as_json)
    _answer(counts, as_json, "coachlm stats, then coachlm queue next --person YOUR_NAME")


@click.command()
@_paths
@database_option
@_format
@_turns
@json_option
@answering_errors
def ingest(paths: tuple[str, ...], db: str | None, log_format: str | None, as_json: bool, **options: Any) -> None:
    """Take logs in without revising them.

    Parse, filter, replace personal data, de-duplicate, classify, store.
    """
    settings = load_settings(database_url=db, **options)
    counts = RunCounts()
    with open_database(settings) as database:
        ingest_into(database, paths, settings, log_format, counts, show=not as_json)
    _answer(counts, as_json, "coachlm revise")


@click.command()
@database_option
@engine_options
@json_option
@answering_errors
def revise(db: str | None, as_json: bool, **options: Any) -> None:
    """Revise every accepted pair that waits in the database."""
    settings = load_settings(database_url=db, **options)
    check_revises(settings.reviser.engine)
    counts = RunCounts()
    with open_database(settings) as database:
        reviser = build_engine(settings, database)
        revise_in(database, reviser, settings, counts, show=not as_json)
    _answer(counts, as_json, "coachlm queue next --person YOUR_NAME")


def ingest_into(
    database: "Database",
    paths: tuple[str, ...],
    settings: Settings,
    log_format: str | None,
    counts: RunCounts,
    show: bool,
) -> None:
    from streams.reading.runner import run_intake

    with progress_display(show) as display:
        task = display.add_task("intake", total=1.0, items=0, unit="records", line="")

        def on_counts(added: IntakeCounts, records: int, share: float) -> None:
            counts.add_intake(added, records)
            display.update(task, completed=share, items=counts.records, line=counts.intake_line())

        store = build_store(database, settings)
        run_intake(paths, store, settings, intake_salt(database, settings), log_format, on_counts)


def revise_in(database: "Database", reviser: Reviser, settings: Settings, counts: RunCounts, show: bool) -> None:
    from reviser.worker.pending import revise_pending

    with progress_display(show) as display:
        store = build_store(database, settings)
        waiting = store.count_awaiting_revision()
        if isinstance(reviser, PaidReviser):
            counts.estimate = estimated(store, reviser, waiting)
            if show:
                people.print(f"about {spending_words(counts.estimate)} for {waiting:,} pairs, by their length")
        task = display.add_task("revise", total=waiting, items=0, unit="pairs", line="")

        def on_revisions(revisions: Sequence[Revision]) -> None:
            counts.add_revisions(revisions)
            done = counts.revisions.total()
            display.update(task, completed=done, items=done, line=counts.revision_line())

        try:
            revise_pending(store, reviser, settings.reviser.batch_pairs, on_revisions)
        except BudgetError as spent:
            counts.stopped = str(spent)
        finally:
            counts.spending = reviser.spending if isinstance(reviser, PaidReviser) else None
            reviser.close()


def estimated(store: Store, reviser: PaidReviser, waiting: int) -> Spending:
    """Of all that waits, by the oldest of it."""
    sample = [pair for _, pair in store.awaiting_revision(_SAMPLED_PAIRS)]
    found, times = reviser.estimate(sample), waiting / max(len(sample), 1)
    return Spending(*(round(each * times) for each in astuple(found)))


def _answer(counts: RunCounts, as_json: bool, next_command: str) -> None:
    if as_json:
        emit_json(counts.as_dict())
        return
    out = results()
    if counts.records:
        out.print(f"{counts.records:,} records: {counts.intake_line()}")
    if counts.by_reason:
        out.print(counts_table("excluded in this run", counts.by_reason, "reason"))
    if counts.revisions:
        out.print(counts.revision_line())
    if counts.fallback_reasons:
        out.print(counts_table("kept raw, because", counts.fallback_reasons, "reason"))
    if line := counts.spending_line():
        out.print(line)
    if counts.stopped:
        people.print(counts.stopped, markup=False)
        return
    if not counts.records and not counts.revisions:
        out.print("nothing new: everything was in the database already")
    people.print(f"next: {next_command}")
