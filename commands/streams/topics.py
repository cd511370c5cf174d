"""`topics`: what the broker has against what the settings want, and how far the readers are behind."""

from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from assembly.stores import build_stream_store, database_option, open_database
from coachlm.errors import NotFoundError, StreamError
from coachlm.settings import Settings, load_settings
from commands.shared.output import answering_errors, emit_json, json_option, people, results

if TYPE_CHECKING:
    from streams.broker.topics.lag import Lag
    from streams.broker.topics.topics import TopicState


@click.command()
@click.option("--create", is_flag=True, help="Create what is missing; add partitions and change settings that differ.")
@click.option(
    "--force",
    is_flag=True,
    help="With --create: also lower what the broker has more of than the settings want; this can delete messages.",
)
@click.option(
    "--made-anew",
    metavar="TOPIC",
    multiple=True,
    help="Topic that was deleted and created again, to be read from offset 0.",
)
@database_option
@click.option("--servers", help="Brokers as HOST:PORT, separated by commas (also COACHLM_KAFKA_SERVERS).")
@json_option
@answering_errors
def topics(
    create: bool, force: bool, made_anew: tuple[str, ...], db: str | None, servers: str | None, as_json: bool
) -> None:
    """Show the Kafka topics, their settings and lag.

    Exits with 1 when one is missing or unlike the settings.

    Workers refuse a topic that was deleted and created again, since its offsets start again at 0.
    --made-anew keeps the outcomes of the old one under another name; stop all stream workers first.
    """
    from streams.broker.topics.lag import lags
    from streams.broker.topics.topics import ensure_topics, topic_states

    if force and not create:
        raise click.UsageError("--force goes with --create")
    settings = load_settings(kafka_servers=servers, database_url=db)
    for topic in made_anew:
        _retire(settings, topic)
    states = ensure_topics(settings, repair=True, lower=force) if create else topic_states(settings)
    behind = lags(settings)
    if as_json:
        emit_json({"topics": [_topic_json(state) for state in states], "lag": [_lag_json(lag) for lag in behind]})
    else:
        results().print(_topics_table(states))
        if behind:
            results().print(_lag_table(behind))
    wrong = [state.wanted.name for state in states if not state.is_ready or state.differences]
    if wrong and as_json:
        raise SystemExit(1)
    if wrong:
        raise StreamError(
            f"{', '.join(wrong)}: missing, without a leader or unlike the settings; next: coachlm topics --create"
        )
    if not as_json:
        people.print("all topics are as the settings want them; next: coachlm stream, coachlm produce PATHS…")


def _retire(settings: Settings, topic: str) -> None:
    from streams.broker.topics.remade import forget_offsets

    with open_database(settings) as database:
        forget_offsets(settings, topic)
        name = build_stream_store(database, settings).retire_topic(topic)
    if name is None:
        raise NotFoundError(f"no stream worker has read a topic {topic!r} with this database; nothing was done")
    people.print(
        f"what came of the old {topic} stands under {name} now; the new one is read from its start", markup=False
    )


def _topics_table(states: "list[TopicState]") -> Table:
    table = Table(show_edge=False, pad_edge=False)
    for column in ("topic", "partitions", "with leader", "copies", "settings", "wanted"):
        table.add_column(column, overflow="fold")
    for state in states:
        shown = "\n".join(f"{name}={value}" for name, value in sorted(state.settings.items()))
        verdict = "missing" if not state.exists else "; ".join(state.differences) or "as wanted"
        table.add_row(
            state.wanted.name, str(state.partitions), str(state.leaders), str(state.replication), shown, verdict
        )
    return table


def _lag_table(behind: "list[Lag]") -> Table:
    table = Table(show_edge=False, pad_edge=False)
    for column in ("group", "topic", "partition", "committed", "end", "lag"):
        table.add_column(column, justify="right" if column in ("partition", "committed", "end", "lag") else "left")
    for lag in behind:
        committed = "none" if lag.committed is None else f"{lag.committed:,}"
        table.add_row(lag.group, lag.topic, str(lag.partition), committed, f"{lag.end:,}", f"{lag.messages:,}")
    return table


def _topic_json(state: "TopicState") -> dict[str, Any]:
    return {
        "topic": state.wanted.name,
        "exists": state.exists,
        "partitions": state.partitions,
        "leaders": state.leaders,
        "replication": state.replication,
        "settings": dict(state.settings),
        "wanted": {
            "partitions": state.wanted.partitions,
            "replication": state.wanted.replication,
            "settings": dict(state.wanted.settings),
        },
        "differences": list(state.differences),
    }


def _lag_json(lag: "Lag") -> dict[str, Any]:
    return {
        "group": lag.group,
        "topic": lag.topic,
        "partition": lag.partition,
        "committed": lag.committed,
        "end": lag.end,
        "lag": lag.messages,
    }
