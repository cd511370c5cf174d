"""Every setting with its environment name, default and meaning."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from coachlm.settings import Settings
from devtools.reference.blocks import table


def render_settings() -> str:
    return table(("variable", "default", "meaning"), (_row(name, field) for name, field in settings(Settings)))


def settings(model: type[BaseModel], prefix: str = "COACHLM_") -> Iterator[tuple[str, FieldInfo]]:
    """Each setting by the name of its variable; groups of settings are looked into."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings(field.annotation, prefix)
        else:
            alias = field.validation_alias
            yield alias if isinstance(alias, str) else f"{prefix}{name.upper()}", field


def _row(name: str, field: FieldInfo) -> tuple[str, str, str]:
    return f"`{name}`", _default(field.default), field.description or ""


def _default(value: Any) -> str:
    shown = value.get_secret_value() if isinstance(value, SecretStr) else value
    if shown in (None, "", ()):
        return "–"
    return f"`{','.join(map(str, shown)) if isinstance(shown, tuple) else shown}`"
