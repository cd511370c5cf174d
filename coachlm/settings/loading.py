"""Settings from flags, `COACHLM_*` variables and a file; the entry points alone read them."""

import os
from collections.abc import Iterable
from pathlib import Path

from coachlm.settings.tree import Settings, named_settings

_FILE = Path("coachlm.env")


def load_settings(file: Path | None = None, **overrides: object) -> Settings:
    """Settings with the given overrides (None means: not given).

    Raises: SettingsError, naming each wrong setting without its value (values may be secret).
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    return Settings.model_construct().replaced(**{**_from_file(file or _FILE), **_named(os.environ.items()), **given})


def _from_file(file: Path) -> dict[str, object]:
    if not file.is_file():
        return {}
    from dotenv import dotenv_values

    return _named(dotenv_values(file, encoding="utf-8").items())


def _named(variables: Iterable[tuple[str, str | None]]) -> dict[str, object]:
    """Those that are settings; in whatever case they are written."""
    names = {each.variable: name for name, each in named_settings().items()}
    found = ((names.get(variable.upper()), value) for variable, value in variables)
    return {name: value for name, value in found if name is not None and value is not None}
