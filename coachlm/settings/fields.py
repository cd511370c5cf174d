"""What groups of settings are made of: fields that know their names outside."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

T = TypeVar("T")


class Group(BaseModel):
    """Settings that belong together; the validator is built when a value is given: most need none at start-up."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def setting(name: str, *, default: object, description: str, shown_by: str = "", **constraints: Any) -> Any:
    """A field of a group; `name` is its flag's for `load_settings`, and the environment's behind `COACHLM_`.

    `shown_by` is the test that shows what it does; without one, tests/commands/setting_effects.py has to know it.
    """
    outside: dict[str, Any] = {"name": name, "shown_by": shown_by}
    return Field(default=default, description=description, json_schema_extra=outside, **constraints)


def _split_commas(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Listed = Annotated[tuple[T, ...], BeforeValidator(_split_commas)]
"""Written with commas in the environment."""
