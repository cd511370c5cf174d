"""Which topic stands behind a topic's name: one that was deleted and made anew counts its offsets from 0 again, and
what came of its messages would be taken for what came of the old ones."""

from collections.abc import Mapping

from sqlalchemy import Connection, delete, select, update

from storage.engine.bulk import insert_or_update, is_among
from storage.engine.texts import text_hash
from storage.tables.pairs import MetaRow, TextRow
from storage.tables.streams import DeadLetterRow

_PREFIX = "topic "  # of the names in `meta`
_PARTITIONS = 10_000
RETIRED = "~"
"""Stands behind the name of a topic that was replaced, before what tells it apart; no topic's name can hold it."""


def remember(connection: Connection, ids: Mapping[str, str]) -> dict[str, str]:
    """Keeps the id under which each topic is seen first; gives those, with the id kept, that have another one now."""
    rows = [{"name": f"{_PREFIX}{topic}", "value": number} for topic, number in sorted(ids.items())]
    if not rows:
        return {}
    kept = _kept(connection, ids)
    if missing := [row for row in rows if row["name"][len(_PREFIX) :] not in kept]:
        connection.execute(insert_or_update(connection.dialect.name, MetaRow).on_conflict_do_nothing(), missing)
    return {topic: number for topic, number in kept.items() if number != ids[topic]}


def retire(connection: Connection, topic: str) -> str | None:
    """Gives all that was read from the topic a name of its own, so that its offsets are free for the one made anew;
    None: it was never read. No worker may run meanwhile."""
    number = _kept(connection, {topic: ""}).get(topic)
    if number is None:
        return None
    name = f"{topic}{RETIRED}{number[:8]}"
    hashes = {text_hash(f"{topic}:{part}"): f"{name}:{part}" for part in range(_PARTITIONS)}
    sources = select(TextRow.id, TextRow.hash).where(is_among(connection, TextRow.hash.expression, list(hashes)))
    for row in connection.execute(sources).all():
        new = hashes[row.hash]
        connection.execute(update(TextRow).where(TextRow.id == row.id).values(text=new, hash=text_hash(new)))
    connection.execute(update(DeadLetterRow).where(DeadLetterRow.topic == topic).values(topic=name))
    connection.execute(delete(MetaRow).where(MetaRow.name == f"{_PREFIX}{topic}"))
    return name


def _kept(connection: Connection, ids: Mapping[str, str]) -> dict[str, str]:
    names = [f"{_PREFIX}{topic}" for topic in ids]
    rows = connection.execute(select(MetaRow.name, MetaRow.value).where(MetaRow.name.in_(names)))
    return {row.name[len(_PREFIX) :]: row.value for row in rows}
