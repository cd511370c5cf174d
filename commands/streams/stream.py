"""`stream`: the workers between Kafka's topics, one process each, and all of them together for development."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from assembly.stores import build_stream_store, database_option, open_database
from assembly.stream_workers import _only_one_on_sqlite, run_intake_worker, run_revise_worker
from coachlm.errors import SettingsError
from coachlm.machine.processes import coachlm_command
from coachlm.settings import load_settings
from commands.shared.engine_options import engine_option
from commands.shared.output import answering_errors, emit_json, terminal_safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.broker.wire.report import Report

_driver = click.option(
    "--driver", "stream_driver", type=click.Choice(["faust", "aiokafka"]), help="Library that consumes the topics."
)
_servers = click.option("--servers", "kafka_servers", help="Brokers as HOST:PORT, separated by commas.")
_metrics = click.option("--metrics-port", type=int, help="Port of the Prometheus metrics; 0: none.")
_FLAGS = {
    "stream_driver": "--driver",
    "kafka_servers": "--servers",
    "engine": "--engine",
    "metrics_port": "--metrics-port",
}
"""By the setting that each gives."""
_lines = click.option("--json", "as_json", is_flag=True, help="Print every change of state as a JSON line.")


def worker_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (_lines, _metrics, _servers, _driver, database_option):
        function = option(function)
    return function


@click.group()
def stream() -> None:
    """Run workers that carry logs from Kafka to the queue.

    Any number of each kind, one process each.

    Each says its changes of state on standard output, finishes its batch on SIGTERM, and exits with 75 when it is to be
    started again. docs/explanations/streams.md has the promises.
    """


@stream.command()
@worker_options
@answering_errors
def intake(db: str | None, as_json: bool, **options: Any) -> None:
    """Take the records of logs.raw in: parse, filter, store."""
    settings = load_settings(database_url=db, **options)
    with open_database(settings) as database, _only_one_on_sqlite(database, "intake"):
        run_intake_worker(database, settings, _report("intake", as_json))


@stream.command()
@worker_options
@engine_option
@answering_errors
def revise(db: str | None, as_json: bool, **options: Any) -> None:
    """Revise the pairs of pairs.accepted."""
    settings = load_settings(database_url=db, **options)
    with open_database(settings) as database, _only_one_on_sqlite(database, "revise"):
        run_revise_worker(database, settings, _report("revise", as_json))


@stream.command()
@worker_options
@answering_errors
def relay(db: str | None, as_json: bool, **options: Any) -> None:
    """Publish the outbox to its topics, without another stage.

    Every other worker publishes, too.
    """
    from streams.broker.worker.worker import run_relay

    settings = load_settings(database_url=db, **options)
    with open_database(settings) as database:
        run_relay(build_stream_store(database, settings), settings, _report("relay", as_json))


@stream.command(name="all")
@worker_options
@engine_option
@answering_errors
def everything(db: str | None, as_json: bool, **options: Any) -> None:
    """Run one worker of each kind, restarted when it ends.

    For development and small machines.
    """
    from streams.broker.topics.topics import ensure_topics
    from streams.broker.worker.supervisor import Supervisor

    settings = load_settings(database_url=db, **options)
    with open_database(settings):
        ensure_topics(settings)
    given = {"--db": db, **{_FLAGS[name]: value for name, value in options.items()}}
    commands = {stage: _command(stage, _flags(stage, given), as_json) for stage in ("intake", "revise")}
    raise SystemExit(Supervisor(commands, _report("all", as_json)).run())


@stream.command()
@click.argument("topic", required=False)
@answering_errors
def schemas(topic: str | None) -> None:
    """Print the JSON Schemas of the topics' messages.

    Of one TOPIC, where it is given (without its prefix).
    """
    from streams.broker.wire.codec import SCHEMAS, json_schema

    known = {str(name): name for name in SCHEMAS}
    if topic is not None and topic not in known:
        raise SettingsError(f"no schema for {topic!r}; there are: {', '.join(known)}")
    emit_json(json_schema(known[topic]) if topic else {name: json_schema(known[name]) for name in known})


def _report(worker: str, as_json: bool) -> Report:
    """Prints each change of state, from whichever thread, as one line."""

    def report(state: str, /, **facts: object) -> None:
        now = datetime.now(UTC)
        if as_json:
            line = {"at": now.isoformat(timespec="milliseconds"), "worker": worker, "state": state, **facts}
            click.echo(json.dumps(line, ensure_ascii=False, default=str))
        else:
            named = ", ".join(f"{name} {_shown(value)}" for name, value in facts.items())
            click.echo(terminal_safe(f"{now:%H:%M:%S} {worker}: {state}{f': {named}' if named else ''}"))
        sys.stdout.flush()

    return report


def _shown(value: object) -> str:
    return (", ".join(map(str, value)) or "none") if isinstance(value, list) else str(value)


def _flags(stage: str, given: dict[str, Any]) -> list[str]:
    """For one process of `all`; each needs a port of its own for metrics."""
    flags: list[str] = []
    for name, value in given.items():
        if value is None or (name == "--engine" and stage != "revise"):
            continue
        if name == "--metrics-port" and value and stage == "revise":
            value += 1
        flags += [name, str(value)]
    return flags


def _command(stage: str, flags: Sequence[str], as_json: bool) -> list[str]:
    return coachlm_command("stream", stage, *flags, *(["--json"] if as_json else []))
