"""Pairs of one status (or exclusion reason) in order of arrival, read from the index that holds both."""

from sqlalchemy import ColumnElement, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from storage.tables.pairs import PairRow

Place = tuple[ColumnElement[bool], ColumnElement[bool]]
NameColumn = InstrumentedAttribute[str] | InstrumentedAttribute[str | None]


def arrived(column: NameColumn, value: str, after: int = -1) -> Place:
    """`column = value AND seq > after`, for `order_by(*by_arrival(column))`.

    Written as a range on purpose. With an equation PostgreSQL takes the order from the primary key, expects such pairs
    everywhere and reads a million others where they all stand at the end.
    """
    return tuple_(column, PairRow.seq) > tuple_(value, after), column <= value


def by_arrival(column: NameColumn) -> tuple[NameColumn, InstrumentedAttribute[int]]:
    return column, PairRow.seq
