"""Every setting with its variable, default and meaning."""

from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from coachlm.settings import named_settings
from devtools.reference.blocks import table


def render_settings() -> str:
    return table(
        ("variable", "default", "meaning"), (_row(each.variable, each.field) for each in named_settings().values())
    )


def _row(name: str, field: FieldInfo) -> tuple[str, str, str]:
    return f"`{name}`", _default(field.default), field.description or ""


def _default(value: Any) -> str:
    shown = value.get_secret_value() if isinstance(value, SecretStr) else value
    if shown in (None, "", ()):
        return "–"
    return f"`{','.join(map(str, shown)) if isinstance(shown, tuple) else shown}`"
