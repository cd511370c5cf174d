"""A database, topics and settings of a run's own on running servers, and what its processes cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil
import psycopg
from sqlalchemy import make_url

from coachlm.settings import Settings, load_settings
from devtools.servers.kafka import KafkaCluster
from devtools.servers.postgres import PostgresServer
from streams.broker.topics.topics import ensure_topics

PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a run takes place."""

    settings: Settings
    environment: Mapping[str, str]  # the same settings, for its processes
    conninfo: str

    @property
    def servers(self) -> str:
        return ",".join(self.settings.kafka.servers)

    @property
    def prefix(self) -> str:
        return self.settings.kafka.prefix

    @property
    def raw_topic(self) -> str:
        return f"{self.prefix}logs.raw"


def make_ground(name: str, cluster: KafkaCluster, postgres: PostgresServer, **more: Any) -> Ground:
    """A new database and new topics under that name; `more` are settings."""
    with psycopg.connect(plain(postgres.url), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    given: dict[str, Any] = {
        "database_url": make_url(postgres.url).set(database=name).render_as_string(hide_password=False),
        "kafka_servers": cluster.bootstrap,
        "kafka_prefix": f"{name}.",
        "kafka_partitions": PARTITIONS,
        "kafka_replication": len(cluster.nodes),
        **more,
    }
    settings = load_settings(**given)
    ensure_topics(settings)
    environment = {f"COACHLM_{key.upper()}": str(value) for key, value in given.items()}
    return Ground(settings, environment, plain(given["database_url"]))


def plain(url: str) -> str:
    """As psycopg takes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def resident_mb(pid: int) -> float:
    """0 when it has ended."""
    try:
        return psutil.Process(pid).memory_info().rss / 1e6
    except psutil.NoSuchProcess:
        return 0.0
