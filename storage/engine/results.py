"""What queries find, as rows with types: the one place where named tuples are made from SQLAlchemy's own rows.

Those have no types by name, and an attribute of theirs takes ten times as long to read.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Result

from storage.tables.pairs import Base

Found = Result[*tuple[Any, ...]]  # whatever the columns
R = TypeVar("R", bound=NamedTuple)


def columns_of(entity: type[Base], kind: type[NamedTuple]) -> tuple[ColumnElement[object], ...]:
    """The columns of the table that a row of this kind holds, in its order."""
    return tuple(entity.__table__.c[name] for name in kind._fields)


def all_rows(kind: type[R], found: Found) -> list[R]:
    _check(kind, found)
    return [kind._make(row) for row in found.all()]


def each_row(kind: type[R], found: Found) -> Iterator[R]:
    """As they come, in flat memory where the statement is streamed."""
    _check(kind, found)
    for row in found:
        yield kind._make(row)


def one_row(kind: type[R], found: Found) -> R | None:
    """The only row, or None."""
    _check(kind, found)
    row = found.one_or_none()
    return None if row is None else kind._make(row)


def the_row(kind: type[R], found: Found) -> R:
    """The row that is certainly there."""
    _check(kind, found)
    return kind._make(found.one())


def _check(kind: type[NamedTuple], found: Found) -> None:
    """A column in another's place would be read as it: this is a mistake in our own statement."""
    assert tuple(found.keys()) == kind._fields, f"{kind.__name__} has other fields than {tuple(found.keys())}"
