"""What went wrong in the database, said as a DatabaseError with its remedy; never with a password or a row's text."""

import sqlite3
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from coachlm.errors import DatabaseError

if TYPE_CHECKING:
    import psycopg

# Parts of SQLite's messages (stable since version 3.0). Source: sqlite.org/rescode.html, `sqlite3ErrStr` in main.c.
_SQLITE_REMEDIES = (
    ("disk is full", "its disk is full; free some space and run the same command again: nothing committed is lost"),
    ("is locked", "another process has been writing to it for more than 30 s; end that one, or wait and try again"),
    ("readonly database", "it can't be written; check the permissions of the file and its folder"),
    ("unable to open", "its file can't be opened; check that the folder exists and that you may write there"),
    ("not a database", "the file is not an SQLite database; name another file"),
    ("malformed", "the file is damaged; restore a backup, or save what is left with `sqlite3 FILE .recover`"),
    ("disk I/O error", "reading or writing its file failed; check the disk and that it is not a network folder"),
)
# SQLSTATE, or its class of two letters. Source: PostgreSQL documentation, appendix A.
_POSTGRES_REMEDIES = (
    ("53100", "the server's disk is full; free some space and run the same command again: nothing committed is lost"),
    ("53", "the server lacks connections or memory; raise its limits or run fewer processes"),
    ("28", "the server refused the user or password; check the URL"),
    ("3D000", "the server has no such database; create it with `createdb`"),
    ("42501", "the user lacks a privilege; grant it on the database and its schema"),
    ("25006", "the server or session is read-only; connect to the primary"),
    ("57P", "the server is shutting down or was restarted; try again"),
    ("40", "another transaction was in the way; try again"),
    ("55P03", "another transaction was in the way; try again"),
    ("08", "the connection broke; try again"),
)


def failures() -> tuple[type[Exception], ...]:
    """What a database raises; PostgreSQL's driver is imported for the first failure, or by the first connection."""
    import psycopg

    return SQLAlchemyError, sqlite3.Error, psycopg.Error


def store_error(error: Exception, database: str) -> DatabaseError:
    """`database` is its name without a password."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    said = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
    return DatabaseError(f"database {database}: {_remedy(cause, said)} ({said})")


def _remedy(cause: BaseException, said: str) -> str:
    import psycopg

    if isinstance(cause, psycopg.Error):
        return _postgres_remedy(cause)
    for part, remedy in _SQLITE_REMEDIES:
        if part in said:
            return remedy
    return "it refused the operation"


def _postgres_remedy(cause: "psycopg.Error") -> str:
    import psycopg

    state = cause.sqlstate
    if state is None and isinstance(cause, psycopg.OperationalError):
        return "the server can't be reached or refused the connection; check that it runs, and the URL"
    for prefix, remedy in _POSTGRES_REMEDIES:
        if (state or "").startswith(prefix):
            return remedy
    return "it refused the operation"
