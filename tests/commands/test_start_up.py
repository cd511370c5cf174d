"""What a command needs is imported when it is asked for, and nothing else: the table of commands, and start-up."""

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from click.utils import make_default_short_help

from commands.catalogue import ADAPTERS, COMMANDS, EVALUATE
from commands.shared.lazy_group import LazyGroup
from tests.command_line import main

_IMPORTED = """
import json, sys
from importlib.metadata import entry_points
(script,) = entry_points(group="console_scripts", name="coachlm")
try:
    script.load()(sys.argv[1:])
finally:
    print("\\n" + json.dumps(sorted(sys.modules)))
"""
OWN = {"coachlm", "commands", "assembly", "api", "dashboard", "storage", "streams", "reviser", "exports", "evaluation"}


def imported(*arguments: str) -> list[str]:
    """The modules that are there when the command has ended."""
    done = subprocess.run([sys.executable, "-P", "-c", _IMPORTED, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def packages(modules: list[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def test_help_imports_click_and_nothing_that_a_command_needs() -> None:
    modules = imported("--help")
    heavy = {"numpy", "pydantic", "rich", "sqlalchemy", "alembic", "pyarrow", "matplotlib", "multiprocessing", "torch"}
    assert packages(modules) & heavy == set()
    own = {"commands", "commands.catalogue", "commands.shared", "commands.shared.lazy_group", "commands.shared.output"}
    assert {module for module in modules if module.partition(".")[0] in OWN} == own | {"coachlm", "coachlm.errors"}
    assert len(modules) <= 200  # 177 with Python 3.11


@pytest.mark.slow
def test_stats_imports_the_tables_and_the_counts_and_no_other_part_of_the_storage(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'own.db'}"
    assert CliRunner().invoke(main, ["db", "upgrade", "--db", url]).exit_code == 0
    modules = imported("stats", "--db", url)
    heavy = {"numpy", "alembic", "psycopg", "pydantic_settings", "pyarrow", "matplotlib", "rapidfuzz", "regex", "torch"}
    rooms = {"api", "streams", "reviser", "exports", "evaluation", "trainer", "dashboard"}
    assert packages(modules) & (heavy | rooms) == set()
    of_storage = {module.split(".")[1] for module in modules if module.startswith("storage.")}
    assert of_storage == {"engine", "figures", "tables"}
    assert len([module for module in modules if module.partition(".")[0] in OWN]) <= 55
    assert len(modules) <= 600  # 530 with Python 3.11


def group(*path: str) -> LazyGroup:
    found: click.Command | None = main
    for name in path:
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), name)
    assert isinstance(found, LazyGroup)
    return found


@pytest.mark.parametrize(("path", "table"), [((), COMMANDS), (("evaluate",), EVALUATE), (("adapters",), ADAPTERS)])
def test_the_table_says_what_the_commands_say(path: tuple[str, ...], table: dict[str, object]) -> None:
    lazy = group(*path)
    own = {name: lazy.get_command(click.Context(lazy), name) for name in table}
    said = {name: make_default_short_help(command.help or "", 10_000) for name, command in own.items() if command}
    assert said == {name: entry.help for name, entry in table.items()}  # type: ignore[attr-defined]
    assert {name: command.name for name, command in own.items() if command} == {name: name for name in table}


def test_help_of_a_group_lists_its_own_commands_and_those_of_the_table() -> None:
    said = CliRunner().invoke(main, ["evaluate", "--help"]).output
    assert all(f"\n  {name} " in said for name in ("sets", "judges", *EVALUATE))


def test_a_command_that_does_not_exist_is_refused() -> None:
    done = CliRunner().invoke(main, ["frobnicate"])
    assert done.exit_code == 2
    assert "No such command 'frobnicate'" in done.output
