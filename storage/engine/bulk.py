"""Many rows at a time: insertion as fast as each database allows, and lookups of many values in one statement."""

import json
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, cast

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Connection, Text, any_, func, insert, literal, select
from sqlalchemy.sql.schema import Table

from storage.tables.columns import to_column
from storage.tables.pairs import Base

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

Row = tuple[object, ...]
NumberOrText = ColumnElement[int] | ColumnElement[int | None] | ColumnElement[str]


def insert_rows(
    connection: Connection, entity: type[Base], rows: Sequence[Row], *, leaving_out: str | None = None
) -> None:
    """Each row has a value for every column but the one left out (which the database numbers), in the order of the
    table's declaration and in the form that the column stores (`storage.tables.columns`): types are passed by, for
    speed."""
    if not rows:
        return
    table = _table(entity)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_insert_statement(table, leaving_out), list(rows))
        return
    import psycopg
    from psycopg import sql

    copy = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, _names(table, leaving_out)))
    )
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    with cast("psycopg.Connection[Row]", driver).cursor() as cursor, cursor.copy(copy) as target:
        for row in rows:
            target.write_row(row)


def is_among(
    connection: Connection, column: NumberOrText, values: Sequence[int] | Sequence[str]
) -> ColumnElement[bool]:
    """`column IN values` with all values in one parameter, so that thousands of them cost no parsing."""
    stored = [to_column(value) if isinstance(value, str) else value for value in values]
    if connection.dialect.name == "sqlite":
        return column.in_(select(func.json_each(json.dumps(stored)).table_valued("value").c.value))
    item = Text() if stored and isinstance(stored[0], str) else BigInteger()
    return column == any_(literal(stored, ARRAY(item)))


def insert_or_update(dialect: str, entity: type[Base]) -> "sqlite.Insert | postgresql.Insert":
    """An insert that can go on after a conflict; each dialect is imported where it is used."""
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(entity)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(entity)


def _table(entity: type[Base]) -> Table:
    table = entity.__table__
    assert isinstance(table, Table)
    return cast("Table", table)


@cache
def _insert_statement(table: Table, leaving_out: str | None) -> str:
    from sqlalchemy.dialects import sqlite

    names = _names(table, leaving_out)
    return str(insert(table).compile(dialect=sqlite.dialect(), column_keys=names))


def _names(table: Table, leaving_out: str | None) -> list[str]:
    return [column.name for column in table.columns if column.name != leaving_out]
