"""Many client processes on one queue, some of them killed: nothing is handed out twice, lost, or taken unlawfully."""

import time
from pathlib import Path

import pytest

from benchmarks.queue.promises import Plan, count_overlaps, run_promises
from coachlm.errors import LeaseError
from storage.desk.queue import PostEditQueue
from storage.engine.database import Database
from tests.databases import Databases
from tests.storage.factories import Clock, fill_queue, make_edit

pytestmark = pytest.mark.slow


def test_promises_hold_for_many_clients(databases: Databases, tmp_path: Path):
    """`python -m benchmarks.queue --promises` does it with 64. On SQLite fewer: it lets one process write at a time."""
    clients, items = (8, 48) if databases.is_sqlite else (32, 128)
    plan = Plan(clients=clients, items=items, killed=clients // 8, lease_seconds=4, idle_seconds=1)
    verdict = run_promises(databases.new(), plan, tmp_path)
    assert verdict.broken == 0, verdict
    assert verdict.submitted > items * 0.9  # some may wait for a client who was killed were returned and written again
    assert verdict.hand_outs > verdict.submitted  # some were released, skipped, lost to time or with their client
    assert verdict.refused > 0


def test_the_judge_sees_an_item_in_two_hands():
    def claim(token: str, at: float) -> dict[str, object]:
        return {"what": "claim", "pair": "p", "token": token, "at": at, "until": at + 10}

    assert count_overlaps([claim("a", 1.0), claim("b", 5.0)]) == 1
    assert count_overlaps([claim("a", 1.0), claim("b", 11.5)]) == 0
    released = {"what": "release", "pair": "p", "token": "a", "at": 4.0}
    assert count_overlaps([claim("a", 1.0), released, claim("b", 5.0)]) == 0


def test_a_lease_ends_in_real_time(database: Database, clock: Clock):
    ids = fill_queue(database, 1, clock)
    queue = PostEditQueue(database, lease_seconds=1)
    for name in ("ada", "ben"):
        queue.ensure_person(name)
    item = queue.claim("ada")
    assert item is not None
    assert queue.claim("ben") is None
    time.sleep(1.1)
    other = queue.claim("ben")
    assert other is not None
    assert other.pair_id == ids[0]
    with pytest.raises(LeaseError):
        queue.submit(make_edit(ids[0]), token=item.token, version=item.version, idempotency_key="late")
    assert [kept.draft for kept in queue.held("ben")] == [None]  # Ada's is kept, Ben's is not
    queue.release(other.token, "ben")
    again = queue.claim("ada")
    assert again is not None
    assert again.draft is not None
    assert again.draft.is_refused
