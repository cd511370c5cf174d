"""All settings, read from `COACHLM_*` variables and an optional file by the entry points alone and passed on."""

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from coachlm.errors import SettingsError
from coachlm.pairs import ExcludeReason

Turns = Literal["first", "each", "last"]
ExpertTopic = Literal["music", "chemistry", "medicine", "law", "mathematics", "programming"]

T = TypeVar("T")
REGISTRY = "registry"
"""The value of `adapter` that follows the adapter registry."""


def _split_commas(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Listed = Annotated[tuple[T, ...], NoDecode, BeforeValidator(_split_commas)]
"""Written with commas in the environment."""


class Settings(BaseSettings):
    """Flag over environment over file over default. `docs/settings.md` lists every field (a test checks)."""

    model_config = SettingsConfigDict(env_prefix="COACHLM_", env_file="coachlm.env", extra="ignore")

    database_url: SecretStr = Field(
        default=SecretStr("sqlite:///coachlm.db"), description="SQLAlchemy URL; SQLite or PostgreSQL (psycopg)."
    )

    # Intake
    intake_processes: int = Field(default=0, ge=0, description="Worker processes; 0 takes one per usable core.")
    batch_records: int = Field(default=256, ge=1, le=10_000, description="Records per batch and transaction.")
    turns: Turns = Field(default="each", description="Which turns of a conversation become pairs.")
    max_record_bytes: int = Field(
        default=16_000_000, ge=1_000, description="A longer record is rejected as `too_long` without being held."
    )
    max_nesting: int = Field(default=100, ge=5, description="JSON nested deeper is rejected as `malformed_json`.")
    join_buffer_bytes: int = Field(
        default=64_000_000, ge=100_000, description="Memory for halves of batches and streams that wait to be joined."
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
        description="Reasons of the preliminary filter that are in force; leave one out to keep its pairs.",
    )
    beyond_expertise_topics: Listed[ExpertTopic] = Field(
        default=("music", "chemistry", "medicine", "law", "mathematics"),
        description="What the annotators can't judge; `programming` can be added.",
    )
    max_requested_words: int = Field(
        default=1000, ge=1, description="Requests for longer pieces (a page is 500 words) are `massive_workload`."
    )
    max_verse_lines: int = Field(
        default=24, ge=1, description="A poem of more lines is `massive_workload`: revising verse is rewriting it."
    )
    max_refusal_chars: int = Field(
        default=400, ge=0, description="A response that starts as a refusal and is longer counts as an answer."
    )
    max_profanities: int = Field(default=2, ge=0, description="More strong swear words make a pair `safety`.")

    # Near copies
    near_duplicate_similarity: float = Field(
        default=0.8, gt=0, le=1, description="Jaccard similarity of word 3-grams from which a pair is a near copy."
    )

    # Reviser
    engine: Literal["rules", "coach", "packed", "openvino", "transformers", "openai", "none"] = Field(
        default="rules",
        description="What revises: `rules`, `coach` (bundled, copy-editing), `packed` (a model of transformers), "
        "`openvino` (a converted one, without torch), `transformers`, `openai` or `none`.",
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
    openai_in_flight: int = Field(default=64, ge=1, le=10_000, description="Requests at once, a server each.")
    openai_request_seconds: float = Field(default=120.0, gt=0, description="Deadline of one request.")
    openai_outage_seconds: float = Field(
        default=300.0, ge=0, description="How long a batch goes on trying while servers fail; then it stays unrevised."
    )
    model_revision: str | None = Field(default=None, description="Commit of a hub model; pins what is loaded.")
    trust_remote_code: bool = Field(
        default=False, description="Run code that a hub model brings; needs `model_revision` to be a full commit."
    )
    adapter: str | None = Field(
        default=None,
        description="LoRA adapter folder (safetensors), or `registry`: follow what `coachlm adapters` has in force.",
    )
    registry_poll_seconds: float = Field(
        default=10.0, ge=0, description="How often an engine that follows the registry asks it, at most."
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
        description="Whether `packed` captures its steps as CUDA graphs; `auto`: on a GPU. Never run on a GPU so far.",
    )
    reviser_attention: Literal["auto", "sdpa", "triton"] = Field(
        default="auto",
        description="Attention of captured steps: `triton`, an own kernel, or `sdpa`, torch's; `auto`: the kernel, "
        "where it agrees with torch.",
    )
    sampling_temperature: float = Field(
        default=0.0,
        ge=0,
        le=10,
        allow_inf_nan=False,
        description="0: always the likeliest token, as in the paper. Above: `packed` and `transformers` draw tokens.",
    )
    sampling_top_k: int = Field(default=0, ge=0, description="Draw from so many likeliest tokens; 0: from all.")
    sampling_top_p: float = Field(
        default=1.0, gt=0, le=1, description="Draw from the likeliest tokens that together have this chance."
    )
    sampling_seed: int = Field(
        default=0, ge=0, lt=1 << 64, description="Another seed, other draws; the same seed and pair, the same revision."
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
    kafka_prefix: str = Field(default="", description="Put in front of topic and group names, e.g. `coachlm.`.")
    kafka_partitions: int = Field(default=8, ge=1, le=10_000, description="Partitions of each topic when created.")
    kafka_replication: int = Field(default=1, ge=1, le=7, description="Copies of each partition; 3 in production.")
    kafka_retention_hours: int = Field(default=168, ge=1, description="How long topics keep messages.")
    kafka_extra_topics: Listed[str] = Field(
        default=(),
        description="Topics that others fill and intake reads, too: `TOPIC` or `TOPIC=FORMAT`, without the prefix.",
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
        default="faust", description="What consumes: `faust` (faust-streaming) or `aiokafka`; same handlers."
    )
    stream_batch_messages: int = Field(default=500, ge=1, le=10_000, description="Messages per batch at most.")
    stream_tries: int = Field(default=5, ge=1, description="Tries of a failing message before it is a dead letter.")
    dead_letter_days: int = Field(
        default=90, ge=0, description="How long the bytes of dead letters are kept; they hold personal data as it came."
    )
    session_seconds: int = Field(
        default=15, ge=6, le=300, description="A worker without a heartbeat for so long has died; its partitions move."
    )
    watchdog_seconds: int = Field(
        default=300, ge=5, description="A worker with lag and no progress for so long ends itself, to be restarted."
    )
    drain_seconds: int = Field(default=30, ge=1, description="How long a worker may finish its batch on SIGTERM.")
    revision_claim_seconds: float = Field(
        default=300.0,
        ge=1,
        description="How long `coachlm worker` keeps pairs to itself without a sign of life; then others take them.",
    )
    metrics_port: int = Field(
        default=0, ge=0, le=65_535, description="Port where a worker shows its Prometheus metrics; 0: nowhere."
    )
    metrics_host: str = Field(default="127.0.0.1", description="Address that it shows them on.")

    # Service
    api_url: str = Field(default="http://127.0.0.1:8080", description="Where pages and clients find the service.")
    api_host: str = Field(default="127.0.0.1", description="Address that `coachlm serve` listens on.")
    api_port: int = Field(default=8080, ge=0, le=65_535, description="Its port; 0 takes a free one.")
    api_requests_per_second: float = Field(
        default=50.0, gt=0, description="How many requests a person may make, over time; four seconds' worth at once."
    )
    api_failures_per_minute: float = Field(
        default=20.0, gt=0, description="Wrong tokens that an address may send before new ones are not looked at."
    )
    api_body_bytes: int = Field(
        default=4_000_000, ge=10_000, description="Longest request, posted logs excepted; longer ones get 413."
    )
    api_log_bytes: int = Field(
        default=4_000_000_000, ge=10_000, description="Longest post of logs, unpacked; lines have `max_record_bytes`."
    )
    api_log_posts: int = Field(default=4, ge=1, le=30, description="Posts of logs that are read at the same time.")
    api_exports: int = Field(default=2, ge=1, le=30, description="Exports that are streamed at the same time.")
    sweep_seconds: float = Field(
        default=60.0, ge=1, description="How often leases that ran out and reviews that nobody drew are settled."
    )
    oidc_issuer: str | None = Field(
        default=None, description="Issuer of JSON web tokens that are taken beside the service's own tokens."
    )
    oidc_audience: str | None = Field(default=None, description="Audience that these tokens must be for.")
    oidc_jwks_url: str | None = Field(default=None, description="Where the issuer publishes its keys (https).")
    oidc_key_file: str | None = Field(default=None, description="PEM file of the issuer's public key, instead.")
    oidc_claim: str = Field(
        default="sub", description="Claim that holds whom `coachlm people` knows as somebody's subject, e.g. `email`."
    )

    # Judges
    judge_url: str | None = Field(
        default=None, description="OpenAI-compatible server that judges, with its version: http://localhost:8000/v1."
    )
    judge_model: str | None = Field(default=None, description="Model that the server is asked for.")
    judge_api_key: SecretStr = Field(default=SecretStr(""), description="Key for that server.")
    judge_concurrency: int = Field(default=8, ge=1, le=1000, description="Questions to it at once.")
    judge_attempts: int = Field(default=5, ge=1, le=100, description="Attempts at a question, the first included.")
    judge_wait_seconds: float = Field(
        default=1.0, gt=0, description="Wait before the second attempt; doubled after each, with jitter."
    )
    judge_timeout_seconds: float = Field(default=60.0, gt=0, description="Deadline of one attempt.")
    judge_prompt_price: float | None = Field(
        default=None, ge=0, description="Price of a million tokens sent; with the other one, costs are shown."
    )
    judge_completion_price: float | None = Field(default=None, ge=0, description="Price of a million tokens answered.")
    judge_cache: str = Field(
        default="judge-cache.db", description="Where its answers are kept: nothing is asked, or paid for, twice."
    )

    # Post-edit queue
    lease_seconds: int = Field(default=1800, ge=10, description="How long a pair stays with an annotator.")
    undo_seconds: int = Field(
        default=60, ge=0, le=86_400, description="How long an annotator may take back a submit; unsampled ones wait."
    )
    idle_seconds: int = Field(
        default=60, ge=5, le=3600, description="A longer gap between signs of activity counts as idle, not as work."
    )
    max_held_items: int = Field(default=3, ge=1, le=100, description="Items that a person may hold at once.")
    control_share: float = Field(
        default=0.05, ge=0, le=0.5, description="Share of pairs handed out without the coach's revision."
    )
    review_share: float = Field(default=0.2, ge=0, le=1, description="Share of post-edits that an owner reviews.")
    review_flagged_share: float = Field(
        default=0.5, ge=0, le=1, description="The same share where the revision has flags to check."
    )
    review_trusted_share: float = Field(
        default=0.05, ge=0, le=1, description="The same share for people whose last 50 reviews returned at most one."
    )
    newcomer_reviews: int = Field(
        default=50, ge=0, le=10_000, description="Every one of so many first post-edits of a newcomer is reviewed."
    )
    unit_names: Listed[str] = Field(
        default=("Language tasks", "Q&A", "Creative composition"),
        min_length=3,
        max_length=3,
        description="What the units are called: language tasks, Q&A and creative composition, in this order.",
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
        raise SettingsError(f"{wrong}; see docs/settings.md") from None
