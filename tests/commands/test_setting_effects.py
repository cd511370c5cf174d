"""Every setting does something: its effect is seen here, or it names the test that shows it."""

import ast
import re
from pathlib import Path

import pytest

from coachlm.settings import named_settings
from coachlm.settings.tree import NamedSetting
from tests.commands.setting_effects import EFFECTS, Place
from tests.databases import Databases

ROOT = Path(__file__).parents[2]
ROOMS = (
    "api",
    "assembly",
    "coachlm",
    "commands",
    "dashboard",
    "evaluation",
    "exports",
    "reviser",
    "storage",
    "trainer",
    "streams",
)
DECLARED = [each for each in named_settings().values() if each.shown_by]


@pytest.mark.slow
@pytest.mark.parametrize("name", EFFECTS)
def test_another_value_makes_a_difference(
    name: str, tmp_path: Path, sqlite_databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    effect = EFFECTS[name]
    seen = []
    for step, given in enumerate((effect.beside, effect.beside, effect.beside | {name: effect.value})):
        (folder := tmp_path / str(step)).mkdir()
        with monkeypatch.context() as patch:
            seen.append(effect.probe(Place(folder, sqlite_databases.new(), patch), given))
    assert seen[0] == seen[1]
    assert seen[1] != seen[2]


def test_no_setting_is_without_an_effect() -> None:
    """A new one needs an entry in `setting_effects`, or `shown_by` in its declaration."""
    known = named_settings()
    assert set(EFFECTS) <= set(known)
    assert {name for name, each in known.items() if not each.shown_by} == set(EFFECTS)


@pytest.mark.parametrize("setting", DECLARED, ids=lambda each: each.name)
def test_what_a_setting_names_is_a_test_of_it(setting: NamedSetting) -> None:
    place, _, function = setting.shown_by.partition("::")
    text = (ROOT / place).read_text(encoding="utf-8")
    tests = {each.name for each in ast.walk(ast.parse(text)) if isinstance(each, ast.FunctionDef)}
    assert function.startswith("test_")
    assert function in tests
    assert re.search(rf"\b{setting.name}\b|\b{setting.variable}\b", text), "it isn't mentioned there"


@pytest.mark.slow
def test_every_setting_is_read_somewhere() -> None:
    """The desk's rules are read by their names, all of them."""
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "settings" not in path.parts]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    unread = [
        each.name
        for each in named_settings().values()
        if not re.search(rf"\b{each.group}\.{each.attribute}\b", text)
        and not (each.group == "desk" and re.search(rf"rules\.{each.attribute}\b", text))
    ]
    assert unread == []
