"""How clients are told where the brokers are: wrong settings are named, passwords don't show."""

import logging

import pytest

from coachlm.errors import SettingsError
from coachlm.settings import Settings, load_settings
from streams.broker.wire.connection import aiokafka_options, faust_options, kafka_python_options, servers

_SASL = {"kafka_security": "SASL_PLAINTEXT", "kafka_user": "worker", "kafka_password": "open sesame"}


def _settings(**given: object) -> Settings:
    return load_settings(**{"kafka_servers": "one:9092,[::1]:9093", **given})  # type: ignore[arg-type]


def test_servers_come_from_one_comma_separated_setting() -> None:
    assert servers(_settings()) == ["one:9092", "[::1]:9093"]
    assert faust_options(_settings())["broker"] == ["kafka://one:9092", "kafka://[::1]:9093"]


@pytest.mark.parametrize(
    "wrong", ["", "one", "one:port", "one:0", "one:70000", "kafka://one:9092", "one:9092/", "a b:1"]
)
def test_a_malformed_server_is_named(wrong: str) -> None:
    with pytest.raises(SettingsError, match="COACHLM_KAFKA_SERVERS"):
        kafka_python_options(_settings(kafka_servers=wrong))


@pytest.mark.parametrize("missing", [{"kafka_user": None}, {"kafka_password": ""}])
def test_logging_in_needs_user_and_password(missing: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="COACHLM_KAFKA_USER and COACHLM_KAFKA_PASSWORD"):
        aiokafka_options(_settings(**{**_SASL, **missing}))


def test_an_authority_that_cannot_be_read_is_named() -> None:
    with pytest.raises(SettingsError, match="COACHLM_KAFKA_CA_FILE: no-such"):
        kafka_python_options(_settings(kafka_security="SSL", kafka_ca_file="no-such.pem"))


def test_tls_checks_certificate_and_host() -> None:
    context = kafka_python_options(_settings(kafka_security="SSL"))["ssl_context"]
    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"


def test_every_client_gets_the_same_login() -> None:
    settings = _settings(**_SASL)
    assert aiokafka_options(settings) == kafka_python_options(settings)
    credentials = faust_options(settings)["broker_credentials"]
    assert (credentials.username, credentials.password) == ("worker", "open sesame")
    assert (credentials.protocol.value, credentials.mechanism.value) == ("SASL_PLAINTEXT", "SCRAM-SHA-512")
    assert faust_options(_settings(**{**_SASL, "kafka_security": "SASL_SSL"}))["broker_credentials"].ssl_context


def test_the_password_does_not_show_in_logs(caplog: pytest.LogCaptureFixture) -> None:
    options = kafka_python_options(_settings(**_SASL))
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("kafka").debug("Starting with configuration: %s", options)
    assert "open sesame" not in caplog.text
    assert options["sasl_plain_password"].encode() == b"open sesame"
