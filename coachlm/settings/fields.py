"""What groups of settings are made of: fields that know their names outside."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

T = TypeVar("T")


class Group(BaseModel):
    """Settings that belong together; the validator is built when a value is given: most need none at start-up."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def setting(name: str, *, default: object, description: str, **constraints: Any) -> Any:
    """A field of a group; `name` is its flag's for `load_settings`, and the environment's behind `COACHLM_`."""
    return Field(default=default, description=description, json_schema_extra={"name": name}, **constraints)


def _split_commas(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Listed = Annotated[tuple[T, ...], BeforeValidator(_split_commas)]
"""Written with commas in the environment."""
