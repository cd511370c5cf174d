"""Rows with types: what a query finds becomes named tuples, or is refused."""

from typing import NamedTuple

import pytest
from sqlalchemy import select

from storage.engine.database import Database
from storage.engine.results import all_rows, columns_of, one_row, the_row
from storage.engine.schema import HASH_SALT
from storage.tables.pairs import MetaRow


class Meta(NamedTuple):
    """A row of `meta`, in another order than the table's."""

    value: str
    name: str


def test_columns_come_in_the_order_of_the_fields(database: Database):
    named = select(*columns_of(MetaRow, Meta)).where(MetaRow.name == "application")
    with database.reading() as connection:
        assert one_row(Meta, connection.execute(named)) == Meta(value="coachlm", name="application")
        assert HASH_SALT in {row.name for row in all_rows(Meta, connection.execute(select(*columns_of(MetaRow, Meta))))}
        assert one_row(Meta, connection.execute(named.where(MetaRow.value == "another"))) is None


def test_columns_in_another_order_are_refused(database: Database):
    named = select(MetaRow.__table__).where(MetaRow.name == "application")
    with database.reading() as connection, pytest.raises(AssertionError, match="Meta has other fields"):
        the_row(Meta, connection.execute(named))
