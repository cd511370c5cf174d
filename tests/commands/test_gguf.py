"""A GGUF file where a model folder is wanted: each command says what to do with it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.command_line import main
from tests.trainer.models import expert_revisions, write_revisions

pytest.importorskip("torch")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.gguf"
    path.write_bytes(b"GGUF" + bytes(60))
    return path


def refused(*arguments: object) -> str:
    found = CliRunner().invoke(main, [*map(str, arguments)])
    assert found.exit_code == 1, found.output
    return found.output.replace("\n", " ")


@pytest.mark.parametrize("engine", ["packed", "transformers", "openvino"])
def test_engines_name_the_command(file: Path, tmp_path: Path, engine: str) -> None:
    said = refused("revise", "--db", f"sqlite:///{tmp_path}/x.db", "--engine", engine, "--model", file)
    assert f"coachlm convert {file} FOLDER" in said


@pytest.mark.parametrize("name", ["small.gguf", "renamed.bin", "."])
def test_training_names_it_whatever_the_file_is_called(file: Path, tmp_path: Path, name: str) -> None:
    if name == "renamed.bin":
        file.rename(tmp_path / name)
    data = write_revisions(tmp_path / "data.jsonl", expert_revisions(4))
    said = refused("train", "--base", tmp_path / name, "--data", data, "--output", tmp_path / "run")
    assert "is a GGUF file" in said
    assert "coachlm convert" in said


def test_converting_a_broken_file_says_so_and_leaves_nothing(file: Path, tmp_path: Path) -> None:
    assert "can't be read as GGUF" in refused("convert", file, tmp_path / "folder")
    assert "convert it alone first" in refused("convert", file, tmp_path / "folder", "--int8")
    assert list(tmp_path.iterdir()) == [file]
