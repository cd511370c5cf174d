"""The α sweep: one run each, the same held-out pairs, resumable."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.command_line import main
from tests.trainer.models import expert_revisions, write_revisions

pytestmark = pytest.mark.slow


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    items = expert_revisions(60)
    return write_revisions(tmp_path / "train.jsonl", items[:40]), write_revisions(tmp_path / "held.jsonl", items[40:])


def run(*arguments: object) -> dict:
    result = CliRunner().invoke(main, ["evaluate", "sweep", *map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_each_alpha_has_its_run_and_a_second_call_makes_none_again(
    files: tuple[Path, Path], tiny_llama: Path, tmp_path: Path
):
    train, held = files
    output = tmp_path / "sweep"
    command = ("--base", tiny_llama, "--data", train, "--held-out", held, "--output", output, "--epochs", "1")
    found = run(*command, "--alphas", "0,0.5,1", "--no-generate")
    assert [(arm["alpha"], arm["trained_on"]) for arm in found["arms"]] == [(0, 0), (0.5, 20), (1, 40)]
    assert all(arm["nll"] > 0 for arm in found["arms"])
    assert found["arms"][2]["nll"] < found["arms"][0]["nll"]
    assert (output / "sweep.svg").stat().st_size > 1000
    before = {path: path.stat().st_mtime_ns for path in output.glob("*/run.json")}
    assert run(*command, "--alphas", "0,0.5,1", "--no-generate") == found
    assert {path: path.stat().st_mtime_ns for path in output.glob("*/run.json")} == before


def test_held_out_pairs_are_revised_by_each_adapter(files: tuple[Path, Path], tiny_llama: Path, tmp_path: Path):
    train, held = files
    found = run(
        "--base",
        tiny_llama,
        "--data",
        train,
        "--held-out",
        held,
        "--output",
        tmp_path / "s",
        "--epochs",
        "1",
        "--alphas",
        "1",
    )
    (arm,) = found["arms"]
    assert arm["edit_distance_left"] > 0
    assert 0 <= arm["invalid_share"] <= 1
    assert found["edit_distance_raw"] > 0


@pytest.mark.parametrize("alphas", ["", "0", "x", "-1,0.3", "2"])
def test_shares_that_are_none_are_refused(files: tuple[Path, Path], tmp_path: Path, alphas: str):
    train, held = files
    result = CliRunner().invoke(
        main,
        [
            "evaluate",
            "sweep",
            "--base",
            "b",
            "--data",
            str(train),
            "--held-out",
            str(held),
            "--output",
            str(tmp_path / "s"),
            "--alphas",
            alphas,
        ],
    )
    assert result.exit_code == 1
    assert "--alphas" in result.output
