"""Fixtures that give a test a real Kafka broker, and topics that no other test sees.

The broker is the one that COACHLM_TEST_KAFKA names (HOST:PORT, more with commas); without it a private one is started
from the jars that `scripts/need-kafka` fetches and ended with the test run.
"""

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest

from devtools.servers.kafka import KafkaCluster, running_cluster
from devtools.servers.process import ServerError


@pytest.fixture(scope="session")
def kafka_server() -> Iterator[str]:
    """HOST:PORT of a broker, as `kafka_servers` of the settings takes it."""
    given = os.environ.get("COACHLM_TEST_KAFKA")
    if given:
        yield given
        return
    yield from (cluster.bootstrap for cluster in _cluster(1))


@pytest.fixture
def kafka_prefix(kafka_server: str) -> Iterator[str]:
    """`kafka_prefix` of the settings for one test; what it names is deleted after the test."""
    from kafka.admin import KafkaAdminClient

    prefix = f"test-{uuid4().hex[:10]}."
    yield prefix
    admin = KafkaAdminClient(bootstrap_servers=kafka_server.split(","))
    try:
        made = [topic for topic in admin.list_topics() if topic.startswith(prefix)]
        if made:
            admin.delete_topics(made, raise_errors=False)  # pyright: ignore[reportCallIssue]  # its stub is older
    finally:
        admin.close()


@pytest.fixture
def kafka_broker() -> Iterator[KafkaCluster]:
    """A private broker of the test's own, to stop, freeze and kill."""
    yield from _cluster(1)


@pytest.fixture(scope="module")
def kafka_cluster() -> Iterator[KafkaCluster]:
    """Three private brokers for one module, to stop, freeze and kill; `start()` brings back those that are down."""
    yield from _cluster(3)


def _cluster(nodes: int) -> Iterator[KafkaCluster]:
    try:
        with running_cluster(nodes) as cluster:
            yield cluster
    except ServerError as error:
        pytest.fail(str(error))
