"""`pull`: logs that other services keep, through their HTTP APIs."""

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from assembly.stores import build_store, database_option, intake_salt, open_database
from coachlm.errors import SettingsError
from coachlm.machine import extras
from coachlm.protocols.intake import IntakeCounts
from coachlm.settings import load_settings
from commands.shared.moments import Moment
from commands.shared.output import answering_errors, counts_table, emit_json, json_option, people, results
from commands.shared.progress import RunCounts, progress_display

if TYPE_CHECKING:
    from streams.pulling.origin import Origin
    from streams.pulling.pull import Pulled
    from streams.pulling.web import Web

P = ParamSpec("P")
R = TypeVar("R")


@click.group()
def pull() -> None:
    """Pull logs from Langfuse, LangSmith, Phoenix or Hugging Face.

    A pull that stops goes on where it stopped; a finished one asks for what is new. Keys come from the environment
    (or from the file that NAME_FILE names), never from options.
    """


def _pulling(function: Callable[P, R]) -> Callable[P, R]:
    """The options of every origin, and its errors as sentences."""
    turns = click.option(
        "--turns", type=click.Choice(["first", "each", "last"]), help="Which turns of a conversation become pairs."
    )
    limit = click.option(
        "--limit", type=click.IntRange(min=1), help="Stop after the page that reaches so many records."
    )
    afresh = click.option("--afresh", is_flag=True, help="Begin anew; nothing is stored twice.")
    return database_option(turns(limit(afresh(json_option(answering_errors(function))))))


def _in_time(function: Callable[P, R]) -> Callable[P, R]:
    until = click.option("--until", type=Moment(), help="Only records that began before this time (default: now).")
    since = click.option(
        "--since", type=Moment(), help="Only records that began at this time or after: 2026-03-01, or 7d (ago)."
    )
    return since(until(function))


@pull.command()
@click.option("--host", help="Address (also LANGFUSE_HOST; default: Langfuse's cloud in the EU).")
@_in_time
@_pulling
def langfuse(host: str | None, **options: Any) -> None:
    """Pull the generations of a Langfuse project.

    LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY say which project.
    """
    _check_extra()
    from streams.pulling.langfuse import CLOUD, KEYS, LangfuseOrigin, basic

    public, secret = _key("LANGFUSE_PUBLIC_KEY"), _key("LANGFUSE_SECRET_KEY")
    if not public or not secret:
        raise SettingsError(f"set {KEYS}; the project's settings in Langfuse show them")
    web = _web(host or _key("LANGFUSE_HOST") or _key("LANGFUSE_BASE_URL") or CLOUD, basic(public, secret), KEYS)
    _run(web, lambda: LangfuseOrigin(web, public), options)


@pull.command()
@click.option("--project", required=True, help="Name or id of the tracing project.")
@click.option("--host", help="Address (also LANGSMITH_ENDPOINT; default: LangSmith's cloud).")
@_in_time
@_pulling
def langsmith(project: str, host: str | None, **options: Any) -> None:
    """Pull the model runs of a LangSmith project.

    LANGSMITH_API_KEY lets in; LANGSMITH_WORKSPACE_ID names the workspace of a key that has several.
    """
    _check_extra()
    from streams.pulling.langsmith import CLOUD, KEYS, LangsmithOrigin

    key = _key("LANGSMITH_API_KEY")
    if not key:
        raise SettingsError(f"set {KEYS}; LangSmith's settings make one")
    workspace = _key("LANGSMITH_WORKSPACE_ID")
    headers = {"x-api-key": key, **({"x-tenant-id": workspace} if workspace else {})}
    web = _web((host or _key("LANGSMITH_ENDPOINT") or CLOUD).removesuffix("/api/v1"), headers, KEYS)
    _run(web, lambda: LangsmithOrigin(web, project), options)


@pull.command()
@click.option("--project", default="default", show_default=True, help="Name or id of the project.")
@click.option("--host", help="Address (also PHOENIX_HOST; default: http://localhost:6006).")
@_in_time
@_pulling
def phoenix(project: str, host: str | None, **options: Any) -> None:
    """Pull the model spans of a Phoenix project.

    PHOENIX_API_KEY lets in where the server asks for a key.
    """
    _check_extra()
    from streams.pulling.phoenix import KEYS, LOCAL, PhoenixOrigin

    key = _key("PHOENIX_API_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    web = _web(host or _key("PHOENIX_HOST") or LOCAL, headers, KEYS)
    _run(web, lambda: PhoenixOrigin(web, project), options)


@pull.command()
@click.argument("dataset")
@click.option("--config", help="Subset; without it the only one, or `default`.")
@click.option("--split", help="Split; without it the only one, or `train`.")
@click.option("--host", help="Address of the dataset viewer (also HF_DATASETS_SERVER).")
@_pulling
def huggingface(dataset: str, config: str | None, split: str | None, host: str | None, **options: Any) -> None:
    """Pull a split of a data set on the Hugging Face hub.

    DATASET is OWNER/NAME. HF_TOKEN lets into private and gated ones. Rows come by a hundred; for millions, download
    the Parquet files and give them to `coachlm ingest`.
    """
    _check_extra()
    from streams.pulling.huggingface import KEYS, VIEWER, HuggingFaceOrigin

    key = _key("HF_TOKEN")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    web = _web(host or _key("HF_DATASETS_SERVER") or VIEWER, headers, KEYS)
    _run(web, lambda: HuggingFaceOrigin(web, dataset, config, split), options)


def _check_extra() -> None:
    """Raises: SettingsError."""
    if lack := extras.WEB.lack("pulling needs"):
        raise SettingsError(lack)


def _key(name: str, environment: Mapping[str, str] = os.environ) -> str:
    """Raises: SettingsError, where the named file can't be read."""
    if value := environment.get(name, "").strip():
        return value
    if not (file := environment.get(f"{name}_FILE", "")):
        return ""
    try:
        return Path(file).expanduser().read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"the file that {name}_FILE names can't be read; check its path and permissions") from None


def _web(url: str, headers: Mapping[str, str], keys: str) -> "Web":
    from streams.pulling.web import Web

    return Web(url, headers, keys)


def _run(
    web: "Web",
    build: Callable[[], "Origin"],
    options: dict[str, Any],
) -> None:
    from streams.pulling.pull import Range, run_pull

    settings = load_settings(database_url=options["db"], turns=options["turns"])
    since: datetime | None = options.get("since")
    wanted = Range(since, options.get("until"), options["limit"])
    counts, show = RunCounts(), not options["as_json"]
    try:
        with open_database(settings) as database, progress_display(show) as display:
            origin = build()
            task = display.add_task("pull", total=wanted.limit, items=0, unit="records", line="")

            def on_counts(added: IntakeCounts, records: int) -> None:
                counts.add_intake(added, records)
                display.update(task, completed=counts.records, items=counts.records, line=counts.intake_line())

            store, salt = build_store(database, settings), intake_salt(database, settings)
            pulled = run_pull(origin, store, settings, salt, wanted, on_counts, afresh=options["afresh"])
    finally:
        web.close()
    _answer(origin.name, pulled, counts, as_json=options["as_json"])


def _answer(name: str, pulled: "Pulled", counts: RunCounts, *, as_json: bool) -> None:
    if as_json:
        more = {"source": name, "pages": pulled.pages, "finished": pulled.is_finished, "went_on": pulled.went_on}
        emit_json(counts.as_dict() | more)
        return
    out = results()
    out.print(f"{counts.records:,} records of {name}: {counts.intake_line()}", markup=False)
    if counts.by_reason:
        out.print(counts_table("excluded in this run", counts.by_reason, "reason"))
    again = "" if pulled.is_finished else "the same command again, for the rest; "
    people.print(f"next: {again}coachlm revise")
