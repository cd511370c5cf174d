"""Settings of brokers, topics and workers."""

from typing import Literal

from pydantic import SecretStr

from coachlm.settings.fields import Group, Listed, setting


class KafkaSettings(Group):
    """The brokers and the topics on them."""

    servers: Listed[str] = setting(
        "kafka_servers",
        shown_by="tests/streams/broker/test_connection.py::test_a_malformed_server_is_named",
        default=(),
        description="Kafka brokers as HOST:PORT; empty: embedded.",
    )
    prefix: str = setting(
        "kafka_prefix",
        shown_by="tests/streams/broker/test_raw_topics.py::test_the_settings_name_topics_and_formats",
        default="",
        description="Prefix of topic and group names, e.g. `coachlm.`.",
    )
    partitions: int = setting(
        "kafka_partitions",
        shown_by="tests/streams/broker/test_topics.py::test_a_topic_unlike_the_settings_is_refused",
        default=8,
        ge=1,
        le=10_000,
        description="Partitions of each topic when created.",
    )
    replication: int = setting(
        "kafka_replication",
        shown_by="tests/streams/broker/test_topics.py::test_a_topic_unlike_the_settings_is_refused",
        default=1,
        ge=1,
        le=7,
        description="Copies of each partition; 3 in production.",
    )
    retention_hours: int = setting(
        "kafka_retention_hours",
        shown_by="tests/streams/broker/test_topics.py::test_a_topic_unlike_the_settings_is_refused",
        default=168,
        ge=1,
        description="How long topics keep messages.",
    )
    extra_topics: Listed[str] = setting(
        "kafka_extra_topics",
        shown_by="tests/streams/broker/test_raw_topics.py::test_the_settings_name_topics_and_formats",
        default=(),
        description="Topics of other systems that intake also reads: `TOPIC` or `TOPIC=FORMAT`, without the prefix.",
    )
    security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = setting(
        "kafka_security",
        shown_by="tests/streams/broker/test_connection.py::test_tls_checks_certificate_and_host",
        default="PLAINTEXT",
        description="Security protocol of the brokers.",
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = setting(
        "kafka_sasl_mechanism",
        shown_by="tests/streams/broker/test_login.py::test_every_client_logs_in",
        default="SCRAM-SHA-512",
        description="How to sign in when `kafka_security` is SASL.",
    )
    user: str | None = setting(
        "kafka_user",
        shown_by="tests/streams/broker/test_connection.py::test_logging_in_needs_user_and_password",
        default=None,
        description="User for SASL.",
    )
    password: SecretStr = setting(
        "kafka_password",
        shown_by="tests/streams/broker/test_connection.py::test_logging_in_needs_user_and_password",
        default=SecretStr(""),
        description="Password for SASL.",
    )
    ca_file: str | None = setting(
        "kafka_ca_file",
        shown_by="tests/streams/broker/test_connection.py::test_an_authority_that_cannot_be_read_is_named",
        default=None,
        description="PEM file of the brokers' certificate authority.",
    )


class StreamSettings(Group):
    """How stream workers read."""

    driver: Literal["faust", "aiokafka"] = setting(
        "stream_driver",
        shown_by="tests/streams/broker/test_produce_broker.py::test_a_worker_reads_topics_that_others_fill",
        default="faust",
        description="Kafka consumer: `faust` (faust-streaming) or `aiokafka`; same handlers.",
    )
    batch_messages: int = setting(
        "stream_batch_messages", default=500, ge=1, le=10_000, description="Most messages in a batch."
    )
    tries: int = setting(
        "stream_tries",
        shown_by="tests/streams/broker/test_workers.py::test_exceptions_in_a_worker_lose_nothing",
        default=5,
        ge=1,
        description="Tries of a failing message before it is a dead letter.",
    )
    dead_letter_days: int = setting(
        "dead_letter_days",
        shown_by="tests/storage/test_dead_letters.py::test_an_idle_relay_purges_once_an_hour",
        default=90,
        ge=0,
        description="How long the bytes of dead letters are kept; they may hold personal data.",
    )
    session_seconds: int = setting(
        "session_seconds",
        default=15,
        ge=6,
        le=300,
        description="After this time without a heartbeat a worker counts as dead; its partitions move.",
    )
    watchdog_seconds: int = setting(
        "watchdog_seconds",
        shown_by="tests/streams/broker/test_workers.py::test_the_watchdog_ends_a_worker_that_hangs",
        default=300,
        ge=5,
        description="After this time with lag and no progress a worker ends, to be restarted.",
    )


class WorkerSettings(Group):
    """Processes that run until they are told to end."""

    drain_seconds: int = setting(
        "drain_seconds", default=30, ge=1, description="Time that a worker has to finish its batch after SIGTERM."
    )
    claim_seconds: float = setting(
        "revision_claim_seconds",
        default=300.0,
        ge=1,
        description="How long a silent `coachlm worker` keeps its pairs; then others take them.",
    )
    metrics_port: int = setting(
        "metrics_port",
        default=0,
        ge=0,
        le=65_535,
        description="Port of a worker's Prometheus metrics; 0: none.",
    )
    metrics_host: str = setting(
        "metrics_host", default="127.0.0.1", description="Address of a worker's Prometheus metrics."
    )
