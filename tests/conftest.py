"""Fixtures that every room's tests share."""

import os
from pathlib import Path

if not Path("/dev/nvidia0").exists():
    os.environ.setdefault("TRITON_INTERPRET", "1")  # kernels run on the CPU; read when anything imports Triton

import pytest
from hypothesis import HealthCheck, settings

from tests.brokers import kafka_broker, kafka_cluster, kafka_prefix, kafka_server  # noqa: F401  # fixtures
from tests.databases import (  # noqa: F401  # fixtures
    database_url,
    databases,
    postgres_databases,
    postgres_server,
    sqlite_databases,
)

# No deadlines: machines are slow and shared. In CI the same examples every time, elsewhere new ones with every run.
settings.register_profile(
    "coachlm", deadline=None, derandomize=bool(os.environ.get("CI")), suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("coachlm")


_LONG = ("slow", "browser", "broker")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with tests that take long come first; with the quick ones at the end all processes finish together."""
    long_ones = {item.path for item in items if any(map(item.get_closest_marker, _LONG))}
    items.sort(key=lambda item: item.path not in long_ones)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of public data sets (docs/reference/public-data.md); tests that need it skip without it."""
    folder = os.environ.get("COACHLM_DATA_DIR")
    if not folder or not Path(folder).is_dir():
        pytest.skip("COACHLM_DATA_DIR is not set to the folder of public data sets; see docs/reference/public-data.md")
    return Path(folder)
