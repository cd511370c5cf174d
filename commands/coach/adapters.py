"""`adapters`: which adapters there are, what the gate said of them, and which one revises."""

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from assembly.stores import adapter_artifacts, database_option, open_database
from coachlm.coaching.adapters import AdapterRecord
from coachlm.errors import InputError
from coachlm.settings import Settings, load_settings
from commands.catalogue import ADAPTERS
from commands.shared.lazy_group import LazyGroup
from commands.shared.output import answering_errors, emit_json, json_option, people, results, terminal_safe

if TYPE_CHECKING:
    from storage.adapters.adapters import DatabaseAdapterRegistry

_digest = click.argument("digest")
_why = click.option("--why", default="", help="The reason, for the history.")


@click.group(cls=LazyGroup, entries=ADAPTERS)
def adapters() -> None:
    """Register, gate and promote coach adapters.

    An adapter goes candidate → gated → canary → current → retired, or is rejected.
    """


@adapters.command("list")
@database_option
@json_option
@answering_errors
def list_adapters(db: str | None, as_json: bool) -> None:
    """All adapters, newest first."""
    with _registry(load_settings(database_url=db)) as registry:
        found = registry.adapters()
    if as_json:
        emit_json({"adapters": [asdict(record) for record in found]})
        return
    if not found:
        results().print("no adapter is registered")
        people.print("next: coachlm train …, then coachlm adapters add RUN_FOLDER; or coachlm refresh")
        return
    table = Table(show_edge=False, pad_edge=False)
    for title in ("digest", "state", "since (UTC)", "base", "alpha", "trained on", "gate"):
        table.add_column(title)
    for record in found:
        share = f" {record.canary_share:.0%}" if record.canary_share else ""
        table.add_row(
            record.digest[:12],
            f"{record.state}{share}",
            f"{record.changed_at:%Y-%m-%d %H:%M}",
            terminal_safe(record.base),
            _of(record, "selection", "alpha"),
            _of(record, "examples"),
            terminal_safe(str((record.gate or {}).get("reason", "–"))),
        )
    results().print(table)


@adapters.command()
@_digest
@database_option
@json_option
@answering_errors
def show(digest: str, db: str | None, as_json: bool) -> None:
    """Show one adapter: training, gate figures, history."""
    with _registry(load_settings(database_url=db)) as registry:
        record, events = registry.show(digest), registry.events(digest)
    if as_json:
        emit_json({"adapter": asdict(record), "events": [asdict(event) for event in events]})
        return
    out = results()
    for name, value in _flat({**asdict(record)}):
        out.print(f"{name:40} {terminal_safe(str(value))}", markup=False)
    for event in events:
        line = f"{event.at:%Y-%m-%d %H:%M:%S}  {event.before or '–'} → {event.after}  by {event.by}  {event.detail}"
        out.print(terminal_safe(line), markup=False)


@adapters.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@database_option
@json_option
@answering_errors
def add(run: Path, db: str | None, as_json: bool) -> None:
    """Register the adapter of a finished `coachlm train` folder.

    It is published and becomes a candidate.
    """
    from trainer.plan.run_folder import RunFolder

    folder = RunFolder(run)
    if (record := folder.record()) is None:
        raise InputError(f"{run} holds no finished training run; run `coachlm train --output {run} …` to its end first")
    settings = load_settings(database_url=db)
    with _registry(settings) as registry:
        url = adapter_artifacts(settings).publish(folder.adapters / record.adapter)
        made = AdapterRecord(record.adapter, record.base, record.base_digest, url, training=asdict(record))
        _answer(
            registry.register(made, getpass.getuser()),
            as_json,
            "next: coachlm adapters gate, then coachlm adapters promote",
        )


@adapters.command()
@_digest
@_why
@database_option
@json_option
@answering_errors
def promote(digest: str, why: str, db: str | None, as_json: bool) -> None:
    """Make an adapter that passed the gate the current one.

    Workers follow without a restart.
    """
    _change(db, as_json, lambda registry, by: registry.promote(digest, by, why))


@adapters.command()
@_digest
@click.option("--share", type=float, required=True, help="Share of the pairs it revises, above 0 and below 1.")
@database_option
@json_option
@answering_errors
def canary(digest: str, share: float, db: str | None, as_json: bool) -> None:
    """Let an adapter that passed the gate revise a share of the pairs."""
    _change(db, as_json, lambda registry, by: registry.start_canary(digest, share, by))


@adapters.command()
@_why
@database_option
@json_option
@answering_errors
def rollback(why: str, db: str | None, as_json: bool) -> None:
    """Go back: stop the canary, or return to the adapter before."""
    _change(db, as_json, lambda registry, by: registry.roll_back(by, why))


@adapters.command()
@_digest
@click.option("--why", required=True, help="The reason, for the history.")
@database_option
@json_option
@answering_errors
def reject(digest: str, why: str, db: str | None, as_json: bool) -> None:
    """Take an adapter out of use for good."""
    _change(db, as_json, lambda registry, by: registry.reject(digest, by, why))


@adapters.command()
@click.argument("one")
@click.argument("other")
@database_option
@json_option
@answering_errors
def diff(one: str, other: str, db: str | None, as_json: bool) -> None:
    """Compare two adapters: data, settings, figures of the gate."""
    with _registry(load_settings(database_url=db)) as registry:
        left, right = (dict(_flat(asdict(registry.show(digest)))) for digest in (one, other))
    names = [name for name in {**left, **right} if left.get(name) != right.get(name)]
    if as_json:
        emit_json({"differences": {name: [left.get(name), right.get(name)] for name in names}})
        return
    for name in names:
        values = " → ".join(str(side.get(name, "–")) for side in (left, right))
        results().print(terminal_safe(f"{name:40} {values}"), markup=False)


def _change(
    db: str | None, as_json: bool, step: Callable[["DatabaseAdapterRegistry", str], AdapterRecord | None]
) -> None:
    with _registry(load_settings(database_url=db)) as registry:
        _answer(step(registry, getpass.getuser()), as_json)


def _answer(record: AdapterRecord | None, as_json: bool, following: str = "") -> None:
    if as_json:
        emit_json({"adapter": None if record is None else asdict(record)})
    elif record is None:
        results().print("the canary has ended; no adapter is current")
    else:
        results().print(f"adapter {record.digest[:12]} is {record.state}")
    if following and not as_json:
        people.print(following)


@contextmanager
def _registry(settings: Settings) -> Iterator["DatabaseAdapterRegistry"]:
    from storage.adapters.adapters import DatabaseAdapterRegistry

    with open_database(settings) as database:
        yield DatabaseAdapterRegistry(database)


def _of(record: AdapterRecord, *names: str) -> str:
    value: Any = record.training
    for name in names:
        value = value.get(name, "–") if isinstance(value, dict) else "–"
    return str(value)


def _flat(values: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Nested figures under dotted names; long lists are left out."""
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        elif not (isinstance(value, list) and len(value) > 8):
            yield f"{before}{name}", value
