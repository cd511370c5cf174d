"""`reconcile`: has every message that was produced an outcome, and is every accepted pair on its way to the coach?"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from assembly.reconciling import CoachBalance, PartitionBalance, examine
from assembly.stores import database_option, open_database
from coachlm.errors import StreamError
from coachlm.protocols.streams import Topic
from coachlm.settings import load_settings
from commands.shared.moments import time_range_options
from commands.shared.output import answering_errors, emit_json, json_option, people, results

if TYPE_CHECKING:
    pass


@click.command()
@click.option(
    "--topic", type=click.Choice([Topic.RAW.value, Topic.ACCEPTED.value]), help="Only this topic; both if not given."
)
@time_range_options
@click.option("--repair", is_flag=True, help="Announce again accepted pairs that never reached the coach.")
@click.option("--servers", "kafka_servers", help="Brokers as HOST:PORT, separated by commas.")
@database_option
@json_option
@answering_errors
def reconcile(
    topic: str | None,
    since: datetime | None,
    until: datetime | None,
    repair: bool,
    kafka_servers: str | None,
    db: str | None,
    as_json: bool,
) -> None:
    """Compare the broker's offsets with the database.

    Exits with 1 when a message or pair is unaccounted for.

    logs.raw: produced = accepted + excluded + duplicate + rejected + dead + in flight, for messages of a time range
    (without one: of all that broker or database know of). pairs.accepted: every pair that waits for the coach is in the
    outbox, in flight or dead.
    """
    settings = load_settings(database_url=db, kafka_servers=kafka_servers)
    wanted = (Topic.RAW, Topic.ACCEPTED) if topic is None else (Topic(topic),)
    with open_database(settings) as database:
        partitions, coach, problems = examine(settings, database, wanted, since, until, repair=repair)
    if as_json:
        _emit(partitions, coach, problems)
    else:
        _print(partitions, coach)
    if problems and not as_json:
        raise StreamError("; ".join(problems))
    if problems:
        raise SystemExit(1)


def _totals(partitions: Sequence[PartitionBalance]) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for one in partitions:
        totals.update(one.fates)
        totals.update(
            produced=one.produced, in_flight=one.in_flight, gaps=one.gaps, missing=one.missing, expired=one.expired
        )
    return dict(totals)


def _emit(partitions: Sequence[PartitionBalance], coach: CoachBalance | None, problems: Sequence[str]) -> None:
    emit_json(
        {
            "balances": not problems,
            "totals": _totals(partitions),
            "partitions": [asdict(one) | {"produced": one.produced, "balances": one.balances} for one in partitions],
            "coach": None if coach is None else asdict(coach),
            "problems": list(problems),
        }
    )


def _print(partitions: Sequence[PartitionBalance], coach: CoachBalance | None) -> None:
    out = results()
    for one in partitions:
        counts = {
            **one.fates,
            "in flight": one.in_flight,
            "gaps": one.gaps,
            "missing": one.missing,
            "expired": one.expired,
        }
        parts = " + ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "0"
        out.print(f"{one.topic}:{one.partition}  {one.produced:,} produced = {parts}", markup=False)
    if coach is not None:
        out.print(
            f"{coach.waiting:,} wait for the coach = {coach.in_outbox:,} in the outbox + {coach.in_flight:,} in flight "
            f"+ {coach.dead:,} dead + {coach.stranded:,} stranded",
            markup=False,
        )
        if coach.dead:
            people.print(f"{coach.dead:,} are dead letters: coachlm dead list says why, and what to do about it")
        if coach.announced:
            people.print(f"announced {coach.announced:,} pairs anew; a worker or coachlm stream relay publishes them")
