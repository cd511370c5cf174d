"""How each client of the broker is told where the brokers are and how to log in, from the settings.

The password is in these options and nowhere else; it does not show when a client writes its options to a log.
"""

import re
import ssl
from typing import Any

from coachlm.errors import SettingsError
from coachlm.settings import Settings

_SERVER = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})")


class _Hidden(str):
    """A password: kafka-python logs its options, at level DEBUG."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'********'"


def servers(settings: Settings) -> list[str]:
    """The brokers as HOST:PORT. Raises: SettingsError when there are none or one is malformed."""
    addresses(settings)
    return list(settings.kafka.servers)


def addresses(settings: Settings) -> list[tuple[str, int]]:
    """The brokers as host and port. Raises: SettingsError, as `servers`."""
    if not settings.kafka.servers:
        raise SettingsError("no Kafka broker is set: set COACHLM_KAFKA_SERVERS to HOST:PORT (more with commas)")
    found = []
    for server in settings.kafka.servers:
        match = _SERVER.fullmatch(server)
        if match is None or not 0 < int(match[2]) < 65_536:
            raise SettingsError(f"COACHLM_KAFKA_SERVERS: {server!r} is not HOST:PORT; e.g. kafka-1:9092,kafka-2:9092")
        found.append((match[1].strip("[]"), int(match[2])))
    return found


def kafka_python_options(settings: Settings) -> dict[str, Any]:
    """For kafka-python's clients. Raises: SettingsError."""
    return {"bootstrap_servers": servers(settings), **_security(settings)}


def aiokafka_options(settings: Settings) -> dict[str, Any]:
    """For aiokafka's clients, whose names are the same. Raises: SettingsError."""
    return kafka_python_options(settings)


def faust_options(settings: Settings) -> dict[str, Any]:
    """For `faust.App`. Raises: SettingsError."""
    options: dict[str, Any] = {"broker": [f"kafka://{server}" for server in servers(settings)]}
    security = _security(settings)
    if "sasl_mechanism" in security:
        from faust import SASLCredentials

        options["broker_credentials"] = SASLCredentials(
            username=security["sasl_plain_username"],
            password=security["sasl_plain_password"],
            mechanism=security["sasl_mechanism"],
            ssl_context=security.get("ssl_context"),
        )
    elif "ssl_context" in security:
        from faust import SSLCredentials

        options["broker_credentials"] = SSLCredentials(security["ssl_context"])
    return options


def _security(settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {"security_protocol": settings.kafka.security}
    if settings.kafka.security in ("SSL", "SASL_SSL"):
        options["ssl_context"] = _tls(settings.kafka.ca_file)
    if settings.kafka.security.startswith("SASL_"):
        if not settings.kafka.user or not settings.kafka.password.get_secret_value():
            raise SettingsError(
                f"COACHLM_KAFKA_SECURITY={settings.kafka.security} needs COACHLM_KAFKA_USER and COACHLM_KAFKA_PASSWORD"
            )
        options |= {
            "sasl_mechanism": settings.kafka.sasl_mechanism,
            "sasl_plain_username": settings.kafka.user,
            "sasl_plain_password": _Hidden(settings.kafka.password.get_secret_value()),
        }
    return options


def _tls(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or error
        raise SettingsError(f"COACHLM_KAFKA_CA_FILE: {ca_file} can't be used: {reason}; name a PEM file") from error
