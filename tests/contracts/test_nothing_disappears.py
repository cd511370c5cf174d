"""What users of a release rely on is still there: commands, options, routes, answers' fields, settings, columns.

`0.1.0.json` was written by 0.1.0 itself. More may come; what goes, or becomes required, is a break and needs a release
note and a new file.
"""

import json
from pathlib import Path
from typing import Any

import click
import pytest
from fastapi.openapi.utils import get_openapi
from sqlalchemy import inspect

from api.app import create_app
from assembly.services import build_services
from coachlm.settings import Settings, named_settings
from storage.engine.database import Database, open_database
from storage.engine.schema import upgrade
from tests.command_line import main

RELEASED: dict[str, Any] = json.loads((Path(__file__).parent / "0.1.0.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Database:
    database = open_database(f"sqlite:///{tmp_path_factory.mktemp('contract') / 'coachlm.db'}")
    upgrade(database)
    return database


@pytest.fixture(scope="module")
def openapi(database: Database) -> dict[str, Any]:
    settings = Settings()
    app = create_app(build_services(database, settings), settings)
    return get_openapi(title="CoachLM", version="1", routes=app.routes)


@pytest.mark.parametrize("name", RELEASED["commands"])
def test_a_command_keeps_its_options(name: str) -> None:
    command: click.Command = main
    for word in name.split()[1:]:
        assert isinstance(command, click.Group), name
        found = command.get_command(click.Context(command), word)
        assert found is not None, f"{name}: no command {word}"
        command = found
    spelled = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    for parameter in RELEASED["commands"][name]:
        assert set(parameter.split(" ", 1)[1].split("/")) <= spelled, name
    known = {option for parameter in RELEASED["commands"][name] for option in parameter.split(" ", 1)[1].split("/")}
    new = [parameter for parameter in command.params if not known & {*parameter.opts, *parameter.secondary_opts}]
    assert not [parameter.name for parameter in new if parameter.required], f"{name} requires something new"


@pytest.mark.parametrize("name", ["judge", "student"])
def test_the_default_judge_is_gone_on_purpose(name: str) -> None:
    """0.1.0 judged by its local scorer where no judge was given, worse than chance on public preference sets: one has
    to be chosen now. Reason: docs/decisions/0153-no-default-judge.md."""
    evaluate = main.get_command(click.Context(main), "evaluate")
    assert isinstance(evaluate, click.Group)
    command = evaluate.get_command(click.Context(evaluate), name)
    assert command is not None
    [judge] = [parameter for parameter in command.params if "--judge" in parameter.opts]
    assert not judge.required
    assert not judge.to_info_dict()["default"]


@pytest.mark.parametrize("name", RELEASED["routes"])
def test_a_route_keeps_its_parameters_and_answers(openapi: dict[str, Any], name: str) -> None:
    method, path = name.split(" ", 1)
    operation = openapi["paths"][path][method.lower()]
    found = operation.get("parameters", [])
    was = RELEASED["routes"][name]
    assert set(was["parameters"]) <= {f"{one['in']} {one['name']}" for one in found}
    new = [one for one in found if f"{one['in']} {one['name']}" not in was["parameters"]]
    assert not [one["name"] for one in new if one.get("required")]
    assert set(was["answers"]) <= set(operation["responses"])


@pytest.mark.parametrize("name", RELEASED["schemas"])
def test_a_body_keeps_its_fields(openapi: dict[str, Any], name: str) -> None:
    was, now = RELEASED["schemas"][name], openapi["components"]["schemas"][name]
    assert set(was["properties"]) <= set(now.get("properties", {}))
    assert set(was["enum"]) <= set(now.get("enum", []))


def test_settings_keep_their_names() -> None:
    assert set(RELEASED["settings"]) <= {setting.variable for setting in named_settings().values()}


def test_tables_keep_their_columns(database: Database) -> None:
    inspector = inspect(database.engine)
    tables = {table: {one["name"] for one in inspector.get_columns(table)} for table in inspector.get_table_names()}
    for table, columns in RELEASED["tables"].items():
        assert {column.split()[0] for column in columns} <= tables.get(table, set()), table
