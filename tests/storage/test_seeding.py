"""Pairs that benchmarks put in by the thousand are what the queue itself would have left behind."""

import pytest

from coachlm.desk.dataset import TextChoice
from coachlm.status import Status
from devtools.seeding import Mix, seed
from storage.desk.queue import PostEditQueue
from storage.engine.database import Database, open_database
from storage.figures.recount import rebuild_rollups
from storage.reading import StoreReader
from storage.review.desk import ReviewDesk
from tests.content import content_digest
from tests.databases import Databases
from tests.storage.factories import Clock, make_edit

MIX = Mix(queued=30, accepted=3, excluded=4, post_edited=9, returned=6, approved=12)


def test_every_status_is_there_and_balances(database: Database, clock: Clock):
    assert seed(database, MIX, annotators=6, now=clock()) == 64
    counts = StoreReader(database).flow_counts()
    assert counts.by_status == {
        "revised": 30,
        "accepted": 3,
        "excluded": 4,
        "post_edited": 9,
        "returned": 6,
        "approved": 12,
    }
    rows = list(StoreReader(database).dataset_rows(include_excluded=True))
    assert len(rows) == 64
    assert all(row.text(TextChoice.FINAL).response for row in rows)


def test_people_work_on_seeded_pairs_as_on_others(database: Database, clock: Clock):
    seed(database, MIX, annotators=3, now=clock())
    queue = PostEditQueue(database, 600, clock)
    got = set()
    for name in ("annotator-000", "annotator-001", "annotator-002"):
        while item := queue.claim(name):
            assert item.status in (Status.REVISED, Status.RETURNED)
            assert (item.last_edit is not None) == (item.status is Status.RETURNED)
            queue.submit(
                make_edit(item.pair_id, name), token=item.token, version=item.version, idempotency_key=item.token
            )
            got.add(item.pair_id)
    assert len(got) == 36
    desk = ReviewDesk(database, clock)
    assert len(desk.awaiting("owner-qa", limit=100)) > 3
    before = rebuild_rollups(database)
    assert before == rebuild_rollups(database) > 0


def test_a_second_call_adds_other_pairs(database: Database, clock: Clock):
    seed(database, Mix(queued=5, approved=2), annotators=3, now=clock())
    seed(database, Mix(queued=5, approved=2), annotators=3, now=clock())
    assert StoreReader(database).flow_counts().by_status == {"revised": 10, "approved": 4}


@pytest.mark.slow
def test_the_same_call_fills_databases_alike(databases: Databases, clock: Clock):
    digests = set()
    for _ in range(2):
        database = open_database(databases.new())
        seed(database, Mix(queued=20), annotators=3, now=clock())
        digests.add(content_digest(database))
        database.close()
    assert len(digests) == 1
