"""The config of a student comparison (TOML): one base, several data sets, test sets and judges."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from coachlm.errors import SettingsError
from coachlm.pairs import content_hash

T = TypeVar("T")
CONFIGURATIONS = ("paper", "toy")
"""Shipped ones, in `evaluation/data/compare-NAME.toml`."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One student: a data set, and what is done to it, in the order of the fields."""

    name: str
    data: str = ""  # file or database URL
    limit: int = 0  # only the first so many pairs; 0: all
    experts: str = ""  # expert revisions that replace the raw pairs they revise
    human_samples: int = 0  # only so many of them, those that changed most; 0: all
    ratings: str = ""  # of `coachlm evaluate rate --output`; keeps pairs rated at least `keep_rated_from`
    keep_rated_from: float = 4.5  # Source: AlpaGasus
    keep_best_share: float = 1.0  # those most like experts' revisions; not AlpaGasus, which takes `ratings`
    engine: str = ""  # revises every pair: one of `coachlm.coaching.engines`
    model: str = ""
    adapter: str = ""
    coach: str = ""  # `tuned` or `instructed`; empty: as the settings say


@dataclass(frozen=True, slots=True)
class Comparison:
    """All students, and how they are made and judged."""

    base: str
    arms: tuple[Arm, ...]
    test_sets: tuple[str, ...]
    judges: tuple[str, ...] = ()  # no default: each has to be chosen for what it is worth
    seeds: tuple[int, ...] = (0,)
    test_limit: int = 0  # only the first so many instructions of each test set; 0: all
    max_new_tokens: int = 512
    batch_prompts: int = 16
    recipe: Mapping[str, Any] = field(default_factory=dict)  # of `trainer.student.StudentRecipe`; Alpaca's where empty


def shipped_configuration(name: str) -> str:
    """The text of a ready configuration."""
    return (resources.files("evaluation") / "data" / f"compare-{name}.toml").read_text("utf-8")


def read_comparison(path: Path) -> Comparison:
    """File names in it are taken from its own folder. Raises: SettingsError, naming the key and what it may be."""
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{path} can't be read: {error}; `coachlm evaluate compare --example` writes one"
        ) from error
    shared = found.pop("defaults", {})
    arms = found.pop("arm", [])
    if not isinstance(arms, list) or not arms:
        raise SettingsError(f"{path} has no [[arm]]: each names a student and its data")
    expanded = tuple(each for number, arm in enumerate(arms, 1) for each in _arms(arm, shared, path, number))
    names = [arm.name for arm in expanded]
    if double := sorted({name for name in names if names.count(name) > 1}):
        raise SettingsError(f"{path}: several arms are named {', '.join(double)}")
    known = _checked(Comparison, found | {"arms": expanded}, path, "the config")
    return replace(
        known, base=_place(known.base, path), test_sets=tuple(_place(each, path) for each in known.test_sets)
    )


def _arms(arm: object, shared: object, path: Path, number: int) -> Iterator[Arm]:
    """One arm, or one for each count in a list of `human_samples`."""
    where = f"arm {number}"
    if not isinstance(arm, dict) or not isinstance(shared, dict):
        raise SettingsError(f"{path}, {where}: not a table")
    values = shared | arm
    counts = values.get("human_samples", 0)
    for count in counts if isinstance(counts, list) else [counts]:
        given = values | {"human_samples": count}
        if isinstance(counts, list):
            given["name"] = f"{values.get('name', '')}-{count}"
        known = _checked(Arm, given, path, where)
        if not known.name or not set(known.name) <= _NAME:
            raise SettingsError(f"{path}, {where}: give a name of letters, digits, `.`, `_` and `-`")
        if not known.data:
            raise SettingsError(f"{path}, {where}: no data; name a file or database URL here or under [defaults]")
        if known.human_samples < 0 or not 0 < known.keep_best_share <= 1:
            raise SettingsError(f"{path}, {where}: human_samples must not be negative, keep_best_share in (0, 1]")
        places = {
            name: _place(getattr(known, name), path) for name in ("data", "experts", "ratings", "model", "adapter")
        }
        yield replace(known, **places)


_NAME = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def _checked(kind: type[T], values: Mapping[str, Any], path: Path, where: str) -> T:
    """A dataclass from a table: no unknown keys, the types of the fields."""
    expected = {each.name: each for each in fields(kind)}  # pyright: ignore[reportArgumentType]
    given: dict[str, Any] = {}
    for key, value in values.items():
        if key not in expected:
            raise SettingsError(f"{path}, {where}: no key {key!r}; it may be {', '.join(expected)}")
        given[key] = tuple(value) if isinstance(value, list) else value
        wanted = str(expected[key].type)
        if not _fits(given[key], wanted):
            raise SettingsError(f"{path}, {where}: {key} = {value!r}: must be of type {wanted}")
    try:
        return kind(**given)
    except TypeError as error:
        raise SettingsError(f"{path}, {where}: {error}") from error


def _fits(value: object, wanted: str) -> bool:
    for name, kinds in (("<class 'str'>", str), ("<class 'int'>", int), ("<class 'float'>", int | float)):
        if wanted == name:
            return isinstance(value, kinds) and not isinstance(value, bool)
    if wanted.startswith("tuple[str"):
        return isinstance(value, tuple) and all(isinstance(each, str) for each in value)
    if wanted.startswith("tuple[int"):
        return isinstance(value, tuple) and bool(value) and all(isinstance(each, int) and each >= 0 for each in value)
    return True


def _place(name: str, path: Path) -> str:
    """A file beside the config where there is one, else the name as it is (a hub id, URL, test set, absolute path)."""
    beside = path.parent / name
    return str(beside) if name and "://" not in name and beside.exists() else name


def arm_key(arm: Arm, digests: Mapping[str, str]) -> str:
    """What an arm's data is made of: its own settings and the contents of its files."""
    told = fields(arm) if arm.coach else [each for each in fields(arm) if each.name != "coach"]  # as keys were before
    parts = [f"{each.name}={getattr(arm, each.name)}" for each in told if each.name != "name"]
    return content_hash(*parts, *(f"{name}:{digest}" for name, digest in sorted(digests.items())))
