"""Settings of the database, the HTTP service and signing in."""

from pydantic import SecretStr

from coachlm.settings.fields import Group, setting


class DatabaseSettings(Group):
    """Where everything is stored."""

    url: SecretStr = setting(
        "database_url",
        shown_by="tests/streams/broker/test_workers.py::test_all_restarts_what_ends",
        default=SecretStr("sqlite:///coachlm.db"),
        description="SQLAlchemy URL; SQLite or PostgreSQL (psycopg).",
    )


class ApiSettings(Group):
    """The HTTP service."""

    url: str = setting(
        "api_url",
        shown_by="tests/dashboard/test_commands.py::test_desk_starts_service_and_pages_with_a_token_and_ends_both",
        default="http://127.0.0.1:8080",
        description="Where pages and clients find the service.",
    )
    host: str = setting("api_host", default="127.0.0.1", description="Address that `coachlm serve` listens on.")
    port: int = setting("api_port", default=8080, ge=0, le=65_535, description="Its port; 0 takes a free one.")
    requests_per_second: float = setting(
        "api_requests_per_second",
        shown_by="tests/api/test_hostile.py::test_a_person_is_slowed_down_and_others_are_not",
        default=50.0,
        gt=0,
        description="Sustained request rate per person; bursts of four seconds' worth are allowed.",
    )
    failures_per_minute: float = setting(
        "api_failures_per_minute",
        shown_by="tests/api/test_hostile.py::test_wrong_tokens_are_not_looked_at_for_ever",
        default=20.0,
        gt=0,
        description="Failed logins per minute and address before further attempts are rejected with 429.",
    )
    body_bytes: int = setting(
        "api_body_bytes",
        default=4_000_000,
        ge=10_000,
        description="Longest request body, except posted logs; longer ones get 413.",
    )
    log_bytes: int = setting(
        "api_log_bytes",
        shown_by="tests/api/test_log_intake.py::test_a_bomb_is_refused",
        default=4_000_000_000,
        ge=10_000,
        description="Longest post of logs, uncompressed; each line has `max_record_bytes`.",
    )
    batch_bytes: int = setting(
        "api_batch_bytes",
        shown_by="tests/api/test_telemetry.py::test_a_body_that_is_too_long_unpacked_is_refused",
        default=64_000_000,
        ge=10_000,
        description="Longest post of OTLP, LiteLLM or Langfuse records, uncompressed; longer ones get 413.",
    )
    log_posts: int = setting("api_log_posts", default=4, ge=1, le=30, description="Concurrent posts of logs.")
    exports: int = setting("api_exports", default=2, ge=1, le=30, description="Concurrent exports.")
    sweep_seconds: float = setting(
        "sweep_seconds",
        shown_by="tests/api/test_health.py::test_what_nobody_sampled_is_approved_by_the_clock",
        default=60.0,
        ge=1,
        description="Time between two sweeps of expired leases and unsampled post-edits.",
    )


class OidcSettings(Group):
    """Signing in with a company's tokens."""

    issuer: str | None = setting(
        "oidc_issuer",
        shown_by="tests/api/test_jwt.py::test_another_issuer_audience_or_time_names_nobody",
        default=None,
        description="Issuer of JSON web tokens that are accepted as well as the service's own.",
    )
    audience: str | None = setting(
        "oidc_audience",
        shown_by="tests/api/test_jwt.py::test_half_a_configuration_is_refused",
        default=None,
        description="Audience that these tokens must name.",
    )
    jwks_url: str | None = setting(
        "oidc_jwks_url",
        shown_by="tests/api/test_jwt.py::test_published_keys_are_fetched_once_and_chosen_by_their_id",
        default=None,
        description="Where the issuer publishes its keys (https).",
    )
    key_file: str | None = setting(
        "oidc_key_file",
        shown_by="tests/api/test_jwt.py::test_half_a_configuration_is_refused",
        default=None,
        description="PEM file of the issuer's public key, instead of the URL.",
    )
    claim: str = setting(
        "oidc_claim",
        shown_by="tests/api/test_jwt.py::test_an_email_counts_only_when_the_provider_has_verified_it",
        default="sub",
        description="Claim that holds the subject set by `coachlm people`, e.g. `email`.",
    )
