"""Whatever is wrong with the database is said in a sentence with its remedy, and never with a password."""

import logging
import sqlite3
import traceback
from pathlib import Path

import pytest
from sqlalchemy import make_url

from coachlm.errors import SchemaError, StoreError
from coachlm.protocols.intake import IntakeBatch
from storage.engine.database import Database, open_database
from storage.engine.schema import check_schema, prepare
from storage.intake.store import DatabaseStore
from storage.reading import StoreReader
from tests.databases import Databases
from tests.storage.factories import make_intake, make_pair

SECRET = "s3cr3t-w0rd"


@pytest.fixture
def file(sqlite_databases: Databases) -> Path:
    """A migrated SQLite file."""
    return Path(make_url(sqlite_databases.new()).database or "")


def check(url: str) -> None:
    database = open_database(url)
    try:
        check_schema(database)
    finally:
        database.close()


def refusal(url: str) -> str:
    """What is said, with everything that a log would show of it."""
    with pytest.raises(StoreError) as caught:
        check(url)
    return "".join(traceback.format_exception(caught.value)) if SECRET in url else str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["", "coachlm.db", "nonsense://", "postgresql://host:port/x", f"postgresql://u:{SECRET}@host:bad/x", "://", "\x00"],
)
def test_malformed_urls(url: str):
    said = refusal(url)
    assert "sqlite:///FILE" in said
    assert SECRET not in said


def test_other_databases_are_refused():
    assert "use SQLite" in refusal(f"mysql://u:{SECRET}@localhost/x")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file::memory:?uri=true"])
def test_a_database_in_memory_is_refused(url: str):
    assert "name a file" in refusal(url)


def test_a_missing_folder_is_named(tmp_path: Path):
    assert f"folder {tmp_path / 'none'} does not exist" in refusal(f"sqlite:///{tmp_path / 'none' / 'x.db'}")


def test_a_folder_in_place_of_a_file(tmp_path: Path):
    assert "can't be opened" in refusal(f"sqlite:///{tmp_path}")


def test_a_file_that_is_no_database(tmp_path: Path):
    file = tmp_path / "notes.db"
    file.write_text("Dear diary, " * 200)
    assert "not an SQLite database" in refusal(f"sqlite:///{file}")
    assert file.read_text().startswith("Dear diary")


def test_a_file_of_another_program(tmp_path: Path):
    file = tmp_path / "other.db"
    with sqlite3.connect(file) as connection:
        connection.execute("CREATE TABLE albums (title TEXT)")
    connection.close()
    assert "another program's tables" in refusal(f"sqlite:///{file}")


def test_a_read_only_file(file: Path):
    database = open_database(f"sqlite:///file:{file}?mode=ro&uri=true")
    check_schema(database)
    assert StoreReader(database).flow_counts().pairs == 0
    with pytest.raises(StoreError, match="can't be written; check the permissions"):
        DatabaseStore(database).commit_intake(IntakeBatch([make_intake()]))
    database.close()


def test_a_full_disk_loses_nothing_that_was_committed(file: Path):
    database = open_database(f"sqlite:///{file}")
    store = DatabaseStore(database)
    store.commit_intake(IntakeBatch([make_intake(record=0)]))
    with database.engine.connect() as connection:  # the limit holds for this connection, which the pool gives out next
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
    big = [make_intake(make_pair(number, "word " * 4000), number) for number in range(1, 9)]
    with pytest.raises(StoreError, match=r"disk is full; free some space"):
        store.commit_intake(IntakeBatch(big))
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert StoreReader(database).flow_counts().pairs == 1
    assert store.commit_intake(IntakeBatch(big)).accepted == 8
    database.close()


@pytest.mark.slow
def test_a_locked_file(file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("storage.engine.database._BUSY_SECONDS", 0.1)
    database = open_database(f"sqlite:///{file}")
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another process has been writing"):
        DatabaseStore(database).commit_intake(IntakeBatch([make_intake()]))
    assert StoreReader(database).flow_counts().pairs == 0  # readers go on
    holder.execute("ROLLBACK")
    holder.close()
    assert DatabaseStore(database).commit_intake(IntakeBatch([make_intake()])).accepted == 1
    database.close()


def test_a_server_that_does_not_answer():
    said = refusal(f"postgresql://u:{SECRET}@127.0.0.1:1/x?sslmode=disable")
    assert "can't be reached" in said
    assert "u:***@127.0.0.1" in said
    assert SECRET not in said


def test_a_password_in_the_query_is_not_shown():
    said = refusal(f"postgres://127.0.0.1:1/x?user=u&password={SECRET}")
    assert "can't be reached" in said
    assert SECRET not in said


@pytest.mark.postgres
def test_a_server_without_that_database(postgres_server: str):
    url = make_url(postgres_server).set(database="no_such_database").render_as_string(hide_password=False)
    assert "database" in refusal(url)


def test_errors_and_logs_show_no_text_of_a_pair(database: Database, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    with database.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE pairs RENAME COLUMN exclude_detail TO other")
    with pytest.raises(StoreError) as caught:
        DatabaseStore(database).commit_intake(IntakeBatch([make_intake(make_pair(0, SECRET))]))
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert SECRET not in caplog.text


def test_the_engine_never_prints_its_password():
    database = open_database(f"postgresql://u:{SECRET}@localhost/x?password={SECRET}")
    assert SECRET not in database.name
    assert SECRET not in repr(database.engine)
    database.close()


def test_text_beyond_utf8_needs_a_utf8_database(postgres_databases: Databases):
    database = open_database(postgres_databases.new(migrated=False, encoding="SQL_ASCII"))
    with pytest.raises(SchemaError, match="UTF8"):
        prepare(database)
    database.close()
    postgres_databases.drop()
