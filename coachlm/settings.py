"""All settings, read from `COACHLM_*` variables and an optional file by the entry points alone and passed on."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from coachlm.errors import SettingsError

Turns = Literal["first", "each", "last"]


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

    # Preliminary filter
    languages: tuple[str, ...] = Field(default=("en",), description="ISO 639-1 codes to accept; empty accepts all.")
    min_instruction_chars: int = Field(default=3, ge=0, description="Shorter instructions are excluded: `too_short`.")
    min_response_chars: int = Field(default=1, ge=0, description="Shorter responses are excluded: `too_short`.")
    max_pair_chars: int = Field(default=32_000, ge=100, description="Longer pairs are excluded: `too_long`.")

    # Near copies
    near_duplicate_similarity: float = Field(
        default=0.8, gt=0, le=1, description="Jaccard similarity of word 3-grams from which a pair is a near copy."
    )

    # Reviser
    engine: str = Field(default="rules", description="`rules`, `transformers` or `none`.")
    model: str | None = Field(default=None, description="Model folder or hub id for `transformers`.")
    model_revision: str | None = Field(default=None, description="Commit of a hub model; pins what is loaded.")
    trust_remote_code: bool = Field(
        default=False, description="Run code that a hub model brings; needs `model_revision` to be a full commit."
    )
    adapter: str | None = Field(default=None, description="LoRA adapter folder (safetensors).")
    reviser_batch_pairs: int = Field(default=32, ge=1, le=4096, description="Pairs per forward batch. Paper: 32.")
    max_new_tokens: int = Field(default=1024, ge=1, description="Longest revision, in tokens.")

    # Post-edit queue
    lease_seconds: int = Field(default=1800, ge=10, description="How long a pair stays with an annotator.")


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
