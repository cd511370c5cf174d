"""Adapters of a language model from `coachlm refresh` and `train`, taken into and out of force by the command line.

What the coach writes tells which adapter wrote it: the people's final texts all name one river, later another.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
import torch

from assembly.engines import build_engine
from coachlm.pairs import InstructionPair
from coachlm.protocols.revising import Reviser
from coachlm.settings import load_settings
from storage.engine.database import open_database
from tests.command_line import main
from tests.databases import Databases
from tests.people import post_edit_all
from tests.reviser.reciting import BASE_WORD, raw_pair, response, save_reciting_model

pytestmark = pytest.mark.slow

INSTRUCTION = "Name a river of Europe."
FIRST, THEN = 90, 200  # pairs that people end with the Rhine, and those with the Loire


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {
        "ADAPTERS_URL": tmp_path / "shelf",
        "ADAPTERS_CACHE": tmp_path / "cache",
        "INTAKE_PROCESSES": 1,
        "NEAR_DUPLICATE_SIMILARITY": 1.0,
        "REVISER_CACHE_MIB": 8,
        "MAX_NEW_TOKENS": 200,
    }.items():
        monkeypatch.setenv(f"COACHLM_{name}", str(value))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def coachlm(*arguments: object, fails: bool = False) -> Any:
    found = CliRunner().invoke(main, [*map(str, arguments), "--json"])
    assert (found.exit_code != 0) == fails, found.output
    return found.output if fails else json.loads(found.stdout)


def raw(number: int) -> InstructionPair:
    """Each with an instruction of its own, else the leak guard would keep it: typed in capitals at random. With the
    names of the rivers, else those that the coach writes would be flagged as added."""
    rng = random.Random(number)
    typed = "".join(letter.upper() if rng.random() < 0.5 else letter for letter in INSTRUCTION)
    pair = raw_pair(number)
    return replace(pair, instruction=typed, response=f"Rhine, Loire, Europe, {pair.response.split()[-1]}")


def approve(url: str, folder: Path, numbers: range, river: str) -> None:
    """Takes pairs in, and has all of them end with this river."""
    file = folder / f"{river}.jsonl"
    file.write_text("".join(json.dumps(raw(number).as_dict()) + "\n" for number in numbers), encoding="utf-8")
    assert coachlm("run", file, "--db", url, "--engine", "rules")["accepted"] == len(numbers)
    assert post_edit_all(url, lambda _: InstructionPair(INSTRUCTION, "", response(river))) == len(numbers)


def spoken(engine: Reviser) -> tuple[str | None, str]:
    """The adapter's digest and the river."""
    [revision] = engine.revise([raw(5_000)])
    return revision.adapter, revision.revised.response.split()[-1].rstrip(".")


def test_a_language_models_adapters_are_trained_promoted_and_rolled_back(
    sqlite_databases: Databases, tmp_path: Path
) -> None:
    url, base = sqlite_databases.new(), save_reciting_model(tmp_path / "base", trainable=True)
    database = open_database(url)
    settings = load_settings(
        engine="packed",
        model=str(base),
        adapter="registry",
        adapters_url=str(tmp_path / "shelf"),
        adapters_cache=str(tmp_path / "worker"),
        registry_poll_seconds=0,
        reviser_cache_mib=8,
        max_new_tokens=200,
    )
    engine = build_engine(settings, database)
    assert engine is not None
    assert spoken(engine) == (None, BASE_WORD)
    on_base = ("--base", base, "--db", url)

    def refreshed() -> str:
        """The digest of the adapter that was promoted."""
        answer = coachlm("refresh", *on_base, "--once", "--held-out", 0.6, "--epochs", 30, "--output", tmp_path / "r")
        assert answer["ended"] == "promoted", answer
        [current] = [
            each for each in coachlm("adapters", "list", "--db", url)["adapters"] if each["state"] == "current"
        ]
        return current["digest"]

    approve(url, tmp_path, range(FIRST), "Rhine")
    rhine = refreshed()
    assert spoken(engine) == (rhine, "Rhine")
    approve(url, tmp_path, range(FIRST, FIRST + THEN), "Loire")
    loire = refreshed()
    assert spoken(engine) == (loire, "Loire")

    assert coachlm("adapters", "rollback", "--why", "wrong river", "--db", url)["adapter"]["digest"] == rhine
    assert spoken(engine) == (rhine, "Rhine")
    assert coachlm("adapters", "promote", loire, "--db", url)["adapter"]["state"] == "current"
    assert spoken(engine) == (loire, "Loire")
    history = coachlm("adapters", "show", loire, "--db", url)["events"]
    assert "wrong river" in {event["detail"] for event in history}
    assert [event["after"] for event in history][-3:] == ["current", "retired", "current"]

    made = coachlm("train", "--base", base, "--db", url, "--epochs", 1, "--output", tmp_path / "run")
    added = coachlm("adapters", "add", tmp_path / "run", "--db", url)["adapter"]
    assert (added["digest"], added["state"]) == (made["adapter"], "candidate")
    assert "gate" in coachlm("adapters", "promote", added["digest"], "--db", url, fails=True)
    assert not coachlm("adapters", "gate", added["digest"], *on_base, "--held-out", 0.6)["passed"]
    assert spoken(engine) == (loire, "Loire")
    engine.close()
    database.close()
