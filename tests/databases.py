"""Fixtures that give a test a migrated database of its own: an SQLite file, and a database on a real PostgreSQL server.

The server is the one that COACHLM_TEST_POSTGRES names (a URL whose user may create databases); without it a private one
is started from the installed binaries and ended with the test run.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from devtools.servers.postgres import PostgresServer
from devtools.servers.process import ServerError
from storage.engine.database import open_database
from storage.engine.schema import upgrade


class Databases:
    """Makes databases of one kind: each new, each with the tables in place unless asked otherwise."""

    def __init__(self, folder: Path, server: str | None) -> None:
        self._folder = folder
        self._server = server
        self._template: str | None = None
        self._made: list[str] = []

    @property
    def is_sqlite(self) -> bool:
        return self._server is None

    def new(self, *, migrated: bool = True, encoding: str = "UTF8") -> str:
        """The URL of a new database; one without tables may have another encoding (PostgreSQL)."""
        if migrated and self._template is None:
            self._template = self._create(None)
            _migrate(self._url(self._template))
        name = self._create(self._template if migrated else None, encoding)
        return self._url(name)

    def drop(self, *, with_template: bool = False) -> None:
        """Delete what was made, for the next test but for the template."""
        kept = None if with_template else self._template
        for name in self._made:
            if name != kept:
                self._delete(name)
        self._made = [name for name in self._made if name == kept]

    def _delete(self, name: str) -> None:
        if self._server is not None:
            self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            return
        for file in self._folder.glob(f"{name}*"):
            file.unlink()

    def _create(self, template: str | None, encoding: str = "UTF8") -> str:
        name = f"coachlm_test_{uuid4().hex[:12]}"
        self._made.append(name)
        if self._server is None:
            if template is not None:
                shutil.copyfile(self._folder / f"{template}.db", self._folder / f"{name}.db")
            return name
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING {}").format(
            sql.Identifier(name), sql.Identifier(template or "template0"), sql.Literal(encoding)
        )
        self._administer(statement)
        return name

    def _administer(self, statement: sql.Composed) -> None:
        assert self._server is not None
        plain = make_url(self._server).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(statement)

    def _url(self, name: str) -> str:
        if self._server is None:
            return f"sqlite:///{self._folder / name}.db"
        return make_url(self._server).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a server's maintenance database."""
    given = os.environ.get("COACHLM_TEST_POSTGRES")
    if given:
        yield given
        return
    try:
        server = PostgresServer()
    except ServerError as error:
        pytest.fail(str(error))
    try:
        server.start()
        yield server.url
    finally:
        server.remove()


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return Databases(tmp_path_factory.mktemp("sqlite"), None)


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    databases = Databases(tmp_path_factory.getbasetemp(), postgres_server)
    yield databases
    databases.drop(with_template=True)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Both kinds in turn: what uses this runs once on each."""
    databases: Databases = request.getfixturevalue(f"{request.param}_databases")
    yield databases
    databases.drop()


@pytest.fixture
def database_url(databases: Databases) -> str:
    """A migrated database of the test's own, once on SQLite and once on PostgreSQL."""
    return databases.new()


def _migrate(url: str) -> None:
    database = open_database(url)
    upgrade(database)
    if database.is_sqlite:  # one file, so that it can be copied
        with database.engine.connect() as connection:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
