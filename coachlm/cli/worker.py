"""`worker`: revises what waits in the database, one of any number of processes."""

import os
import signal
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

from coachlm.cli.engines import build_engine
from coachlm.cli.output import answering_errors, emit_json, json_option, people, results
from coachlm.cli.progress import progress_display
from coachlm.cli.stores import database_option, open_database
from coachlm.errors import SettingsError
from coachlm.revision import Revision
from coachlm.settings import load_settings

if TYPE_CHECKING:
    from streams.revise_worker import WorkerCounts


@click.command()
@database_option
@click.option("--engine", help="`rules`, `coach`, `packed`, `transformers` or `openai`.")
@click.option("--model", help="Model folder or hub id; its name on `openai` servers.")
@click.option("--adapter", help="LoRA adapter folder, or `registry`.")
@click.option("--until-empty", is_flag=True, help="End when nothing waits any more.")
@json_option
@answering_errors
def worker(db: str | None, until_empty: bool, as_json: bool, **options: Any) -> None:
    """Revise what waits in the database, and what comes; any number of workers share it, on any number of hosts.

    SIGTERM: what is in the engine is finished within COACHLM_DRAIN_SECONDS and committed, the rest handed back.
    """
    from storage.revision_claims import RevisionClaims
    from streams.revise_worker import ReviseWorker, WorkerOptions

    settings = load_settings(database_url=db, **options)
    if settings.engine == "none":
        raise SettingsError("engine `none` revises nothing; choose `rules`, `packed`, `transformers` or `openai`")
    name = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:6]}"
    chosen = WorkerOptions(
        claim_pairs=2 * settings.reviser_batch_pairs,
        extend_seconds=settings.revision_claim_seconds / 5,
        drain_seconds=settings.drain_seconds,
        until_empty=until_empty,
    )
    with open_database(settings) as database, _ending() as stop, progress_display(not as_json) as display:
        reviser = build_engine(settings, database)
        assert reviser is not None
        task = display.add_task("revise", total=None, items=0, unit="pairs", line="")

        def on_saved(_: Sequence[Revision], counts: "WorkerCounts") -> None:
            display.update(task, completed=counts.saved, items=counts.saved, line=f"{counts.output_tokens:,} tokens")

        try:
            claims = RevisionClaims(database, settings.revision_claim_seconds)
            counts = ReviseWorker(name, claims, reviser, chosen, stop, on_saved).run()
        finally:
            reviser.close()
    if as_json:
        emit_json({"worker": name, **asdict(counts)})
        return
    seconds = max(counts.engine_seconds, 1e-9)
    results().print(
        f"{counts.saved:,} pairs revised, {counts.handed_back:,} handed back; {counts.saved / seconds:,.1f} pairs/s, "
        f"{counts.output_tokens / seconds:,.0f} tokens/s while there was work"
    )
    people.print("next: coachlm stats, or the desk: coachlm serve")


@contextmanager
def _ending() -> Iterator[threading.Event]:
    """Set by SIGTERM or Ctrl-C; a second one ends at once."""
    stop = threading.Event()

    def on_signal(number: int, _: object) -> None:
        if stop.is_set():
            raise SystemExit(128 + number)
        stop.set()
        people.print("ending: finishing what is under way")

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
