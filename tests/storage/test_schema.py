"""Migrations create what the models say, and databases that are not ours are refused with a remedy."""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

import storage
from coachlm.errors import SchemaError, StoreError
from storage import tables
from storage.engine.database import Database, open_database
from storage.engine.schema import check_schema, hash_salt, newest_revision, prepare, upgrade
from storage.tables.desk import Base
from tests.databases import Databases


@pytest.fixture
def empty(databases: Databases):
    database = open_database(databases.new(migrated=False))
    yield database
    database.close()


def execute(database: Database, statement: str) -> None:
    with database.writing() as connection:
        connection.execute(text(statement))


def test_migrations_and_models_agree(database: Database):
    for module in iter_modules(tables.__path__):
        import_module(f"{tables.__name__}.{module.name}")  # where every table is declared
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_an_empty_database_is_refused_until_it_is_prepared(empty: Database):
    with pytest.raises(SchemaError, match="coachlm db upgrade"):
        check_schema(empty)
    prepare(empty)
    check_schema(empty)


def test_upgrade_twice_changes_nothing(database: Database):
    salt = hash_salt(database)
    upgrade(database)
    prepare(database)
    assert hash_salt(database) == salt
    assert len(salt) == 32


def test_each_database_draws_its_own_salt(databases: Databases):
    salts = set()
    for _ in range(2):
        database = open_database(databases.new(migrated=False))
        upgrade(database)
        salts.add(hash_salt(database))
        database.close()
    assert len(salts) == 2


def test_a_newer_schema_is_refused(database: Database):
    execute(database, "UPDATE alembic_version SET version_num = '9999'")
    for refuse in (check_schema, prepare, upgrade):
        with pytest.raises(SchemaError, match="newer version"):
            refuse(database)


def test_the_newest_step_is_the_one_that_alembic_ends_with():
    script = ScriptDirectory(str(Path(storage.__file__).parent / "migrations"))
    assert newest_revision() == script.get_current_head()


def test_an_older_schema_is_upgraded_only_when_asked(database: Database):
    execute(database, "UPDATE alembic_version SET version_num = '0001'")
    for refuse in (check_schema, prepare):
        with pytest.raises(SchemaError, match=r"older version.*coachlm db upgrade"):
            refuse(database)


@pytest.mark.parametrize("table", ["albums", "meta"])
def test_another_programs_tables_are_refused(empty: Database, table: str):
    execute(empty, f"CREATE TABLE {table} (name TEXT, value TEXT)")
    for refuse in (check_schema, prepare, upgrade):
        with pytest.raises(SchemaError, match="of its own"):
            refuse(empty)


@pytest.mark.parametrize("change", ["UPDATE events SET detail = 'x'", "DELETE FROM events"])
def test_history_is_append_only_for_everybody(database: Database, change: str):
    execute(
        database,
        "INSERT INTO pairs (seq, id, instruction, input, response, status, version, class_confidence, created_at) "
        "VALUES (1, 'a', 'b', '', 'c', 'accepted', 1, 0, 0)",
    )
    execute(
        database,
        "INSERT INTO events (pair, from_status, to_status, detail, created_at) VALUES (1, 'x', 'y', '', 0)",
    )
    with pytest.raises(StoreError, match="append-only"):
        execute(database, change)
