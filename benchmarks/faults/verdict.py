"""What a run left behind, looked up in the database and on the broker itself rather than asked of the program."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import psycopg
from kafka import KafkaConsumer

from benchmarks.faults.load import MARK_REVISE, Load

_Consumer: Any = KafkaConsumer


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts; what has to be 0 is 0 when nothing was lost or made up."""

    lost: int  # pairs that are in no row
    unrevised: int  # accepted pairs that no revision and no dead letter accounts for
    invented: int  # rows that nobody sent
    rows_per_pair_max: int  # of the pair and of its revision, whichever is more
    dead_letters_expected: int
    dead_letters_found: int
    dead_letters_wrong: int  # missing, or of messages that are none of the poison
    unpublished: int  # revised pairs, and dead letters, that their topic doesn't have
    outbox: int  # announcements that still wait

    @property
    def is_clean(self) -> bool:
        faults = self.lost, self.unrevised, self.invented, self.dead_letters_wrong, self.unpublished, self.outbox
        return not any(faults) and self.rows_per_pair_max == 1

    def __str__(self) -> str:
        return ", ".join(f"{name} {getattr(self, name)}" for name in self.__slots__)


def judge(conninfo: str, servers: str, prefix: str, load: Load) -> Verdict:
    """Of a run that has come to rest."""
    with psycopg.connect(conninfo) as connection:
        names = Counter(text.split()[1] for (text,) in connection.execute("SELECT instruction FROM pairs"))
        revisions = connection.execute(
            "SELECT count(*) FROM revisions GROUP BY pair ORDER BY 1 DESC LIMIT 1"
        ).fetchone()
        revised = {key for (key,) in connection.execute("SELECT id FROM pairs WHERE status = 'revised'")}
        waiting = {text.split()[1] for (text,) in _accepted(connection)}
        letters = connection.execute("SELECT id, topic, partition, record, payload FROM dead_letters").fetchall()
        outbox = connection.execute("SELECT count(*) FROM outbox").fetchone()
    raw = {(partition, record) for _, topic, partition, record, _ in letters if topic == f"{prefix}logs.raw"}
    buried = {_name(payload) for _, topic, _, _, payload in letters if topic == f"{prefix}pairs.accepted"}
    unrevisable = load.unrevisable & set(names)
    published = _keys(servers, f"{prefix}pairs.revised")
    announced = _keys(servers, f"{prefix}pairs.dead")
    return Verdict(
        lost=len(load.names - set(names)),
        unrevised=len(waiting - unrevisable),
        invented=len(set(names) - load.names),
        rows_per_pair_max=max(*names.values(), revisions[0] if revisions else 0),
        dead_letters_expected=len(load.poison) + len(unrevisable),
        dead_letters_found=len(raw) + len(buried),
        dead_letters_wrong=len(raw ^ load.poison) + len(buried ^ unrevisable),
        unpublished=len(revised - published) + max(0, len(letters) - len(announced)),
        outbox=outbox[0] if outbox else 0,
    )


def _accepted(connection: psycopg.Connection[Any]) -> Any:
    return connection.execute("SELECT instruction FROM pairs WHERE status = 'accepted'")


def _name(payload: bytes) -> str:
    """Of the pair in a message of pairs.accepted that could not be revised."""
    text = bytes(payload).decode()
    if MARK_REVISE not in text:
        return f"unmarked: {text[:80]}"
    return text.partition("Tell ")[2].split()[0]


def _keys(servers: str, topic: str) -> set[str]:
    """Of all messages of a topic."""
    consumer = _Consumer(
        topic, bootstrap_servers=servers.split(","), auto_offset_reset="earliest", consumer_timeout_ms=3_000
    )
    try:
        return {message.key.decode() for message in consumer if message.key}
    finally:
        consumer.close()
