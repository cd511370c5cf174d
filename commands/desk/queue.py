"""`queue`: post-editing from a terminal, under the same leases as everybody else."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assembly.stores import database_option, open_database
from coachlm.desk.post_edit import PostEdit
from coachlm.desk.where import parse_where
from coachlm.errors import CoachLMError, InputError
from coachlm.pairs import ExcludeReason, TaskClass
from coachlm.settings import Settings, load_settings
from coachlm.status import Status
from commands.desk.work_file import WorkFile, read_work_file
from commands.shared.output import answering_errors, emit_json, json_option, people, results, terminal_safe

if TYPE_CHECKING:
    from coachlm.desk.work import WorkItem
    from storage.desk.queue import PostEditQueue

_file = click.argument("file", type=click.Path(path_type=Path, allow_dash=True, dir_okay=False))


@click.group()
def queue() -> None:
    """Post-edit revised pairs: claim one, edit the file, submit it."""


@queue.command("next")
@click.option("--person", required=True, envvar="COACHLM_PERSON", help="Your name (also COACHLM_PERSON).")
@click.option("--class", "task_class", type=click.Choice([c.value for c in TaskClass]), help="Only this class.")
@click.option("--file", "path", type=click.Path(path_type=Path, dir_okay=False), help="Path of the work file.")
@click.option("--edit/--no-edit", default=None, help="Open $EDITOR (default: on a terminal), then submit.")
@database_option
@json_option
@answering_errors
def next_item(
    person: str, task_class: str | None, path: Path | None, edit: bool | None, db: str | None, as_json: bool
) -> None:
    """Claim the next pair and write it to a work file.

    Nobody else gets it while the lease lasts.
    """
    settings = load_settings(database_url=db)
    with open_database(settings) as database:
        desk = _queue(database, settings)
        desk.ensure_person(person)
        item = desk.claim(person, task_class=TaskClass(task_class) if task_class else None)
        if item is None:
            _nothing_there(as_json)
            return
        path = path or Path(f"{item.pair_id[:12]}.coachlm.txt")
        try:
            _write_work_file(path, item, person)
        except OSError as error:
            desk.release(item.token, person)
            raise InputError(f"can't write {path}: {error.strerror or error}; the pair went back") from error
        if as_json:
            emit_json({"file": str(path), "pair": item.pair_id, "lease": item.token, "until": item.expires_at})
        elif edit or (edit is None and click.get_text_stream("stdin").isatty()):
            _edit_and_submit(desk, path)
        else:
            results().print(f"{path}: edit it before {item.expires_at:%H:%M} UTC", markup=False)
            people.print(f"next: coachlm queue submit {path}   (or queue skip, release, exclude)", markup=False)


@queue.command()
@_file
@click.option("--comment", default="", help="A comment for the owner.")
@database_option
@json_option
@answering_errors
def submit(file: Path, comment: str, db: str | None, as_json: bool) -> None:
    """Submit the text of a work file. Repeating it stores nothing twice."""
    work = _read(file)
    settings = load_settings(database_url=db)
    with open_database(settings) as database:
        receipt = _submit(_queue(database, settings), work, comment)
    _done(file, as_json, f"submitted: pair {receipt.pair_id} waits for its owner", {"receipt": asdict(receipt)})


@queue.command()
@_file
@database_option
@json_option
@answering_errors
def skip(file: Path, db: str | None, as_json: bool) -> None:
    """Give the pair back; others get it first."""
    _give_back(file, db, as_json, "skip")


@queue.command()
@_file
@database_option
@json_option
@answering_errors
def release(file: Path, db: str | None, as_json: bool) -> None:
    """Give the pair back; anybody gets it, you too."""
    _give_back(file, db, as_json, "release")


@queue.command()
@_file
@click.option(
    "--reason", required=True, type=click.Choice([r.value for r in ExcludeReason]), help="Reason of the exclusion."
)
@click.option("--detail", default="", help="A comment beside the reason.")
@database_option
@json_option
@answering_errors
def exclude(file: Path, reason: str, detail: str, db: str | None, as_json: bool) -> None:
    """Exclude the pair with a reason; it stays exportable."""
    work = _read(file)
    settings = load_settings(database_url=db)
    with open_database(settings) as database:
        desk = _queue(database, settings)
        desk.exclude(work.pair_id, work.person, ExcludeReason(reason), version=work.version, detail=detail)
    _done(file, as_json, f"pair {work.pair_id} is excluded: {reason}", {"excluded": work.pair_id, "reason": reason})


@queue.command()
@click.option("--where", "where", required=True, help="Which pairs, e.g. 'signal:thumbs<0 or maybe_cut'.")
@click.option(
    "--priority", type=click.IntRange(-1_000_000, 1_000_000), required=True, help="Smaller comes first; 100 is usual."
)
@database_option
@json_option
@answering_errors
def prioritise(where: str, priority: int, db: str | None, as_json: bool) -> None:
    """Give waiting pairs another priority, chosen by an expression."""
    from storage.reading import StoreReader
    from storage.review.desk import ReviewDesk

    wanted = parse_where(where)
    with open_database(load_settings(database_url=db)) as database:
        rows = StoreReader(database).dataset_rows(statuses=(Status.REVISED, Status.RETURNED))
        pairs = [row.pair_id for row in rows if wanted.holds(row)]
        changed = ReviewDesk(database).prioritise(pairs, priority)
    if as_json:
        emit_json({"changed": changed, "priority": priority})
    else:
        results().print(f"{changed:,} pairs of the queue have priority {priority} now", markup=False)


@queue.command()
@database_option
@json_option
@answering_errors
def status(db: str | None, as_json: bool) -> None:
    """How much waits, how much is in people's hands."""
    from storage.reading import StoreReader

    with open_database(load_settings(database_url=db)) as database:
        depth = StoreReader(database).queue_depth()
    if as_json:
        emit_json(asdict(depth))
        return
    out = results()
    out.print(
        f"{depth.free:,} wait for anybody, {depth.reserved:,} were sent back, {depth.leased:,} are in hands, "
        f"{depth.awaiting_review:,} wait for an owner"
    )
    for name, count in sorted(depth.free_by_class.items()):
        out.print(f"  {name or 'no class'}: {count:,}")


def _queue(database: Any, settings: Settings) -> "PostEditQueue":
    from storage.desk.queue import PostEditQueue
    from storage.desk.rules import DeskRules

    return PostEditQueue(database, settings.desk.lease_seconds, rules=DeskRules.from_settings(settings))


def _write_work_file(path: Path, item: "WorkItem", person: str) -> None:
    text = item.draft.text if item.draft else item.last_edit.final if item.last_edit else None
    text = text or (item.revision.revised if item.revision else item.raw)
    notes = [f"class: {item.task_class or 'none'}; raw response before the coach:", *item.raw.response.splitlines()]
    if item.revision is not None:
        notes.append(f"coach: {item.revision.outcome}" + (f" ({item.revision.reason})" if item.revision.reason else ""))
        notes += [f"check {flag.kind} in {flag.field}: {flag.text}" for flag in item.revision.flags]
    notes += item.background.remarks.in_words()
    if item.owner_comment:
        notes.append(f"the owner sent it back: {item.owner_comment}")
    work = WorkFile(item.pair_id, person, item.token, item.version, datetime.now(UTC), text)
    path.write_text(work.render(tuple(notes)), encoding="utf-8", newline="")


def _edit_and_submit(desk: "PostEditQueue", path: Path) -> None:
    while True:
        click.edit(filename=str(path))
        choice = click.prompt(
            "[s]ubmit, [e]dit again, s[k]ip, or [l]eave it for later",
            type=click.Choice(["s", "e", "k", "l"]),
            default="s",
            show_choices=False,
        )
        if choice == "l":
            people.print(f"kept; next: coachlm queue submit {path}", markup=False)
            return
        if choice == "e":
            continue
        try:
            work = _read(path)
            if choice == "k":
                desk.skip(work.lease_token, work.person)
            else:
                _submit(desk, work, "")
        except CoachLMError as error:
            people.print(terminal_safe(str(error)), markup=False)
            continue
        path.unlink()
        people.print("skipped" if choice == "k" else "submitted; it waits for its owner")
        return


def _submit(desk: "PostEditQueue", work: WorkFile, comment: str) -> Any:
    seconds = max((datetime.now(UTC) - work.claimed_at).total_seconds(), 0.0)
    edit = PostEdit(work.pair_id, work.person, work.text, seconds, comment=comment)
    # The lease allows one submit, so it is the key under which a repeated submit finds its receipt.
    return desk.submit(edit, token=work.lease_token, version=work.version, idempotency_key=work.lease_token)


def _read(file: Path) -> WorkFile:
    try:
        if str(file) == "-":
            return read_work_file(click.get_text_stream("stdin").read())
        return read_work_file(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} can't be read: {error}; name the work file of `coachlm queue next`") from error


def _give_back(file: Path, db: str | None, as_json: bool, how: str) -> None:
    work = _read(file)
    settings = load_settings(database_url=db)
    with open_database(settings) as database:
        desk = _queue(database, settings)
        (desk.skip if how == "skip" else desk.release)(work.lease_token, work.person)
    _done(file, as_json, f"pair {work.pair_id} went back into the queue", {how: work.pair_id})


def _done(file: Path, as_json: bool, sentence: str, answer: dict[str, Any]) -> None:
    """The work file has served; without it a second submit by mistake is a clear error."""
    if str(file) != "-":
        file.unlink(missing_ok=True)
    if as_json:
        emit_json(answer)
    else:
        results().print(sentence, markup=False)


def _nothing_there(as_json: bool) -> None:
    if as_json:
        emit_json({"file": None, "pair": None})
    else:
        people.print("nothing waits for you; next: coachlm queue status, or take in more logs with coachlm run PATHS…")
