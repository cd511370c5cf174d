"""Settings of the database, the HTTP service and signing in."""

from pydantic import SecretStr

from coachlm.settings.fields import Group, setting


class DatabaseSettings(Group):
    """Where everything is stored."""

    url: SecretStr = setting(
        "database_url",
        default=SecretStr("sqlite:///coachlm.db"),
        description="SQLAlchemy URL; SQLite or PostgreSQL (psycopg).",
    )


class ApiSettings(Group):
    """The HTTP service."""

    url: str = setting(
        "api_url", default="http://127.0.0.1:8080", description="Where pages and clients find the service."
    )
    host: str = setting("api_host", default="127.0.0.1", description="Address that `coachlm serve` listens on.")
    port: int = setting("api_port", default=8080, ge=0, le=65_535, description="Its port; 0 takes a free one.")
    requests_per_second: float = setting(
        "api_requests_per_second",
        default=50.0,
        gt=0,
        description="How many requests a person may make, over time; four seconds' worth at once.",
    )
    failures_per_minute: float = setting(
        "api_failures_per_minute",
        default=20.0,
        gt=0,
        description="Wrong tokens that an address may send before new ones are not looked at.",
    )
    body_bytes: int = setting(
        "api_body_bytes",
        default=4_000_000,
        ge=10_000,
        description="Longest request, posted logs excepted; longer ones get 413.",
    )
    log_bytes: int = setting(
        "api_log_bytes",
        default=4_000_000_000,
        ge=10_000,
        description="Longest post of logs, unpacked; lines have `max_record_bytes`.",
    )
    log_posts: int = setting(
        "api_log_posts", default=4, ge=1, le=30, description="Posts of logs that are read at the same time."
    )
    exports: int = setting(
        "api_exports", default=2, ge=1, le=30, description="Exports that are streamed at the same time."
    )
    sweep_seconds: float = setting(
        "sweep_seconds",
        default=60.0,
        ge=1,
        description="How often leases that ran out and reviews that nobody drew are settled.",
    )


class OidcSettings(Group):
    """Signing in with a company's tokens."""

    issuer: str | None = setting(
        "oidc_issuer",
        default=None,
        description="Issuer of JSON web tokens that are taken beside the service's own tokens.",
    )
    audience: str | None = setting("oidc_audience", default=None, description="Audience that these tokens must be for.")
    jwks_url: str | None = setting(
        "oidc_jwks_url", default=None, description="Where the issuer publishes its keys (https)."
    )
    key_file: str | None = setting(
        "oidc_key_file", default=None, description="PEM file of the issuer's public key, instead."
    )
    claim: str = setting(
        "oidc_claim",
        default="sub",
        description="Claim that holds whom `coachlm people` knows as somebody's subject, e.g. `email`.",
    )
