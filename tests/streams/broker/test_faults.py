"""The fault run in small: real processes killed under load, a real broker and PostgreSQL restarted meanwhile."""

from collections.abc import Iterator

import pytest

from benchmarks.faults.run import Plan, run_faults
from devtools.servers.kafka import KafkaCluster, running_cluster
from devtools.servers.postgres import PostgresServer

pytestmark = [pytest.mark.broker, pytest.mark.postgres, pytest.mark.slow]

_KILLS = Plan(
    messages=1_500,
    kills=10,
    terminations=1,
    broker_restarts=1,
    database_restarts=1,
    stall_seconds=0,
    session_seconds=2,
    batch_messages=25,
    kills_at_once=2,
)


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """Its own: it is restarted, and keeps every commit."""
    server = PostgresServer(durable=True)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="module")
def broker() -> Iterator[KafkaCluster]:
    with running_cluster() as cluster:
        yield cluster


@pytest.mark.parametrize("driver", ["faust", "aiokafka"])
def test_nothing_is_lost_and_nothing_stored_twice(driver: str, broker: KafkaCluster, postgres: PostgresServer) -> None:
    figures = run_faults(_KILLS, driver, broker, postgres)
    assert figures["kills"] == 10
    assert (figures["lost"], figures["unrevised"], figures["invented"]) == (0, 0, 0)
    assert figures["rows_per_pair_max"] == 1
    assert figures["dead_letters_found"] == figures["dead_letters_expected"] > 0
    assert figures["dead_letters_wrong"] == 0
    assert (figures["unpublished"], figures["outbox"]) == (0, 0)
    assert figures["reconcile_balances"]
    assert figures["repeated_messages"] > 0  # some batches were under way when their worker was killed
