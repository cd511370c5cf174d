"""Fixtures of the service's suite: a real server on each kind of database."""

from collections.abc import Iterator

import pytest

from tests.api.service import Service, running_service
from tests.databases import Databases


@pytest.fixture
def service(database_url: str) -> Iterator[Service]:
    """Once on SQLite and once on PostgreSQL."""
    with running_service(database_url) as service:
        yield service


@pytest.fixture
def lite(sqlite_databases: Databases) -> Iterator[Service]:
    """On SQLite alone, for what the database has no part in."""
    with running_service(sqlite_databases.new()) as service:
        yield service
    sqlite_databases.drop()
