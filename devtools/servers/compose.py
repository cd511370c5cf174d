"""Reads docker-compose.yml as Compose does, as far as this project's file goes: merges, variables, profiles."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

COMPOSE_FILE = Path(__file__).parents[2] / "docker-compose.yml"
_VARIABLE = re.compile(r"\$\{(\w+)(?:(:-|:\?)([^}]*))?\}")


class MissingVariable(ValueError):  # noqa: N818 - Compose's own words
    """A variable that has to be set is not."""


def services(file: Path, variables: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Every service, with `${NAME}`, `${NAME:-default}` and `${NAME:?why}` replaced.

    Raises: MissingVariable.
    """
    document: dict[str, Any] = _replaced(yaml.safe_load(file.read_text(encoding="utf-8")), variables)
    return document["services"]


def env_file(path: Path) -> dict[str, str]:
    """NAME=VALUE lines."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def in_profile(service: Mapping[str, Any], active: set[str]) -> bool:
    """A service without profiles always runs."""
    wanted = service.get("profiles")
    return not wanted or not active.isdisjoint(wanted)


def _replaced(value: Any, variables: Mapping[str, str]) -> Any:
    match value:
        case dict():
            return {name: _replaced(item, variables) for name, item in value.items()}
        case list():
            return [_replaced(item, variables) for item in value]
        case str():
            return _VARIABLE.sub(lambda found: _value(found, variables), value)
    return value


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    name, kind, rest = found.groups()
    value = variables.get(name, "")
    if value or kind is None:
        return value
    if kind == ":-":
        return rest
    raise MissingVariable(f"{name}: {rest}")
