"""`doctor`: is this machine, this database and this engine ready, and if not, what to do."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import click

from assembly.engines import build_engine
from assembly.stores import database_option, open_database
from coachlm import __version__
from coachlm.coaching.engines import ENGINES
from coachlm.errors import CoachLMError, StoreError
from coachlm.settings import REGISTRY, Settings, load_settings
from commands.shared.engine_options import engine_option
from commands.shared.output import answering_errors, emit_json, json_option, results, terminal_safe

Verdict = Literal["ok", "warning", "failed"]
_COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    verdict: Verdict
    detail: str
    remedy: str = ""


@click.command()
@database_option
@engine_option
@json_option
@answering_errors
def doctor(db: str | None, engine: str | None, as_json: bool) -> None:
    """Check machine, database and engine.

    Exits with 1 when something that is needed is broken.
    """
    settings = load_settings(database_url=db, engine=engine)
    findings = [finding for check in (_machine, _packages, _disk, _database, _engine) for finding in check(settings)]
    failed = any(finding.verdict == "failed" for finding in findings)
    if as_json:
        emit_json({"ok": not failed, "findings": [asdict(finding) for finding in findings]})
    else:
        out = results()
        for finding in findings:
            out.print(f"[{_COLOURS[finding.verdict]}]{finding.verdict:8}[/] {finding.name:12}", end=" ")
            out.print(terminal_safe(finding.detail), markup=False)
            if finding.remedy:
                out.print(f"{'':22}→ {terminal_safe(finding.remedy)}", markup=False)
    if failed:
        raise SystemExit(1)


def _machine(settings: Settings) -> Iterator[Finding]:
    yield Finding("coachlm", "ok", f"{__version__} on Python {platform.python_version()}, {sys.platform}")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding("cores", "ok", f"{cores} usable; intake uses {settings.intake.processes or cores} processes")


def _packages(settings: Settings) -> Iterator[Finding]:
    engine = ENGINES[settings.reviser.engine]
    if engine.extra and (missing := engine.missing()):
        found = f"missing for the {engine.name} engine: {', '.join(missing)}"
        yield Finding("packages", "failed", found, engine.extra.remedy)
    elif engine.extra:
        yield Finding("packages", "ok", f"all that engine `{engine.name}` needs: {', '.join(engine.extra.packages)}")
    else:
        others = sorted({package for each in ENGINES.values() for package in each.missing()})
        without = f"; without {', '.join(others)}, for other engines" if others else ""
        yield Finding("packages", "ok", f"engine `{engine.name}` needs none{without}")


def _disk(settings: Settings) -> Iterator[Finding]:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    if free < 1:
        yield Finding("disk", "warning", f"{free:.1f} GB free in {Path.cwd()}", "free some space before a long run")
    else:
        yield Finding("disk", "ok", f"{free:.0f} GB free in the working folder")


def _database(settings: Settings) -> Iterator[Finding]:
    def reach() -> str:
        if (file := _missing_file(settings)) is not None:
            if not os.access(file.parent, os.W_OK):
                raise StoreError(f"{file} isn't there, and can't be made: no such folder, or it can't be written to")
            return f"{file} isn't there yet; the first run makes it"
        with open_database(settings) as database:
            return f"{database.name}: reachable, and its tables are this version's"

    yield _tried("database", reach)


def _engine(settings: Settings) -> Iterator[Finding]:
    def build() -> str:
        from reviser.engines import build_reviser

        if not (engine := ENGINES[settings.reviser.engine]).revises:
            return f"`{engine.name}`: {engine.help}"
        instructed = settings.instructing.coach == "instructed"
        follows = (settings.reviser.adapter == REGISTRY or instructed) and _missing_file(settings) is None
        alone = settings.replaced(adapter=None) if settings.reviser.adapter == REGISTRY else settings
        with open_database(settings) if follows else nullcontext() as database:
            reviser = build_reviser(alone) if database is None else build_engine(settings, database)
        kind = "as instructed coach" if instructed else "with adapter"
        name = f"`{reviser.name}`" + (f" {kind} {reviser.adapter[:12]}" if reviser.adapter else "")
        reviser.close()
        return name

    yield _tried("engine", build)


def _missing_file(settings: Settings) -> Path | None:
    """Of a SQLite database that no run has made yet."""
    from storage.engine.database import sqlite_file

    file = sqlite_file(settings.database.url.get_secret_value())
    return None if file is None or file.exists() else file


def _tried(name: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(name, "ok", check())
    except CoachLMError as error:
        return Finding(name, "failed", str(error))
