"""Which pairs are read together: windows of arrival, with the turns of each conversation next to one another."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from storage.tables.pairs import PairRow


class Group(NamedTuple):
    """A single pair by its number, or a conversation by its own."""

    first: int  # the number of the pair that came first
    conversation: int | None
    pairs: int


def conversations_in(connection: Connection, start: int, end: int) -> list[Group]:
    """Single pairs from `start` to below `end`, and the conversations that begin there, in order of arrival."""
    window = (PairRow.seq >= start, PairRow.seq < end)
    singles = select(PairRow.seq).where(*window, PairRow.conversation.is_(None))
    found = [Group(seq, None, 1) for seq in connection.scalars(singles)]
    met = select(PairRow.conversation).where(*window, PairRow.conversation.is_not(None)).distinct()
    first = func.min(PairRow.seq)
    begun = (
        select(first, PairRow.conversation, func.count())
        .where(PairRow.conversation.in_(met))
        .group_by(PairRow.conversation)
        .having(first >= start)
    )
    found += [Group(seq, conversation, pairs) for seq, conversation, pairs in connection.execute(begun)]
    return sorted(found)


def in_portions(groups: list[Group], size: int) -> Iterator[list[Group]]:
    """Of about so many pairs; a group is never cut."""
    portion: list[Group] = []
    for group in groups:
        if portion and sum(each.pairs for each in portion) + group.pairs > size:
            yield portion
            portion = []
        portion.append(group)
    if portion:
        yield portion
