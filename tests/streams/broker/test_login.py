"""Logging in at a real broker: every client with the options of one place; a wrong password is one clear error."""

import asyncio

import pytest
from aiokafka import AIOKafkaProducer
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient
from kafka.admin._users import ScramMechanism, UserScramCredentialUpsertion

from coachlm.errors import StreamError
from coachlm.protocols.streams import Topic
from coachlm.settings import Settings, load_settings
from devtools.servers.kafka import LOGIN, KafkaCluster
from streams.broker.topics.lag import lags
from streams.broker.topics.topics import ensure_topics, topic_name
from streams.broker.wire.connection import aiokafka_options, kafka_python_options

pytestmark = pytest.mark.broker


def _settings(broker: KafkaCluster, mechanism: str, password: str) -> Settings:
    return load_settings(
        kafka_servers=broker.login_bootstrap,
        kafka_prefix="login.",
        kafka_partitions=1,
        kafka_security="SASL_PLAINTEXT",
        kafka_sasl_mechanism=mechanism,
        kafka_user=LOGIN[0],
        kafka_password=password,
    )  # type: ignore[call-arg,arg-type]


def test_every_client_logs_in(kafka_broker: KafkaCluster) -> None:
    user, password = LOGIN
    admin = KafkaAdminClient(bootstrap_servers=kafka_broker.bootstrap)
    admin.alter_user_scram_credentials([UserScramCredentialUpsertion(user, ScramMechanism.SCRAM_SHA_512, "of its own")])
    admin.close()
    for mechanism, right in (("PLAIN", password), ("SCRAM-SHA-512", "of its own")):
        settings = _settings(kafka_broker, mechanism, right)
        ensure_topics(settings)
        raw = topic_name(settings, Topic.RAW)
        producer = KafkaProducer(**kafka_python_options(settings))
        producer.send(raw, b"{}").get(20)
        producer.close()
        asyncio.run(_send(settings, raw))
    assert sum(lag.messages for lag in lags(settings)) == 4
    with pytest.raises(StreamError) as raised:
        ensure_topics(_settings(kafka_broker, "SCRAM-SHA-512", "guessed"))
    assert "COACHLM_KAFKA" in str(raised.value)
    assert "guessed" not in str(raised.value)


async def _send(settings: Settings, topic: str) -> None:
    producer = AIOKafkaProducer(**aiokafka_options(settings))
    await producer.start()
    try:
        await producer.send_and_wait(topic, b"{}")
    finally:
        await producer.stop()
