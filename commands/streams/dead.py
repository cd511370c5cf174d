"""`dead`: messages that no stage could handle; to look at, mend, replay or discard."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from assembly.stores import database_option, open_database
from coachlm.errors import InputError, NotFoundError, SettingsError, StreamError
from coachlm.protocols.streams import DeadReason
from coachlm.settings import Settings, load_settings
from commands.shared.moments import time_range_options
from commands.shared.output import answering_errors, emit_json, json_option, people, results, terminal_safe
from commands.streams.dead_shown import SHOWN_BYTES, description, letter_json, letter_line, message_json, safe_bytes

if TYPE_CHECKING:
    from storage.streams.dead_letters import DeadLetters, LetterChoice, StoredLetter

_STATES = ("open", "replayed", "discarded")
_MARKED = 50
_NAMED = 10
_numbers = click.argument("numbers", nargs=-1, type=click.IntRange(min=1))


def _choice_options(function: Callable[..., Any]) -> Callable[..., Any]:
    reasons = click.Choice([reason.value for reason in DeadReason])
    options = (
        click.option("--topic", help="Only those of this topic (with its prefix)."),
        click.option("--reason", type=reasons, help="Only those with this reason."),
        click.option(
            "--state",
            type=click.Choice([*_STATES, "all"]),
            default="open",
            show_default=True,
            help="Only those in this state.",
        ),
        time_range_options,
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.group()
def dead() -> None:
    """Dead letters: list, show, replay, discard.

    Their bytes are as they came, with personal data in them.
    """


@dead.command("list")
@_choice_options
@click.option("--after", type=click.IntRange(min=0), default=0, help="Only numbers above this one: the next page.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="How many.")
@database_option
@json_option
@answering_errors
def list_letters(after: int, limit: int, db: str | None, as_json: bool, **chosen: Any) -> None:
    """List the dead letters, and count each kind.

    They come in order of their numbers.
    """
    with open_database(load_settings(database_url=db)) as database:
        letters = _letters(database)
        page = letters.page(_choice(**chosen), after=after, limit=limit)
        counts = letters.counts()
    if as_json:
        kinds = [{"state": s, "topic": t, "reason": r, "count": n} for (s, t, r), n in counts.items()]
        emit_json({"letters": [letter_json(letter) for letter in page], "counts": kinds})
        return
    for letter in page:
        results().print(letter_line(letter), markup=False)
    for (state, topic, reason), count in counts.items():
        people.print(terminal_safe(f"{count:,} {state}: {reason} of {topic}"), markup=False)
    if len(page) == limit:
        people.print(f"next: coachlm dead list --after {page[-1].number}", markup=False)
    elif page:
        people.print(f"next: coachlm dead show {page[0].number}, then coachlm dead replay or discard", markup=False)
    else:
        people.print("no dead letter is like that; coachlm dead list --state all shows every one")


@dead.command()
@click.argument("number", type=click.IntRange(min=1))
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the raw bytes to this file.")
@database_option
@json_option
@answering_errors
def show(number: int, output: Path | None, db: str | None, as_json: bool) -> None:
    """Show one dead letter: error, place, headers and bytes."""
    with open_database(load_settings(database_url=db)) as database:
        letter = _letters(database).show(number)
    value = letter.letter.message.value
    if output is not None:
        _write(output, number, value)
    if as_json:
        emit_json(letter_json(letter) | message_json(letter.letter.message) | {"file": output and str(output)})
        return
    out = results()
    for line in description(letter):
        out.print(terminal_safe(line), markup=False)
    if output is not None:
        people.print(f"{output}: {len(value or b''):,} bytes", markup=False)
    elif value is not None:
        out.print(safe_bytes(value[:SHOWN_BYTES]), markup=False)
        if len(value) > SHOWN_BYTES:
            people.print(f"and {len(value) - SHOWN_BYTES:,} bytes more; all of them: --output FILE")


@dead.command()
@_numbers
@_choice_options
@click.option("--all", "everything", is_flag=True, help="All open dead letters.")
@click.option("--again", is_flag=True, help="Also replay NUMBERS that were replayed before.")
@database_option
@json_option
@answering_errors
def replay(
    numbers: tuple[int, ...], everything: bool, again: bool, db: str | None, as_json: bool, **chosen: Any
) -> None:
    """Produce dead letters to their topics again.

    NUMBERS, or those chosen by options; bytes and headers as they came.

    What fails again becomes a new dead letter at its new offset. Mend the cause first, then replay.
    """
    settings = load_settings(database_url=db)
    _require_choice(numbers, everything, chosen)
    with open_database(settings) as database:
        letters = _letters(database)
        _require_known(letters, numbers)
        found = _named(letters, numbers, again) if numbers else _chosen(letters, _choice(**chosen))
        replayed, refused = _replay(settings, letters, found)
    if as_json:
        emit_json({"replayed": replayed, "refused": [{"number": n, "error": why} for n, why in refused]})
    else:
        people.print(f"replayed {replayed:,} dead letters", markup=False)
    if refused and not as_json:
        number, why = refused[0]
        raise StreamError(f"{len(refused):,} were refused by the broker, the first is {number}: {why}")
    if refused:
        raise SystemExit(1)


@dead.command()
@_numbers
@_choice_options
@click.option("--all", "everything", is_flag=True, help="All open dead letters.")
@click.option("--yes", is_flag=True, help="Don't ask for confirmation.")
@database_option
@json_option
@answering_errors
def discard(
    numbers: tuple[int, ...], everything: bool, yes: bool, db: str | None, as_json: bool, **chosen: Any
) -> None:
    """Delete the bytes of dead letters.

    NUMBERS, or those chosen by options. What was wrong stays on record.
    """
    _require_choice(numbers, everything, chosen)
    with open_database(load_settings(database_url=db)) as database:
        letters = _letters(database)
        _require_known(letters, numbers)
        if not numbers:
            numbers = tuple(letter.number for letter in _chosen(letters, _choice(**chosen)))
            _confirm(len(numbers), yes, as_json)
        discarded = letters.discard(numbers)
    _answer({"discarded": discarded}, f"discarded {discarded:,} dead letters; their rows stay", as_json)


@dead.command()
@click.option("--days", type=click.IntRange(min=0), help="Age in days, instead of COACHLM_DEAD_LETTER_DAYS.")
@database_option
@json_option
@answering_errors
def purge(days: int | None, db: str | None, as_json: bool) -> None:
    """Discard dead letters older than COACHLM_DEAD_LETTER_DAYS.

    Workers do it once an hour, too.
    """
    settings = load_settings(database_url=db)
    with open_database(settings) as database:
        purged = _letters(database).purge(settings.streams.dead_letter_days if days is None else days)
    _answer({"discarded": purged}, f"discarded {purged:,} old dead letters; their rows stay", as_json)


def _letters(database: Any) -> "DeadLetters":
    from storage.streams.dead_letters import DeadLetters

    return DeadLetters(database)


def _choice(
    topic: str | None, reason: str | None, state: str, since: datetime | None, until: datetime | None
) -> "LetterChoice":
    from storage.streams.dead_letters import DeadState, LetterChoice

    wanted = None if state == "all" else DeadState(state)
    return LetterChoice(topic, None if reason is None else DeadReason(reason), wanted, since, until)


def _require_choice(numbers: tuple[int, ...], everything: bool, chosen: dict[str, Any]) -> None:
    narrowed = any(chosen[name] is not None for name in ("topic", "reason", "since", "until"))
    if not (numbers or everything or narrowed):
        raise SettingsError("choose dead letters by NUMBERS, --topic, --reason, --since, --until, or --all")
    if numbers and (everything or narrowed):
        raise SettingsError("give either NUMBERS or options that choose, not both")


def _require_known(letters: "DeadLetters", numbers: tuple[int, ...]) -> None:
    unknown = letters.unknown(numbers)
    if unknown:
        named = ", ".join(map(str, unknown[:_NAMED])) + (" …" if len(unknown) > _NAMED else "")
        raise NotFoundError(f"dead letter {named} does not exist, so nothing was done; `coachlm dead list` shows all")


def _confirm(count: int, yes: bool, as_json: bool) -> None:
    if not count or yes:
        return
    if as_json:
        raise SettingsError(f"this deletes the bytes of {count:,} dead letters for ever; add --yes")
    click.confirm(f"Delete the bytes of {count:,} dead letters for ever?", abort=True, err=True)


def _chosen(letters: "DeadLetters", choice: "LetterChoice") -> "Iterator[StoredLetter]":
    """Page by page, without bytes."""
    after = 0
    while page := letters.page(choice, after=after):
        yield from page
        after = page[-1].number


def _named(letters: "DeadLetters", numbers: tuple[int, ...], again: bool) -> "Iterator[StoredLetter]":
    for number in dict.fromkeys(numbers):
        letter = letters.show(number)
        if letter.discarded_at is not None:
            raise InputError(f"dead letter {number} was discarded: its bytes are gone")
        if letter.replayed_at is not None and not again:
            raise InputError(f"dead letter {number} was replayed already; --again replays it once more")
        yield letter


def _replay(
    settings: Settings, letters: "DeadLetters", found: "Iterator[StoredLetter]"
) -> tuple[int, list[tuple[int, str]]]:
    """How many the broker has acknowledged, and what it refused. Marked in small groups, after the broker's word."""
    from streams.broker.producing.replay import replay as produce

    messages = ((one.number, letters.show(one.number).letter.message) for one in found if one.discarded_at is None)
    acknowledged: list[int] = []
    refused: list[tuple[int, str]] = []
    replayed = 0
    try:
        for number, why in produce(settings, messages):
            if why is None:
                acknowledged.append(number)
            else:
                refused.append((number, why))
            if len(acknowledged) == _MARKED:
                replayed += letters.mark_replayed(acknowledged)
                acknowledged = []
    finally:
        replayed += letters.mark_replayed(acknowledged)
    return replayed, refused


def _write(output: Path, number: int, value: bytes | None) -> None:
    if value is None:
        raise InputError(f"dead letter {number} has no bytes to write: it had none, or they were discarded")
    try:
        output.write_bytes(value)
    except OSError as error:
        raise InputError(f"can't write {output}: {error.strerror or error}; name another file") from error


def _answer(answer: dict[str, Any], sentence: str, as_json: bool) -> None:
    if as_json:
        emit_json(answer)
    else:
        results().print(sentence, markup=False)
