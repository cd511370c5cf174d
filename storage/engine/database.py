"""The database's engine and its transactions: SQLite by default, PostgreSQL by URL, one behaviour for both.

What a commit survives. PostgreSQL: a crash of anything. SQLite (WAL): `kill -9` of any process in every case; loss of
power for commits with `durable=True` (people's words: one fsync each). Intake and revising commit without that fsync:
loss of power may take the last of these commits back, whole ones and in order, with the source positions stored in
them, so that running the same command again repeats exactly what is missing.
"""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from coachlm.errors import StoreError
from storage.engine.failures import failures, store_error

_BUSY_SECONDS = 30
_CONNECT_SECONDS = 10
_OPTION = "coachlm_transaction"
# Random keys of near copies dirty many pages; a longer log writes each of them to the file less often.
_CHECKPOINT_PAGES = 8000
_CACHE_KIB = 32_000


def utc_now() -> datetime:
    return datetime.now(UTC)


class Database:
    """Transactions on one database. Safe to share between threads; not to be carried over a fork.

    Every error of the database leaves these methods as a StoreError that names the remedy.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.name = name  # for messages; without password

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Generator[Connection]:
        """One snapshot for all that is read within; it blocks no writer."""
        options = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        with self._transaction(options) as connection:
            yield connection

    @contextmanager
    def writing(self, *, durable: bool = False) -> Generator[Connection]:
        """Commits at the end, rolls back on any exception. On SQLite writers wait for one another here, up to 30 s."""
        with self._transaction({_OPTION: "durable" if durable else "repeatable"}) as connection:
            yield connection

    @contextmanager
    def _transaction(self, options: dict[str, str]) -> Generator[Connection]:
        try:
            with self.engine.connect().execution_options(**options) as connection, connection.begin():
                yield connection
        except failures() as error:
            raise store_error(error, self.name) from error

    def close(self) -> None:
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Connects at first use; `storage.engine.schema` creates and checks the tables.

    Raises: StoreError, when the URL is malformed, of another kind of database, or names no file.
    """
    parsed = _parse(url)
    name = parsed.set(query={}).render_as_string(hide_password=True)
    if parsed.get_backend_name() == "sqlite":
        engine = _sqlite_engine(parsed, name)
    else:
        arguments = {"application_name": "coachlm", "connect_timeout": _CONNECT_SECONDS, "client_encoding": "UTF8"}
        engine = create_engine(
            parsed, hide_parameters=True, pool_pre_ping=True, connect_args={**arguments, **parsed.query}
        )
    return Database(engine, name)


def sqlite_file(url: str) -> Path | None:
    """The file that the URL names; None for another kind of database. Raises: StoreError, for a malformed URL."""
    parsed = _parse(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError):
        raise StoreError(
            "the database URL is malformed; write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
        ) from None
    if backend == "sqlite":
        return parsed.set(drivername="sqlite")
    if backend in ("postgresql", "postgres"):
        return _hide_password(parsed.set(drivername="postgresql+psycopg"))
    raise StoreError(f"the database is of kind {backend!r}; use SQLite (sqlite:///FILE) or PostgreSQL")


def _hide_password(url: URL) -> URL:
    """A password among the options goes where it is never shown."""
    password = url.query.get("password")
    return url.difference_update_query(["password"]).set(password=password) if isinstance(password, str) else url


def _sqlite_engine(url: URL, name: str) -> Engine:
    file = url.database
    if not file or ":memory:" in file:
        raise StoreError("a database in memory loses everything at the end; name a file: sqlite:///FILE")
    if not file.startswith("file:") and not Path(file).absolute().parent.is_dir():
        raise StoreError(f"database {name}: the folder {Path(file).absolute().parent} does not exist; create it")
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": _BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin in `_begin_sqlite`, not behind our back
    for pragma in (
        "journal_mode = WAL",
        "foreign_keys = ON",
        f"wal_autocheckpoint = {_CHECKPOINT_PAGES}",
        f"cache_size = -{_CACHE_KIB}",
        "journal_size_limit = 67108864",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes the write lock at once: a transaction that reads first and writes later could not wait for it."""
    kind: str | None = connection.get_execution_options().get(_OPTION)
    if kind is None:
        connection.exec_driver_sql("BEGIN")
        return
    connection.exec_driver_sql(f"PRAGMA synchronous = {'FULL' if kind == 'durable' else 'NORMAL'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
