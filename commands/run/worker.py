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

from assembly.engines import build_engine
from assembly.stores import database_option, open_database
from coachlm.coaching.engines import check_revises
from coachlm.coaching.revise_work import WorkerCounts, WorkerObserver
from coachlm.errors import BudgetError, SettingsError
from coachlm.machine import extras
from coachlm.protocols.revising import ClaimedPair, EngineLoad, LoadedReviser, Reviser
from coachlm.revision import Revision
from coachlm.settings import Settings, load_settings
from commands.shared.engine_options import engine_options
from commands.shared.output import answering_errors, counts_table, emit_json, json_option, people, results
from commands.shared.progress import progress_display

if TYPE_CHECKING:
    from rich.progress import Progress

    from reviser.worker.revise_worker import ReviseWorker


@click.command()
@database_option
@engine_options
@click.option("--metrics-port", type=int, help="Port of the Prometheus metrics; 0: none.")
@click.option("--until-empty", is_flag=True, help="Exit when no pair waits any more.")
@json_option
@answering_errors
def worker(db: str | None, until_empty: bool, as_json: bool, **options: Any) -> None:
    """Revise what waits in the database, and what comes.

    Any number of workers share it, on any number of hosts.

    SIGTERM: what is in the engine is finished within COACHLM_DRAIN_SECONDS and committed, the rest handed back.
    """
    from reviser.worker.revise_worker import ReviseWorker, WorkerOptions
    from storage.pairs.revision_claims import RevisionClaims

    settings = load_settings(database_url=db, **options)
    check_revises(settings.reviser.engine)
    name = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:6]}"
    chosen = WorkerOptions(
        claim_pairs=2 * settings.reviser.batch_pairs,
        extend_seconds=settings.worker.claim_seconds / 5,
        drain_seconds=settings.worker.drain_seconds,
        until_empty=until_empty,
    )
    with open_database(settings) as database, _ending() as stop, progress_display(not as_json) as display:
        reviser = build_engine(settings, database)
        try:
            observer = _Shown(display, _metrics(name, reviser, settings))
            claims = RevisionClaims(database, settings.worker.claim_seconds, head_start=settings.desk.signal_head_start)
            revising = ReviseWorker(name, claims, reviser, chosen, stop, observer)
            stopped = _run(revising)
            counts = revising.counts
            load = reviser.load() if isinstance(reviser, LoadedReviser) else None
        finally:
            reviser.close()
    if as_json:
        extra = {"stopped": stopped} if stopped else {}
        emit_json({"worker": name, **asdict(counts), "engine": asdict(load) if load else None, **extra})
        return
    _tell(counts, load)
    people.print(stopped or "next: coachlm stats, or the desk: coachlm serve", markup=False)


def _run(worker: "ReviseWorker") -> str:
    """Why it ended before there was nothing left to do; empty where it didn't."""
    try:
        worker.run()
    except BudgetError as spent:
        return str(spent)
    return ""


class _Shown(WorkerObserver):
    """A line for people, and metrics where they are wanted."""

    def __init__(self, display: "Progress", metrics: WorkerObserver) -> None:
        self._display = display
        self._metrics = metrics
        self._task = display.add_task("revise", total=None, items=0, unit="pairs", line="")

    def claimed(self, pairs: Sequence[ClaimedPair]) -> None:
        self._metrics.claimed(pairs)

    def saved(self, revisions: Sequence[Revision], counts: WorkerCounts) -> None:
        self._metrics.saved(revisions, counts)
        line = f"{counts.output_tokens:,} tokens"
        self._display.update(self._task, completed=counts.saved, items=counts.saved, line=line)

    def waiting(self) -> None:
        self._metrics.waiting()


def _metrics(name: str, reviser: Reviser, settings: Settings) -> WorkerObserver:
    """Raises: SettingsError, when the port is taken or the library for it isn't there."""
    if not settings.worker.metrics_port:
        return WorkerObserver()
    if problem := extras.METRICS.lack("COACHLM_METRICS_PORT needs"):
        raise SettingsError(f"{problem}; or set it to 0")
    from coachlm.metrics import serve_metrics
    from reviser.worker.worker_metrics import WorkerMetrics

    metrics = WorkerMetrics(name, reviser)
    serve_metrics(metrics.registry, settings)
    return metrics


def _tell(counts: WorkerCounts, load: EngineLoad | None) -> None:
    seconds, out = max(counts.engine_seconds, 1e-9), results()
    out.print(
        f"{counts.saved:,} pairs revised, {counts.handed_back:,} handed back; {counts.saved / seconds:,.1f} pairs/s, "
        f"{counts.output_tokens / seconds:,.0f} tokens/s while there was work"
    )
    if counts.claimed:
        out.print(f"a pair had waited {counts.waited_seconds / counts.claimed:,.0f} s on average since it came in")
    if load is not None and load.places:
        drafts = f"{load.accepted_tokens:,} of {load.drafted_tokens:,} draft tokens accepted"
        out.print(f"engine: {load.rows / load.places:.0%} full over {load.steps:,} steps, {drafts}")
    if counts.fallbacks:
        out.print(counts_table("kept raw, because", counts.fallbacks, "reason"))


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
