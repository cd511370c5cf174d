"""`demo`: the main job on sample logs, from the logs to a report and a data set."""

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import coachlm
from assembly.stores import open_database
from coachlm.coaching.engines import ENGINES
from coachlm.desk.dataset import FlowCounts, TextChoice
from coachlm.errors import ExportError
from coachlm.settings import Settings, load_settings
from coachlm.status import Status
from commands.run.dataset import report_from
from commands.run.export import export_from
from commands.run.run import ingest_into, revise_in
from commands.shared.output import answering_errors, emit_json, json_option, results
from commands.shared.progress import RunCounts
from commands.streams.demo_streams import carry, own_prefix

if TYPE_CHECKING:
    from storage.engine.database import Database

SAMPLE_LOGS = Path(coachlm.__file__).parent / "data" / "sample_logs"
_MORE = "a large model is one flag away, see README"
_OURS = (
    "coachlm.db",
    "coachlm.db-wal",
    "coachlm.db-shm",
    "report.html",
    "report.json",
    "workers.log",
    "coachlm.db.intake.lock",
    "coachlm.db.revise.lock",
)


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-output"),
    show_default=True,
    help="Folder for database, report and data set.",
)
@click.option("--servers", "kafka_servers", help="Run through Kafka: brokers as HOST:PORT, separated by commas.")
@json_option
@answering_errors
def demo(output: Path, kafka_servers: str | None, as_json: bool) -> None:
    """Revise the bundled sample logs; write report and data set.

    In one process without a broker; with --servers through Kafka, on topics of its own.
    """
    from exports.export import ExportOptions
    from reviser.coach.bundle import is_bundled
    from storage.reading import StoreReader

    started = time.monotonic()
    _make_room(output)
    engine = "coach" if is_bundled() else "rules"
    streamed = {"kafka_servers": kafka_servers, "kafka_prefix": own_prefix()} if kafka_servers else {}
    settings = load_settings(None, database_url=f"sqlite:///{output / 'coachlm.db'}", engine=engine, **streamed)
    settings = settings.replaced(model=None, adapter=None)  # the bundled coach's, whatever is set
    say = _silent if as_json else results().print
    say(f"[bold]1. taking logs in[/]   {SAMPLE_LOGS}")
    with open_database(settings) as database:
        if kafka_servers:
            carry(database, SAMPLE_LOGS, settings, output / "workers.log", say)
            counts = _streamed(StoreReader(database).flow_counts(), say)
        else:
            counts = _embedded(database, settings, say, show=not as_json)
        summary = report_from(database, output / "report.html", "CoachLM demo")
        wanted = ExportOptions(text=TextChoice.REVISED, name="CoachLM demo data set", license="cc0-1.0")
        rows = export_from(database, output / "dataset", wanted).rows
    seconds = time.monotonic() - started
    if as_json:
        answer = {"engine": engine, "report": summary, "rows": rows, "seconds": round(seconds, 1)}
        emit_json({**counts.as_dict(), **answer})
    else:
        _say_what_next(say, output, rows, seconds, settings.database.url.get_secret_value())


def _streamed(found: FlowCounts, say: Callable[..., None]) -> RunCounts:
    """What the workers have put into the database."""
    by_status = Counter(found.by_status)
    counts = RunCounts(
        accepted=found.pairs - by_status[Status.EXCLUDED] - by_status[Status.DUPLICATE],
        excluded=by_status[Status.EXCLUDED],
        exact_duplicates=found.exact_duplicates,
        near_duplicates=by_status[Status.DUPLICATE],
        rejected=sum(found.rejects_by_reason.values()),
        by_reason=Counter(found.rejects_by_reason) + Counter(found.excluded_by_reason),
        revisions=Counter(found.revisions_by_outcome),
        fallback_reasons=Counter(found.fallbacks_by_reason),
    )
    say(f"   {counts.intake_line()}")
    say(f"   {counts.revision_line()}")
    return counts


def _say_what_next(say: Callable[..., None], output: Path, rows: int, seconds: float, url: str) -> None:
    say("[bold]3. what to look at[/]")
    say(f"   {output / 'report.html'}   the flow, every reason, before and after")
    say(f"   {output / 'dataset'}/      {rows} pairs, with data card and manifest")
    say(f"done in {seconds:.0f} s. Next:")
    say("   make desk                                                  post-edit these pairs in your browser")
    say(f"   .venv/bin/coachlm queue next --person you --db {url}   post-edit one in an editor", soft_wrap=True)
    say(f"   .venv/bin/coachlm stats --db {url}                     where everything went", soft_wrap=True)
    say("   .venv/bin/coachlm run YOUR_LOGS…                           your own logs", soft_wrap=True)


def _embedded(database: "Database", settings: Settings, say: Callable[..., None], *, show: bool) -> RunCounts:
    from reviser.engines import build_reviser

    counts = RunCounts()
    ingest_into(database, (str(SAMPLE_LOGS),), settings, None, counts, show=show)
    say(f"   {counts.records} records: {counts.intake_line()}")
    engine = ENGINES[settings.reviser.engine]
    say(f"[bold]2. revising[/]         engine `{engine.name}` ({engine.help}; {_MORE})")
    revise_in(database, build_reviser(settings), settings, counts, show=show)
    say(f"   {counts.revision_line()}")
    return counts


def _make_room(output: Path) -> None:
    """The folder without what an earlier demo left; anything else in it is not touched."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name in _OURS:
            (output / name).unlink(missing_ok=True)
    except OSError as error:
        raise ExportError(f"can't write to {output}: {error.strerror or error}; name another --output") from error


def _silent(*_: Any, **__: Any) -> None:
    pass
