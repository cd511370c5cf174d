"""Revise workers on one database: killed, stopped and stumbling ones leave every pair revised exactly once."""

import multiprocessing
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from coachlm.errors import EngineError
from coachlm.pairs import InstructionPair
from coachlm.protocols.intake import IntakeBatch
from coachlm.protocols.revising import EngineLoad
from coachlm.revision import Outcome, Revision
from coachlm.testing import FakeReviser
from reviser.worker.revise_worker import ReviseWorker, WorkerOptions
from reviser.worker.worker_metrics import WorkerMetrics
from storage.engine.database import Database, open_database
from storage.intake.store import DatabaseStore
from storage.pairs.revision_claims import RevisionClaims
from storage.tables.desk import RevisionRow
from storage.tables.pairs import PairRow
from tests.storage.factories import Clock, make_intake, make_pair

OPTIONS = WorkerOptions(claim_pairs=8, save_pairs=3, until_empty=True, idle_seconds=0.01)


def better(raw: InstructionPair) -> InstructionPair:
    return InstructionPair(raw.instruction, raw.input, f"{raw.response} It is better now.")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = open_database(database_url)
    yield database
    database.close()


def fill(database: Database, count: int) -> None:
    DatabaseStore(database).commit_intake(
        IntakeBatch([make_intake(make_pair(number), record=number) for number in range(count)])
    )


def revisions(database: Database) -> Counter[int]:
    with database.reading() as connection:
        return Counter(connection.scalars(select(RevisionRow.pair)))


def work(database: Database, reviser: Any, name: str = "one", **changes: Any) -> ReviseWorker:
    options = WorkerOptions(**{"claim_pairs": 8, "save_pairs": 3, "until_empty": True, "idle_seconds": 0.01, **changes})
    return ReviseWorker(name, RevisionClaims(database), reviser, options, threading.Event())


def check_all_once(database: Database, count: int) -> None:
    assert sorted(revisions(database).items()) == [(seq, 1) for seq in range(1, count + 1)]
    with database.reading() as connection:
        assert set(connection.scalars(select(PairRow.status))) == {"revised"}
        from storage.tables.claims import RevisionClaimRow

        assert connection.scalar(select(func.count()).select_from(RevisionClaimRow)) == 0


def test_a_worker_revises_all_that_waits_and_commits_on_the_way(database: Database):
    fill(database, 20)
    worker = work(database, FakeReviser(better))
    counts = worker.run()
    assert (counts.claimed, counts.saved, counts.repeated, counts.handed_back) == (20, 20, 0, 0)
    assert counts.commits >= 6
    check_all_once(database, 20)


def test_two_workers_never_get_the_same_pair(database: Database):
    fill(database, 60)
    fakes = [FakeReviser(better), FakeReviser(better)]
    workers = [work(database, fake, str(number)) for number, fake in enumerate(fakes)]
    threads = [threading.Thread(target=worker.run) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asked = Counter(pair.id for fake in fakes for batch in fake.calls for pair in batch)
    assert set(asked.values()) == {1}
    check_all_once(database, 60)


def test_what_a_dead_worker_had_comes_back_when_its_claim_is_over(database: Database):
    fill(database, 5)
    clock = Clock()
    claims = RevisionClaims(database, claim_seconds=60, now=clock)
    assert len(claims.claim("dead", 5)) == 5
    assert claims.claim("alive", 5) == []
    clock.turn(59)
    assert claims.extend("dead") == 5
    clock.turn(59)
    assert claims.claim("alive", 5) == []
    clock.turn(1)
    taken = claims.claim("alive", 5)
    assert len(taken) == 5
    late = [Revision(each.id, better(each.raw), Outcome.REVISED, "late") for each in taken]
    assert claims.save("dead", late[:2]) == 2  # late, and still welcome
    assert claims.save("alive", late) == 3
    assert set(revisions(database).values()) == {1}


def test_told_to_end_it_finishes_and_hands_the_rest_back(database: Database):
    fill(database, 40)
    stop = threading.Event()

    def script(raw: InstructionPair) -> InstructionPair:
        stop.set()
        return better(raw)

    options = WorkerOptions(claim_pairs=8, save_pairs=3)
    counts = ReviseWorker("one", RevisionClaims(database), FakeReviser(script), options, stop).run()
    assert counts.saved == 8
    assert len(RevisionClaims(database).claim("other", 100)) == 32


def test_past_its_deadline_it_hands_back_what_is_in_the_engine(database: Database):
    fill(database, 10)
    stop = threading.Event()

    class Streaming(FakeReviser):
        def revise_stream(self, pairs):
            for pair in pairs:
                stop.set()
                yield from self.revise([pair])

    options = WorkerOptions(claim_pairs=10, save_pairs=1, drain_seconds=-1)
    counts = ReviseWorker("one", RevisionClaims(database), Streaming(better), options, stop).run()
    assert (counts.claimed, counts.saved, counts.handed_back) == (10, 1, 9)


def test_an_engine_that_fails_for_a_while_loses_nothing(database: Database, monkeypatch: pytest.MonkeyPatch):
    fill(database, 12)
    failures = iter([True, False, True, False])

    def script(raw: InstructionPair) -> InstructionPair:
        if raw == make_pair(5) and next(failures, False):
            raise EngineError("out of order")
        return better(raw)

    worker = work(database, FakeReviser(script))
    monkeypatch.setattr(worker._stop, "wait", lambda _seconds: None)
    counts = worker.run()
    assert counts.outages >= 1
    check_all_once(database, 12)


def slow_worker(url: str, name: str) -> None:
    database = open_database(url)
    draw = random.Random(name)

    def script(raw: InstructionPair) -> InstructionPair:
        time.sleep(draw.random() * 0.004)
        return better(raw)

    claims = RevisionClaims(database, claim_seconds=0.5)
    options = WorkerOptions(claim_pairs=8, save_pairs=3, extend_seconds=0.1, idle_seconds=0.05)
    ReviseWorker(name, claims, FakeReviser(script), options, threading.Event()).run()


@pytest.mark.slow
def test_workers_killed_twenty_times_leave_each_pair_revised_once(database: Database, database_url: str):
    fill(database, 3000)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "storage.pairs.revision_claims"])
    draw, started = random.Random(0), 0
    workers: list[Any] = []

    def start() -> Any:
        nonlocal started
        started += 1
        process = context.Process(target=slow_worker, args=(database_url, f"worker {started}"))
        process.start()
        return process

    try:
        workers = [start(), start()]
        for _ in range(20):
            time.sleep(0.15 + draw.random() * 0.2)
            victim = draw.randrange(2)
            workers[victim].kill()
            workers[victim].join()
            workers[victim] = start()
        for _ in range(1200):
            if sum(revisions(database).values()) >= 3000:
                break
            time.sleep(0.05)
    finally:
        for process in workers:
            process.kill()
            process.join()
    assert sorted(revisions(database).items()) == [(seq, 1) for seq in range(1, 3001)]


def test_the_command_ends_when_the_queue_is_empty(database: Database, database_url: str, tmp_path: Path):
    import json

    from click.testing import CliRunner

    from commands import main

    fill(database, 4)
    result = CliRunner().invoke(main, ["worker", "--db", database_url, "--engine", "rules", "--until-empty", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["saved"] == 4
    assert CliRunner().invoke(main, ["worker", "--db", database_url, "--engine", "none"]).exit_code == 1


def test_what_a_worker_shows_to_prometheus(database: Database):
    fill(database, 20)

    class Packed(FakeReviser):
        """Says how full it was: 4 of 8 places at each step, and half of its drafts were right."""

        def load(self) -> EngineLoad:
            steps = sum(map(len, self.calls))
            return EngineLoad(steps, 4 * steps, 8 * steps, 6 * steps, 3 * steps)

    engine = Packed(lambda raw: "invalid" if raw.id[0] < "4" else better(raw))
    metrics = WorkerMetrics("one", engine)
    options = WorkerOptions(claim_pairs=8, save_pairs=3, until_empty=True)
    counts = ReviseWorker("one", RevisionClaims(database), engine, options, threading.Event(), metrics).run()

    def shown(name: str, **labels: str) -> float:
        return metrics.registry.get_sample_value(f"coachlm_worker_{name}", {"worker": "one", **labels}) or 0.0

    fell_back = shown("fallbacks_total", reason="invalid")
    assert fell_back == shown("revisions_total", outcome="fallback_invalid") == counts.fallbacks["invalid"] > 0
    assert fell_back + shown("revisions_total", outcome="revised") == 20
    assert shown("queue_wait_seconds_count") == 20
    assert shown("queue_wait_seconds_sum") == pytest.approx(counts.waited_seconds)
    assert shown("batch_fill_ratio") == 0.5
    assert shown("draft_tokens_total", result="accepted") == shown("draft_tokens_total", result="refused") == 60
    assert 0 < shown("engine_seconds_total") <= counts.engine_seconds


def test_a_pair_waits_from_when_it_came_in(database: Database):
    clock = Clock()
    DatabaseStore(database, now=clock).commit_intake(IntakeBatch([make_intake(make_pair(1), record=1)]))
    clock.turn(90)
    (claimed,) = RevisionClaims(database, now=clock).claim("one", 5)
    assert claimed.waited_seconds == 90
