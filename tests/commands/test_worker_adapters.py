"""Adapters promoted, tried and rolled back while workers with real engines revise: no pair lost, each stamp true."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

pytest.importorskip("torch")

from assembly.engines import build_engine
from coachlm.coaching.adapters import AdapterRecord, AdapterState
from coachlm.coaching.revise_work import WorkerObserver
from coachlm.protocols.intake import IntakeBatch
from coachlm.settings import load_settings
from reviser.following.adapting import AdaptingReviser
from reviser.models.adapter import read_adapter
from reviser.worker.revise_worker import ReviseWorker, WorkerOptions
from storage.adapters.adapters import DatabaseAdapterRegistry
from storage.adapters.artifacts import AdapterArtifacts
from storage.engine.database import Database, open_database
from storage.intake.store import DatabaseStore
from storage.pairs.revision_claims import RevisionClaims
from storage.tables.desk import RevisionRow
from tests.reviser.reciting import BASE_WORD, raw_pair, response, save_reciting_model, save_word_adapter
from tests.storage.factories import make_intake

pytestmark = pytest.mark.slow

PAIRS = 320
OPTIONS = WorkerOptions(claim_pairs=16, save_pairs=4, until_empty=True, idle_seconds=0.01)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_reciting_model(tmp_path_factory.mktemp("base"))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = open_database(database_url)
    yield database
    database.close()


def publish(database: Database, model: Path, shelf: Path, word: str) -> str:
    """Registers an adapter that recites `word` and lets it through the gate; gives its digest."""
    folder = save_word_adapter(model, shelf.parent / word, word)
    digest, url = read_adapter(folder).digest, AdapterArtifacts(str(shelf), shelf.parent / "cache").publish(folder)
    registry = DatabaseAdapterRegistry(database)
    registry.register(AdapterRecord(digest, str(model), "0" * 64, url), "test")
    registry.record_gate(digest, {"reason": "test"}, passed=True)
    return digest


def test_promotions_canaries_and_rollbacks_under_load(database: Database, model: Path, tmp_path: Path):
    spoken = {publish(database, model, tmp_path / "shelf", word): word for word in ("Rhine", "Loire", "Ebro")}
    rhine, loire, ebro = spoken
    registry = DatabaseAdapterRegistry(database)
    DatabaseStore(database).commit_intake(
        IntakeBatch([make_intake(raw_pair(number), record=number) for number in range(PAIRS)])
    )
    settings = load_settings(
        engine="packed",
        model=str(model),
        adapter="registry",
        adapters_url=str(tmp_path / "shelf"),
        adapters_cache=str(tmp_path / "cache"),
        registry_poll_seconds=0.01,
        reviser_batch_pairs=4,
        reviser_cache_mib=8,
        max_new_tokens=200,
    )
    changes: Iterator[tuple[str | None, Callable[[], Any]]] = iter(  # each as soon as a revision by the digest is saved
        [
            (None, lambda: registry.promote(rhine, "olga")),
            (rhine, lambda: registry.promote(loire, "olga")),
            (loire, lambda: registry.start_canary(ebro, 0.5, "olga")),
            (ebro, lambda: registry.roll_back("olga")),  # stops the canary
            (loire, lambda: registry.roll_back("olga")),
            (rhine, lambda: done.append(True)),
        ]
    )
    lock = threading.Lock()
    due: list[tuple[str | None, Callable[[], Any]]] = [next(changes)]
    done: list[bool] = []
    nothing: tuple[str | None, Callable[[], Any]] = (None, lambda: None)

    class Changing(WorkerObserver):
        def saved(self, revisions: Any, counts: Any) -> None:
            """The slots are full of pairs that were begun before the change."""
            with lock:
                digest, change = due[0]
                if not done and digest in {each.adapter for each in revisions}:
                    change()
                    due[0] = next(changes, nothing)

    engines = [build_engine(settings, database) for _ in range(2)]
    assert all(isinstance(engine, AdaptingReviser) for engine in engines)
    workers = [
        ReviseWorker(str(number), RevisionClaims(database), engine, OPTIONS, threading.Event(), Changing())
        for number, engine in enumerate(engines)
        if engine is not None
    ]
    threads = [threading.Thread(target=worker.run) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for engine in engines:
        assert engine is not None
        engine.close()
    assert done, "it ended before the last rollback was seen"
    with database.reading() as connection:
        rows = connection.execute(select(RevisionRow.pair, RevisionRow.adapter, RevisionRow.response)).all()
    assert sorted(row.pair for row in rows) == list(range(1, PAIRS + 1))
    assert {(row.adapter, row.response) for row in rows} == {
        (digest, response(word)) for digest, word in {None: BASE_WORD, **spoken}.items()
    }
    assert {each.digest: each.state for each in registry.adapters()} == {
        rhine: AdapterState.CURRENT,
        loire: AdapterState.RETIRED,
        ebro: AdapterState.RETIRED,
    }
