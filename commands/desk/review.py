"""`review`: the owner's decisions from a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assembly.stores import database_option, open_database
from coachlm.desk.post_edit import Decision, Review
from coachlm.errors import InputError
from coachlm.pairs import InstructionPair, TaskClass
from coachlm.settings import load_settings
from commands.desk.work_file import WorkFile, read_work_file
from commands.shared.output import answering_errors, emit_json, json_option, people, results

if TYPE_CHECKING:
    from coachlm.desk.work import ReviewItem
    from storage.engine.database import Database
    from storage.review.desk import ReviewDesk

_NO_LEASE = "review"  # reviews are fenced by the pair's version alone

_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
_person = click.option("--person", required=True, envvar="COACHLM_PERSON", help="Your name (also COACHLM_PERSON).")


@click.group()
def review() -> None:
    """Review post-edits: see the next, approve, fix or return it."""


@review.command("next")
@_person
@click.option("--class", "task_class", type=click.Choice([c.value for c in TaskClass]), help="Only this class.")
@click.option("--file", "path", type=click.Path(path_type=Path, dir_okay=False), help="Path of the work file.")
@database_option
@json_option
@answering_errors
def next_item(person: str, task_class: str | None, path: Path | None, db: str | None, as_json: bool) -> None:
    """Write what you should decide next to a work file. It is yours as long as a lease lasts; questions come first."""
    with _desk(db) as (desk, _database):
        found = desk.claim(person, task_class=TaskClass(task_class) if task_class else None)
    if not found:
        _nothing_there(as_json)
        return
    item = found[0]
    path = path or Path(f"{item.pair_id[:12]}.review.txt")
    work = WorkFile(item.pair_id, person, _NO_LEASE, item.version, datetime.now(UTC), _text(item))
    try:
        path.write_text(work.render(_notes(item)), encoding="utf-8", newline="")
    except OSError as error:
        raise InputError(f"can't write {path}: {error.strerror or error}; name another --file") from error
    if as_json:
        emit_json({"file": str(path), "pair": item.pair_id, "annotator": item.annotator, "reason": item.reason})
        return
    results().print(f"{path}: by {item.annotator or 'nobody'}, because {item.reason}", markup=False)
    people.print(f"next: coachlm review approve {path}   (or edit it, then fix; or return --comment …)", markup=False)


@review.command()
@_file
@click.option("--comment", default="", help="A comment for the annotator.")
@database_option
@json_option
@answering_errors
def approve(file: Path, comment: str, db: str | None, as_json: bool) -> None:
    """Approve the annotator's text as it is."""
    from storage.desk.pair_views import PairViews

    work = _read(file)
    with _desk(db) as (desk, database):
        if work.text != PairViews(database).pair(work.pair_id).final:
            raise InputError(f"{file} isn't the annotator's text any more; `coachlm review fix {file}` approves yours")
        _decide(desk, work, Decision.APPROVE, None, comment, as_json)


@review.command()
@_file
@click.option("--comment", default="", help="A comment for the annotator.")
@database_option
@json_option
@answering_errors
def fix(file: Path, comment: str, db: str | None, as_json: bool) -> None:
    """Approve the text of the work file, with your corrections."""
    work = _read(file)
    with _desk(db) as (desk, _database):
        _decide(desk, work, Decision.FIX, work.text, comment, as_json)


@review.command("return")
@_file
@click.option("--comment", required=True, help="What the annotator should do.")
@database_option
@json_option
@answering_errors
def send_back(file: Path, comment: str, db: str | None, as_json: bool) -> None:
    """Send the pair back to its annotator, with a comment."""
    work = _read(file)
    with _desk(db) as (desk, _database):
        _decide(desk, work, Decision.RETURN, None, comment, as_json)


@review.command()
@click.argument("pair")
@_person
@database_option
@json_option
@answering_errors
def reopen(pair: str, person: str, db: str | None, as_json: bool) -> None:
    """Take back a decision: the pair waits for review again.

    The history keeps what was decided.
    """
    from storage.desk.pair_views import PairViews

    with _desk(db) as (desk, database):
        item = desk.reopen(pair, person, version=PairViews(database).pair(pair).version)
    if as_json:
        emit_json({"pair": item.pair_id, "version": item.version, "reason": item.reason})
        return
    results().print(f"pair {item.pair_id} waits for your review again", markup=False)
    people.print("next: coachlm review next", markup=False)


@contextmanager
def _desk(db: str | None) -> Iterator[tuple["ReviewDesk", "Database"]]:
    from storage.desk.rules import DeskRules
    from storage.review.desk import ReviewDesk

    settings = load_settings(database_url=db)
    with open_database(settings) as database:
        rules = DeskRules.from_settings(settings)
        yield ReviewDesk(database, rules=rules, lease_seconds=settings.desk.lease_seconds), database


def _decide(
    desk: "ReviewDesk", work: WorkFile, decision: Decision, final: InstructionPair | None, comment: str, as_json: bool
) -> None:
    version = desk.review(Review(work.pair_id, work.person, decision, final, comment), version=work.version)
    if as_json:
        emit_json({"pair": work.pair_id, "decision": decision, "version": version})
        return
    said = "goes back to its annotator" if decision is Decision.RETURN else "is approved"
    results().print(f"pair {work.pair_id} {said}", markup=False)


def _text(item: "ReviewItem") -> InstructionPair:
    if item.post_edit is not None:
        return item.post_edit.final
    return item.raw if item.revision is None else item.revision.revised


def _notes(item: "ReviewItem") -> tuple[str, ...]:
    notes = [f"class: {item.task_class or 'none'}; by {item.annotator or 'nobody'}; because {item.reason}"]
    notes += [f"comment: {text}" for text in (item.comment, item.post_edit and item.post_edit.comment) if text]
    notes += ["raw response before the coach:", *item.raw.response.splitlines()]
    if item.revision is not None:
        notes += [f"coach: {item.revision.outcome}", *item.revision.revised.response.splitlines()]
    return tuple(notes)


def _read(file: Path) -> WorkFile:
    try:
        work = read_work_file(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} can't be read: {error}; name the work file of `coachlm review next`") from error
    if work.lease_token != _NO_LEASE:
        raise InputError(f"{file} is an annotator's work file; this takes those of `coachlm review next`")
    return work


def _nothing_there(as_json: bool) -> None:
    answer: dict[str, Any] = {"file": None, "pair": None}
    if as_json:
        emit_json(answer)
    else:
        people.print("nothing waits for you; `coachlm queue status` says how much is under way")
