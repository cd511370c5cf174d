"""Kafka's administration as this project uses it: one clear error, and patience while leaders change."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging import CRITICAL, getLogger
from socket import create_connection
from time import monotonic, sleep
from typing import Any, TypeVar

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, KafkaTimeoutError

from coachlm.errors import StreamError
from coachlm.settings import Settings
from streams.broker.wire.connection import addresses, kafka_python_options

CONNECT_SECONDS = 10
READY_SECONDS = 30

T = TypeVar("T")

_Client: Any = KafkaAdminClient
"""Any: the published stubs are of kafka-python 2."""


@contextmanager
def administration(settings: Settings) -> Iterator[Any]:
    """A `KafkaAdminClient`. Raises: StreamError, also for what fails inside the block; SettingsError."""
    options = kafka_python_options(settings)
    servers = ", ".join(options["bootstrap_servers"])
    _await_listener(settings)
    admin = _connect(options, servers)
    try:
        yield admin
    except KafkaError as error:
        raise StreamError(f"the Kafka broker at {servers} failed: {error}; see its log") from error
    finally:
        admin.close()


def _await_listener(settings: Settings) -> None:
    """A client of kafka-python that finds nobody leaves its thread and its sockets behind, so look first."""
    end = monotonic() + CONNECT_SECONDS
    while True:
        problems = []
        for host, port in addresses(settings):
            try:
                create_connection((host, port), timeout=max(end - monotonic(), 0.1)).close()
            except OSError as error:
                problems.append(f"{host}:{port}: {error.strerror or error}")
            else:
                return
        if monotonic() > end:
            raise StreamError(
                f"no Kafka broker answers within {CONNECT_SECONDS} s ({'; '.join(problems)}); "
                "is one running there, and is COACHLM_KAFKA_SERVERS right?"
            )
        sleep(0.2)


def _connect(options: dict[str, Any], servers: str) -> Any:
    log = getLogger("kafka")
    level = log.level
    log.setLevel(CRITICAL)  # one clear error instead of kafka-python's for every attempt
    try:
        return _Client(**options, bootstrap_timeout_ms=CONNECT_SECONDS * 1000, request_timeout_ms=READY_SECONDS * 1000)
    except KafkaTimeoutError as error:
        raise StreamError(
            f"{servers} doesn't answer as a Kafka broker within {CONNECT_SECONDS} s; do COACHLM_KAFKA_SECURITY, "
            "COACHLM_KAFKA_SASL_MECHANISM, user and password suit it?"
        ) from error
    except (KafkaError, OSError) as error:
        raise StreamError(f"the Kafka broker at {servers} refuses: {error}; see COACHLM_KAFKA_* settings") from error
    finally:
        log.setLevel(level)


def patiently(ask: Callable[..., T], *arguments: Any) -> T:
    """Through the moments in which a broker, a leader or a coordinator is just being replaced."""
    end = monotonic() + READY_SECONDS
    while True:
        try:
            return ask(*arguments)
        except KafkaError as error:
            if not error.retriable or monotonic() > end:
                raise
            sleep(0.2)


def described_topics(admin: Any, names: list[str]) -> list[dict[str, Any]]:
    """Those that exist."""
    topics = patiently(admin.describe_topics, names)
    return [topic for topic in topics if topic["partitions"]]
