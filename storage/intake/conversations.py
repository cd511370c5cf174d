"""Stores which conversations new pairs belong to, and whose unit works on them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, select, update

from coachlm.protocols.intake import IntakePair
from storage.engine.bulk import insert_rows, is_among
from storage.tables.contexts import ConversationRow
from storage.tables.pairs import PairRow

_JOIN = (
    update(PairRow)
    .where(PairRow.seq == bindparam("of_pair"), PairRow.conversation.is_(None))
    .values(conversation=bindparam("its_conversation"), turn=1)
)


@dataclass(slots=True)
class Conversation:
    """A conversation's number, and the class of all of its turns."""

    number: int
    task_class: str | None


def store_conversations(
    connection: Connection, newcomers: Iterable[IntakePair], begun: Iterable[IntakePair]
) -> dict[str, Conversation]:
    """By name, those of the items. Where the first turn was met alone before (`begun`), its class is that of all turns;
    else the surest of the record in which the conversation is met first. Under the lock of intake."""
    found = _surest_classes(newcomers)
    for item in begun:
        if (name := item.sourced.provenance.conversation) is not None:
            found[name] = _class_of(item) or found.get(name)
    if not found:
        return {}
    columns = (ConversationRow.name, ConversationRow.id, ConversationRow.task_class)
    chosen = is_among(connection, ConversationRow.name.expression, sorted(found))
    rows = connection.execute(select(*columns).where(chosen)).all()
    stored = {name: Conversation(number, task_class) for name, number, task_class in rows}
    for name, known in stored.items():
        if known.task_class is None and found[name] is not None:
            known.task_class = found[name]
            named = update(ConversationRow).where(ConversationRow.id == known.number)
            connection.execute(named.values(task_class=known.task_class))
    first = (connection.scalar(select(func.max(ConversationRow.id))) or 0) + 1
    fresh = [name for name in found if name not in stored]
    new = {name: Conversation(number, found[name]) for number, name in enumerate(fresh, first)}
    insert_rows(
        connection, ConversationRow, [(one.number, name, one.task_class, None, None) for name, one in new.items()]
    )
    return stored | new


def join_first_turns(connection: Connection, firsts: Mapping[int, Conversation]) -> None:
    """Pairs that turn out to begin a conversation: they were met alone before."""
    rows = [{"of_pair": seq, "its_conversation": one.number} for seq, one in sorted(firsts.items())]
    if rows:
        connection.execute(_JOIN, rows)


def _surest_classes(items: Iterable[IntakePair]) -> dict[str, str | None]:
    """However records are cut into batches, the first one of a conversation that has a class decides."""
    weights: dict[str, dict[str, float]] = {}
    decisive: dict[str, tuple[str, int]] = {}
    for item in items:
        origin, task_class = item.sourced.provenance, _class_of(item)
        if origin.conversation is None:
            continue
        votes = weights.setdefault(origin.conversation, {})
        record = (origin.position.source, origin.position.record)
        if task_class is not None and decisive.setdefault(origin.conversation, record) == record:
            votes[task_class] = votes.get(task_class, 0.0) + item.class_confidence
    return {name: max(votes, key=lambda each: votes[each], default=None) for name, votes in weights.items()}


def _class_of(item: IntakePair) -> str | None:
    return None if item.task_class is None else item.task_class.value
