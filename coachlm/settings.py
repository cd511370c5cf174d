"""All settings, read from `COACHLM_*` variables and an optional file by the entry points alone and passed on."""

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from coachlm.engines import ENGINES, engine_names, in_words
from coachlm.errors import SettingsError
from coachlm.pairs import ExcludeReason

Turns = Literal["first", "each", "last"]
ExpertTopic = Literal["music", "chemistry", "medicine", "law", "mathematics", "programming"]

T = TypeVar("T")
REGISTRY = "registry"
"""The value of `adapter` that follows the adapter registry."""


def _split_commas(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _known_engine(name: str) -> str:
    if name not in ENGINES:
        raise ValueError(f"must be one of {in_words(engine_names())}")
    return name


Listed = Annotated[tuple[T, ...], NoDecode, BeforeValidator(_split_commas)]
"""Written with commas in the environment."""


class Settings(BaseSettings):
    """Flag over environment over file over default. `docs/reference/settings.md` lists every field (a test checks)."""

    model_config = SettingsConfigDict(env_prefix="COACHLM_", env_file="coachlm.env", extra="ignore")

    database_url: SecretStr = Field(
        default=SecretStr("sqlite:///coachlm.db"), description="SQLAlchemy URL; SQLite or PostgreSQL (psycopg)."
    )

    # Intake
    intake_processes: int = Field(default=0, ge=0, description="Intake processes; 0: one for each usable core.")
    batch_records: int = Field(default=256, ge=1, le=10_000, description="Records in a batch and transaction.")
    turns: Turns = Field(default="each", description="Which turns of a conversation become pairs.")
    max_record_bytes: int = Field(
        default=16_000_000,
        ge=1_000,
        description="A longer record is rejected as `too_long` without being kept in memory.",
    )
    max_nesting: int = Field(default=100, ge=5, description="JSON nested deeper is rejected as `malformed_json`.")
    join_buffer_bytes: int = Field(
        default=64_000_000,
        ge=100_000,
        description="Memory for halves of batch calls and streams that wait to be joined.",
    )
    hash_salt: SecretStr = Field(
        default=SecretStr(""), description="Salt for user and session hashes; empty: a random one kept in the database."
    )

    # Personal data
    phone_regions: Listed[str] = Field(
        default=(), description="ISO 3166 codes of countries whose national phone numbers count; empty: the usual ones."
    )

    # Preliminary filter
    languages: Listed[str] = Field(default=("en",), description="ISO 639-1 codes to accept; empty accepts all.")
    min_instruction_chars: int = Field(default=3, ge=0, description="Shorter instructions are excluded: `too_short`.")
    min_response_chars: int = Field(default=1, ge=0, description="Shorter responses are excluded: `too_short`.")
    max_pair_chars: int = Field(default=32_000, ge=100, description="Longer pairs are excluded: `too_long`.")
    exclude_reasons: Listed[ExcludeReason] = Field(
        default=tuple(reason for reason in ExcludeReason if reason is not ExcludeReason.MANUAL),
        description="Filter reasons to apply. Remove one to keep the pairs it would exclude.",
    )
    beyond_expertise_topics: Listed[ExpertTopic] = Field(
        default=("music", "chemistry", "medicine", "law", "mathematics"),
        description="Topics that the annotators can't judge; `programming` can be added.",
    )
    max_requested_words: int = Field(
        default=1000, ge=1, description="Requests for longer pieces (a page is 500 words) are `massive_workload`."
    )
    max_verse_lines: int = Field(
        default=24, ge=1, description="A poem of more lines is `massive_workload`: revising verse is rewriting it."
    )
    max_refusal_chars: int = Field(
        default=400, ge=0, description="A longer response that starts as a refusal counts as an answer."
    )
    max_profanities: int = Field(default=2, ge=0, description="More strong swear words make a pair `safety`.")

    # Near copies
    near_duplicate_similarity: float = Field(
        default=0.8,
        gt=0,
        le=1,
        description="A pair with this Jaccard similarity of word 3-grams, or more, is a near copy.",
    )

    # Reviser
    engine: Annotated[str, AfterValidator(_known_engine)] = Field(
        default="rules", description=f"What revises: {in_words(engine_names(), notes=True)}."
    )
    model: str | None = Field(
        default=None,
        description="Model folder or hub id for `packed` and `transformers`; what `coachlm convert` wrote for "
        "`openvino`; its name on `openai` servers.",
    )
    openai_servers: Listed[str] = Field(
        default=(), description="Base URLs of OpenAI-compatible servers for `openai`, e.g. `http://gpu1:8000/v1`."
    )
    openai_api_key: SecretStr = Field(default=SecretStr(""), description="Key for those servers.")
    openai_endpoint: Literal["completions", "chat"] = Field(
        default="completions", description="`completions` for a coach; `chat` for servers that only chat."
    )
    openai_in_flight: int = Field(default=64, ge=1, le=10_000, description="Concurrent requests to each server.")
    openai_request_seconds: float = Field(default=120.0, gt=0, description="Time limit of one request.")
    openai_outage_seconds: float = Field(
        default=300.0,
        ge=0,
        description="How long a batch is retried while servers fail; then its pairs stay unrevised.",
    )
    model_revision: str | None = Field(default=None, description="Commit of a hub model; pins what is loaded.")
    trust_remote_code: bool = Field(
        default=False, description="Run code that comes with a hub model; `model_revision` must be a full commit."
    )
    adapter: str | None = Field(
        default=None,
        description="LoRA adapter folder (safetensors), or `registry`: follow what `coachlm adapters` has in force.",
    )
    registry_poll_seconds: float = Field(
        default=10.0, ge=0, description="Shortest time between two checks of the registry by an engine that follows it."
    )
    prompt_style: Literal["auto", "paper", "chat"] = Field(
        default="auto",
        description="How a model is asked: the `paper`'s prompt as it is, or in its own `chat` template; `auto`: as "
        "the adapter was trained, without one in the template if the model has one.",
    )
    reviser_prefill: bool = Field(
        default=False,
        description="Give a model instruction and input as they are, so that it writes the response alone.",
    )
    reviser_batch_pairs: int = Field(default=32, ge=1, le=4096, description="Pairs per forward batch. Paper: 32.")
    max_new_tokens: int = Field(default=1024, ge=1, description="Longest revision, in tokens.")
    reviser_cache_mib: int = Field(
        default=2048,
        ge=1,
        description="Memory for keys and values, at most: of `packed`, where it sets how many pairs run at once, and "
        "of `openvino`, for each adapter in force.",
    )
    reviser_half_cache: bool = Field(
        default=False, description="Keep keys and values in 16 bits on the CPU too: twice the slots, slower steps."
    )
    reviser_int8: bool = Field(
        default=False,
        description="Linear layers, keys and values in int8 on the CPU: faster, less memory, a little less precise. "
        "`openvino` computes in what its model was converted to.",
    )

    reviser_least_kept: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Share of a response's long words that a model's revision must keep, else it is refused. 0: as "
        "good models need; 0.9 suits models below 1B, which lose what was right.",
    )
    reviser_dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        default="auto",
        description="What a model on a GPU computes in; `auto`: bfloat16 where it can. On a CPU always float32.",
    )
    reviser_graphs: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Whether `packed` captures its steps as CUDA graphs; `auto`: on a GPU. Untested on a real GPU.",
    )
    reviser_attention: Literal["auto", "sdpa", "triton"] = Field(
        default="auto",
        description="Attention in captured steps: `triton` (our kernel) or `sdpa` (torch's); `auto`: the kernel, "
        "if it agrees with torch.",
    )
    sampling_temperature: float = Field(
        default=0.0,
        ge=0,
        le=10,
        allow_inf_nan=False,
        description="0: always the likeliest token, as in the paper. Above: `packed` and `transformers` draw tokens.",
    )
    sampling_top_k: int = Field(default=0, ge=0, description="Draw from this many likeliest tokens; 0: from all.")
    sampling_top_p: float = Field(
        default=1.0, gt=0, le=1, description="Draw from the likeliest tokens whose probabilities sum to this."
    )
    sampling_seed: int = Field(
        default=0, ge=0, lt=1 << 64, description="The same seed and pair give the same revision."
    )

    # Adapters
    adapters_url: str = Field(
        default="adapters", description="Where adapters are published: a folder, or a URL that fsspec knows (s3://…)."
    )
    adapters_cache: str = Field(
        default="~/.cache/coachlm/adapters", description="Local folder for adapters fetched from there."
    )

    # The gate
    gate_nll_margin: float = Field(
        default=0.02, ge=0, description="How much likelier the reference may find the people's text, in nats a token."
    )
    gate_words_margin: float = Field(
        default=0.05, ge=0, description="How many words more a coach may leave to touch, as a share of the reference's."
    )
    gate_invalid_margin: float = Field(
        default=0.02, ge=0, le=1, description="How much greater the share of invalid outputs may be."
    )
    gate_guarded_margin: float = Field(
        default=0.03, ge=0, le=1, description="How much greater the share of outputs that a guard refuses may be."
    )
    gate_flagged_margin: float = Field(
        default=0.05, ge=0, le=1, description="The same of revisions with facts that people's final text doesn't have."
    )
    gate_over_expanded_margin: float = Field(
        default=0.02, ge=0, le=1, description="The same of long answers where people wrote not half as much."
    )
    gate_smallest_set: int = Field(default=50, ge=1, description="Fewer held-out pairs decide nothing.")

    # Streams
    kafka_servers: Listed[str] = Field(default=(), description="Kafka brokers as HOST:PORT; empty: embedded.")
    kafka_prefix: str = Field(default="", description="Prefix of topic and group names, e.g. `coachlm.`.")
    kafka_partitions: int = Field(default=8, ge=1, le=10_000, description="Partitions of each topic when created.")
    kafka_replication: int = Field(default=1, ge=1, le=7, description="Copies of each partition; 3 in production.")
    kafka_retention_hours: int = Field(default=168, ge=1, description="How long topics keep messages.")
    kafka_extra_topics: Listed[str] = Field(
        default=(),
        description="Topics of other systems that intake also reads: `TOPIC` or `TOPIC=FORMAT`, without the prefix.",
    )
    kafka_security: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="Security protocol of the brokers."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="SCRAM-SHA-512", description="How to log in when `kafka_security` is SASL."
    )
    kafka_user: str | None = Field(default=None, description="User for SASL.")
    kafka_password: SecretStr = Field(default=SecretStr(""), description="Password for SASL.")
    kafka_ca_file: str | None = Field(default=None, description="PEM file of the brokers' certificate authority.")
    stream_driver: Literal["faust", "aiokafka"] = Field(
        default="faust", description="Kafka consumer: `faust` (faust-streaming) or `aiokafka`; same handlers."
    )
    stream_batch_messages: int = Field(default=500, ge=1, le=10_000, description="Most messages in a batch.")
    stream_tries: int = Field(default=5, ge=1, description="Tries of a failing message before it is a dead letter.")
    dead_letter_days: int = Field(
        default=90, ge=0, description="How long the bytes of dead letters are kept; they may hold personal data."
    )
    session_seconds: int = Field(
        default=15,
        ge=6,
        le=300,
        description="After this time without a heartbeat a worker counts as dead; its partitions move.",
    )
    watchdog_seconds: int = Field(
        default=300, ge=5, description="After this time with lag and no progress a worker ends, to be restarted."
    )
    drain_seconds: int = Field(
        default=30, ge=1, description="Time that a worker has to finish its batch after SIGTERM."
    )
    revision_claim_seconds: float = Field(
        default=300.0,
        ge=1,
        description="How long a silent `coachlm worker` keeps its pairs; then others take them.",
    )
    metrics_port: int = Field(default=0, ge=0, le=65_535, description="Port of a worker's Prometheus metrics; 0: none.")
    metrics_host: str = Field(default="127.0.0.1", description="Address of a worker's Prometheus metrics.")

    # Service
    api_url: str = Field(default="http://127.0.0.1:8080", description="Where pages and clients find the service.")
    api_host: str = Field(default="127.0.0.1", description="Address that `coachlm serve` listens on.")
    api_port: int = Field(default=8080, ge=0, le=65_535, description="Its port; 0 takes a free one.")
    api_requests_per_second: float = Field(
        default=50.0, gt=0, description="Sustained request rate per person; bursts of four seconds' worth are allowed."
    )
    api_failures_per_minute: float = Field(
        default=20.0,
        gt=0,
        description="Failed logins per minute and address before further attempts are rejected with 429.",
    )
    api_body_bytes: int = Field(
        default=4_000_000, ge=10_000, description="Longest request body, except posted logs; longer ones get 413."
    )
    api_log_bytes: int = Field(
        default=4_000_000_000,
        ge=10_000,
        description="Longest post of logs, uncompressed; each line has `max_record_bytes`.",
    )
    api_log_posts: int = Field(default=4, ge=1, le=30, description="Concurrent posts of logs.")
    api_exports: int = Field(default=2, ge=1, le=30, description="Concurrent exports.")
    sweep_seconds: float = Field(
        default=60.0, ge=1, description="Time between two sweeps of expired leases and unsampled post-edits."
    )
    oidc_issuer: str | None = Field(
        default=None, description="Issuer of JSON web tokens that are accepted as well as the service's own."
    )
    oidc_audience: str | None = Field(default=None, description="Audience that these tokens must name.")
    oidc_jwks_url: str | None = Field(default=None, description="Where the issuer publishes its keys (https).")
    oidc_key_file: str | None = Field(
        default=None, description="PEM file of the issuer's public key, instead of the URL."
    )
    oidc_claim: str = Field(
        default="sub", description="Claim that holds the subject set by `coachlm people`, e.g. `email`."
    )

    # Judges
    judge_url: str | None = Field(
        default=None, description="OpenAI-compatible server that judges, with its version: http://localhost:8000/v1."
    )
    judge_model: str | None = Field(default=None, description="Model to ask that server for.")
    judge_api_key: SecretStr = Field(default=SecretStr(""), description="Key for that server.")
    judge_concurrency: int = Field(default=8, ge=1, le=1000, description="Concurrent questions to that server.")
    judge_attempts: int = Field(default=5, ge=1, le=100, description="Attempts at a question, the first included.")
    judge_wait_seconds: float = Field(
        default=1.0, gt=0, description="Wait before the second attempt; doubled after each, with jitter."
    )
    judge_timeout_seconds: float = Field(default=60.0, gt=0, description="Time limit of one attempt.")
    judge_prompt_price: float | None = Field(
        default=None, ge=0, description="Price of a million prompt tokens; with the next setting, costs are shown."
    )
    judge_completion_price: float | None = Field(
        default=None, ge=0, description="Price of a million completion tokens."
    )
    judge_cache: str = Field(
        default="judge-cache.db", description="File that keeps answers, so that nothing is asked or paid for twice."
    )

    # Post-edit queue
    lease_seconds: int = Field(default=1800, ge=10, description="How long a pair stays with an annotator.")
    undo_seconds: int = Field(
        default=60,
        ge=0,
        le=86_400,
        description="How long an annotator can undo a submit. Unsampled submits are approved after this time.",
    )
    idle_seconds: int = Field(
        default=60, ge=5, le=3600, description="A longer gap between signs of activity does not count as work."
    )
    max_held_items: int = Field(default=3, ge=1, le=100, description="Most items that one person can hold.")
    control_share: float = Field(
        default=0.05,
        ge=0,
        le=0.5,
        description="Share of pairs handed out without the coach's revision (the control arm).",
    )
    review_share: float = Field(default=0.2, ge=0, le=1, description="Share of post-edits that an owner reviews.")
    review_flagged_share: float = Field(
        default=0.5, ge=0, le=1, description="Share that an owner reviews where the revision has flags to check."
    )
    review_trusted_share: float = Field(
        default=0.05,
        ge=0,
        le=1,
        description="Share that an owner reviews of people with at most one return in their last 50 reviews.",
    )
    newcomer_reviews: int = Field(
        default=50, ge=0, le=10_000, description="A newcomer's first post-edits up to this number are all reviewed."
    )
    unit_names: Listed[str] = Field(
        default=("Language tasks", "Q&A", "Creative composition"),
        min_length=3,
        max_length=3,
        description="Display names of the three units of annotators: language tasks, Q&A, creative composition.",
    )


def load_settings(file: Path | None = None, **overrides: object) -> Settings:
    """Settings with the given overrides (None means: not given).

    Raises: SettingsError, naming each wrong setting without its value (values may be secret).
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        if file is not None:
            return Settings(_env_file=file, **given)  # pyright: ignore[reportCallIssue]
        return Settings(**given)  # pyright: ignore[reportArgumentType]
    except ValidationError as error:
        wrong = "; ".join(f"COACHLM_{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"{wrong}; see docs/reference/settings.md") from None
