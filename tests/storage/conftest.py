"""Fixtures of the storage suite: an open database of each kind, and a clock that tests turn."""

from collections.abc import Iterator

import pytest

from storage.engine.database import Database, open_database
from tests.storage.factories import Clock


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = open_database(database_url)
    yield database
    database.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()
