"""The table of engines, and what reads it."""

import json
import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from coachlm.coaching.engines import ENGINES, Adapters, Model, engine_names
from coachlm.errors import SettingsError
from coachlm.settings import load_settings
from devtools.reference.engines import render_engines
from reviser.engines import BUILDERS, build_reviser
from tests.command_line import main
from trainer.run import WRITER

COMMANDS = (
    ("run",),
    ("revise",),
    ("worker",),
    ("doctor",),
    ("stream", "revise"),
    ("stream", "all"),
    ("evaluate", "compare-sets"),
)


def test_every_engine_that_revises_has_its_builder() -> None:
    assert set(BUILDERS) == set(engine_names(lambda engine: engine.revises))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_takes_and_names_every_engine(path: tuple[str, ...]) -> None:
    command: click.Command | None = main
    for name in path:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), name)
    assert command is not None
    (option,) = [one for one in command.params if one.name == "engine"]
    assert [each.value for each in option.shell_complete(click.Context(command), "")] == list(ENGINES)
    said = re.sub(r"\s+", " ", CliRunner().invoke(main, [*path, "--help"]).output)
    assert [name for name in ENGINES if f"`{name}`" not in said] == []


@pytest.mark.parametrize("name", [*ENGINES, "other"])
def test_settings_take_the_engines_of_the_table_alone(name: str) -> None:
    if name in ENGINES:
        assert load_settings(engine=name).reviser.engine == name
    else:
        with pytest.raises(SettingsError, match=r"COACHLM_ENGINE.*`rules`, `coach`.* or `none`"):
            load_settings(engine=name)


@pytest.mark.parametrize("command", [["revise"], ["worker", "--until-empty"]], ids=["revise", "worker"])
def test_what_revises_nothing_is_refused_with_the_others_named(command: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(main, [*command, "--db", f"sqlite:///{tmp_path / 'x.db'}", "--engine", "none", "--json"])
    assert done.exit_code == 1
    said = json.loads(done.stdout)["error"]
    assert said.startswith("engine `none` revises nothing; choose `rules`, `coach`")
    assert [name for name in BUILDERS if f"`{name}`" not in said] == []
    assert not (tmp_path / "x.db").exists()


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_engines_do_what_the_table_says_of_models_and_sampling(name: str) -> None:
    engine = ENGINES[name]
    if not engine.samples:
        with pytest.raises(SettingsError, match="`packed` or `transformers`"):
            build_reviser(load_settings(engine=name, sampling_temperature=0.5))
    if engine.model in (Model.TRANSFORMERS, Model.CONVERTED):
        with pytest.raises(SettingsError, match="COACHLM_MODEL"):
            build_reviser(load_settings(engine=name))


def test_coaches_that_write_are_revised_with_by_the_engines_that_load_their_model() -> None:
    assert WRITER.engines == ("packed", "transformers")
    assert {ENGINES[name].adapters for name in WRITER.engines}.isdisjoint({Adapters.NONE})


@pytest.mark.slow
def test_doctor_names_what_an_engine_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("coachlm.machine.extras.find_spec", lambda name: None)
    db = f"sqlite:///{tmp_path / 'x.db'}"
    for name, engine in ENGINES.items():
        done = CliRunner().invoke(main, ["doctor", "--engine", name, "--db", db, "--json"])
        (packages,) = [each for each in json.loads(done.stdout)["findings"] if each["name"] == "packages"]
        assert (packages["verdict"] == "failed") == bool(engine.extra)
        assert (engine.extra.remedy if engine.extra else "") in packages["remedy"]
        assert all(package in packages["detail"] for package in (engine.extra.packages if engine.extra else ()))


def test_the_documents_table_has_a_line_for_each() -> None:
    lines = render_engines().splitlines()[2:]
    assert [line.split(" | ")[0] for line in lines] == [f"| `{name}`" for name in ENGINES]
