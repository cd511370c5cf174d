"""`coachlm refresh` and `train --db` end to end: what people approved becomes the coach in force, or is refused.

One test has the coach that tags, which has to learn a habit; the other a language model, which can't in so short a
time: its adapter is refused, and the figures are there.
"""

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
import torch

from assembly.engines import build_engine
from coachlm.coaching.adapters import AdapterState
from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome
from coachlm.settings import load_settings
from reviser.coach.bundle import read_bundle
from reviser.models.adapter import read_adapter
from storage.adapters.adapters import DatabaseAdapterRegistry
from storage.engine.database import open_database
from tests.coaches import habitual_edits, left_to_edit, save_tiny_coach
from tests.command_line import main
from tests.databases import Databases
from tests.people import post_edit_all
from tests.trainer.models import expert_revisions, save_tiny_llama

pytestmark = pytest.mark.slow

EDITS = habitual_edits(150)
FRESH = habitual_edits(20, seed=50)
SPOILT = habitual_edits(60, seed=90)


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in {
        "ADAPTERS_URL": tmp_path / "shelf",
        "ADAPTERS_CACHE": tmp_path / "cache",
        "INTAKE_PROCESSES": 1,
        "NEAR_DUPLICATE_SIMILARITY": 1.0,
        "REGISTRY_POLL_SECONDS": 0,
    }.items():
        monkeypatch.setenv(f"COACHLM_{name}", str(value))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def coachlm(*arguments: object) -> Any:
    found = CliRunner().invoke(main, [*map(str, arguments), "--json"])
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def take_in(url: str, folder: Path, pairs: Sequence[InstructionPair], *engine: object) -> None:
    file = folder / f"logs-{len(list(folder.glob('logs-*')))}.jsonl"
    file.write_text("".join(json.dumps(pair.as_dict()) + "\n" for pair in pairs), encoding="utf-8")
    assert coachlm("run", file, "--db", url, *engine)["accepted"] == len(pairs)


def test_a_habit_of_people_becomes_the_coachs_and_vandals_are_refused(
    sqlite_databases: Databases, tmp_path: Path
) -> None:
    url, base = sqlite_databases.new(), save_tiny_coach(tmp_path / "coach")
    as_coach = ("--engine", "coach", "--model", base)
    take_in(url, tmp_path, [raw for raw, _ in EDITS], *as_coach)
    finals = {raw.id: final for raw, final in EDITS}
    assert post_edit_all(url, lambda raw: finals[raw.id]) == len(EDITS)
    database = open_database(url)
    engine = build_engine(load_settings(engine="coach", model=str(base), adapter="registry"), database)
    assert engine is not None
    asked = [raw for raw, _ in FRESH]
    assert {(each.adapter, each.outcome) for each in engine.revise(asked)} == {
        (read_bundle(base).digest, Outcome.UNCHANGED)
    }

    def refresh() -> Any:
        return coachlm(
            "refresh",
            "--base",
            base,
            "--once",
            "--held-out",
            0.4,
            "--epochs",
            12,
            "--db",
            url,
            "--output",
            tmp_path / "runs",
        )

    assert refresh()["ended"] == "promoted"
    registry = DatabaseAdapterRegistry(database)
    current = registry.in_force().current
    assert current is not None
    assert current.gate is not None
    assert (current.gate["against"], current.gate["passed"]) == ("base", True)
    assert {"words_left", "words_left_raw", "edit_distance_left", "nll"} <= {
        each["name"] for each in current.gate["figures"]
    }
    revisions = engine.revise(asked)
    assert {each.adapter for each in revisions} == {current.digest}
    assert left_to_edit([each.revised for each in revisions], FRESH) < 0.6 * left_to_edit(asked, FRESH)

    take_in(url, tmp_path, [raw for raw, _ in SPOILT], *as_coach)
    assert post_edit_all(url, spoilt) == len(SPOILT)
    assert refresh()["ended"] == "refused"
    assert registry.in_force().current == current
    assert {each.state for each in registry.adapters()} == {AdapterState.CURRENT, AdapterState.REJECTED}
    assert engine.revise(asked)[0].adapter == current.digest
    engine.close()
    database.close()


def spoilt(raw: InstructionPair) -> InstructionPair:
    """Commas out where they belong, and in at random."""
    words, rng = raw.response.replace(",", "").split(), random.Random(raw.id)
    return replace(raw, response=" ".join(word + "," * (rng.random() < 0.2) for word in words[:-1]) + f" {words[-1]}")


def test_a_language_model_is_refreshed_and_trained_from_a_database(database_url: str, tmp_path: Path) -> None:
    base = save_tiny_llama(tmp_path / "llama")
    experts = {item.raw.id: item.revised for item in expert_revisions(100)}
    take_in(database_url, tmp_path, [item.raw for item in expert_revisions(100)], "--engine", "rules")
    assert post_edit_all(database_url, lambda raw: experts[raw.id]) == 100
    as_base, runs = ("--base", base, "--epochs", 1, "--alpha", 0.3, "--db", database_url), tmp_path / "runs"

    answer = coachlm("refresh", *as_base, "--once", "--held-out", 0.6, "--output", runs)
    assert answer["ended"] == "refused"  # one epoch teaches nothing
    assert "not better" in answer["detail"]
    database = open_database(database_url)
    [record] = DatabaseAdapterRegistry(database).adapters()
    database.close()
    assert record.gate is not None
    assert (record.state, record.gate["against"]) == (AdapterState.REJECTED, "raw")
    selection = record.training["selection"]
    assert selection["rejects"]["held_out"] == record.gate["pairs"] >= 50
    assert selection["chosen"] == record.training["examples"] == round(0.3 * (100 - record.gate["pairs"]))
    assert coachlm("refresh", *as_base, "--once", "--output", runs) == {"run": None}

    made = coachlm("train", *as_base, "--output", tmp_path / "trained")
    assert (made["selection"]["read"], made["selection"]["chosen"], made["examples"]) == (100, 30, 30)
    assert made["source"] == "approved pairs of the database"
    assert read_adapter(Path(made["adapter_folder"])).digest == made["adapter"]
