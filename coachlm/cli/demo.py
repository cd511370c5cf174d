"""`demo`: the main job on sample logs, from the logs to a report and a data set."""

import time
from pathlib import Path
from typing import Any

import click

from coachlm.cli.dataset import export_from, report_from
from coachlm.cli.output import answering_errors, emit_json, json_option, results
from coachlm.cli.progress import RunCounts
from coachlm.cli.run import ingest_into, revise_in
from coachlm.cli.stores import open_database
from coachlm.dataset import TextChoice
from coachlm.errors import ExportError
from coachlm.settings import load_settings

SAMPLE_LOGS = Path(__file__).parent.parent / "data" / "sample_logs"
_ENGINES = {
    "coach": "the bundled coach: copy-editing alone, on the CPU; a large model is one flag away, see README",
    "rules": "copy-editing by rules; a model is one flag away, see README",
}
_OURS = ("coachlm.db", "coachlm.db-wal", "coachlm.db-shm", "report.html", "report.json")


@click.command()
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), default=Path("demo-output"), show_default=True,
    help="Folder for database, report and data set.",
)  # fmt: skip
@json_option
@answering_errors
def demo(output: Path, as_json: bool) -> None:
    """Turn the bundled sample logs into revised pairs, a report and a data set."""
    from reviser.coach.bundle import is_bundled
    from reviser.engines import build_reviser
    from storage.export import ExportOptions

    started = time.monotonic()
    _make_room(output)
    engine = "coach" if is_bundled() else "rules"
    settings = load_settings(database_url=f"sqlite:///{output / 'coachlm.db'}", engine=engine)
    counts = RunCounts()
    say = _silent if as_json else results().print
    say(f"[bold]1. taking logs in[/]   {SAMPLE_LOGS}")
    with open_database(settings) as database:
        ingest_into(database, (str(SAMPLE_LOGS),), settings, None, counts, show=not as_json)
        say(f"   {counts.records} records: {counts.intake_line()}")
        say(f"[bold]2. revising[/]         engine `{engine}` ({_ENGINES[engine]})")
        reviser = build_reviser(settings)
        if reviser is not None:
            revise_in(database, reviser, settings, counts, show=not as_json)
        say(f"   {counts.revision_line()}")
        report = output / "report.html"
        summary = report_from(database, report, "CoachLM demo")
        wanted = ExportOptions(text=TextChoice.REVISED, name="CoachLM demo data set", license="cc0-1.0")
        manifest = export_from(database, output / "dataset", wanted)
    seconds = time.monotonic() - started
    if as_json:
        emit_json(
            {
                **counts.as_dict(),
                "engine": engine,
                "report": summary,
                "rows": manifest.rows,
                "seconds": round(seconds, 1),
            }
        )
        return
    url = settings.database_url.get_secret_value()
    say("[bold]3. what to look at[/]")
    say(f"   {report}   the flow, every reason, before and after")
    say(f"   {output / 'dataset'}/      {manifest.rows} pairs, with data card and manifest")
    say(f"done in {seconds:.0f} s. Next:")
    say("   make desk                                                  post-edit these pairs in your browser")
    say(f"   .venv/bin/coachlm queue next --person you --db {url}   post-edit one in an editor", soft_wrap=True)
    say(f"   .venv/bin/coachlm stats --db {url}                     where everything went", soft_wrap=True)
    say("   .venv/bin/coachlm run YOUR_LOGS…                           your own logs", soft_wrap=True)


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
