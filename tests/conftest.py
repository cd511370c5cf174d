"""Fixtures that every room's tests share."""

import os
from pathlib import Path

import pytest

from tests.databases import (  # noqa: F401  # fixtures
    database_url,
    databases,
    postgres_databases,
    postgres_server,
    sqlite_databases,
)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of public data sets (docs/data.md says which); tests that need it skip where it is absent."""
    folder = os.environ.get("COACHLM_DATA_DIR")
    if not folder or not Path(folder).is_dir():
        pytest.skip("COACHLM_DATA_DIR is not set to the folder of public data sets; see docs/data.md")
    return Path(folder)
