"""Opens the database for a command: tables created where there are none, everything closed at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from coachlm.settings import Settings

if TYPE_CHECKING:
    from storage.adapters.artifacts import AdapterArtifacts
    from storage.engine.database import Database
    from storage.intake.near_copies import NearCopies
    from storage.intake.store import DatabaseStore
    from storage.streams.store import DatabaseStreamStore

P = ParamSpec("P")
R = TypeVar("R")


def database_option(function: Callable[P, R]) -> Callable[P, R]:
    return click.option("--db", help="Database URL; sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.")(function)


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """The database, with its tables made if it is empty.

    Raises: SchemaError, StoreError.
    """
    from storage.engine import database as databases
    from storage.engine.schema import prepare

    database = databases.open_database(settings.database.url.get_secret_value())
    try:
        prepare(database)
        yield database
    finally:
        database.close()


def build_store(database: Database, settings: Settings) -> DatabaseStore:
    """The store of intake and revising, with near copies looked for."""
    from storage.intake.store import DatabaseStore

    return DatabaseStore(database, _near_copies(settings), head_start=settings.desk.signal_head_start)


def build_stream_store(database: Database, settings: Settings) -> DatabaseStreamStore:
    """The same store with dead letters and the outbox."""
    from storage.streams.store import DatabaseStreamStore

    return DatabaseStreamStore(
        database,
        _near_copies(settings),
        dead_letter_days=settings.streams.dead_letter_days,
        head_start=settings.desk.signal_head_start,
    )


def _near_copies(settings: Settings) -> NearCopies:
    from coachlm.text.duplicates import compared_text, difference, similarity
    from storage.intake.near_copies import NearCopies

    return NearCopies(similarity, compared_text, settings.intake.near_duplicate_similarity, difference)


def adapter_artifacts(settings: Settings) -> AdapterArtifacts:
    """Where adapter folders are published, and the local copies that engines load."""
    from storage.adapters.artifacts import AdapterArtifacts

    return AdapterArtifacts(settings.adapters.url, Path(settings.adapters.cache).expanduser())


def intake_salt(database: Database, settings: Settings) -> bytes:
    """The salt of user and session hashes: the one in the settings, else the database's own."""
    from storage.engine.schema import hash_salt

    return (settings.intake.hash_salt.get_secret_value() or hash_salt(database)).encode()
