"""Several processes on one database: nothing is handed out twice, and what a killed one held comes back."""

import multiprocessing
import signal
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from storage.desk.queue import PostEditQueue
from storage.engine.database import Database, open_database
from storage.engine.schema import check_schema
from storage.reading import StoreReader
from tests.databases import Databases
from tests.storage.factories import PLAIN, Clock, fill_queue
from tests.storage.workers import LEASE_SECONDS, claim_all, claim_and_die, prepare_database

pytestmark = pytest.mark.slow

PROCESSES = multiprocessing.get_context("forkserver")  # fresh ones, without the connections of the test's own
PROCESSES.set_forkserver_preload(["tests.storage.workers"])


def test_eight_processes_share_a_queue(database: Database, database_url: str, clock: Clock):
    ids = fill_queue(database, 400, clock)
    with ProcessPoolExecutor(8, PROCESSES) as pool:
        got = list(pool.map(claim_all, [database_url] * 8, [f"person-{number}" for number in range(8)]))
    assert Counter(pair_id for one in got for pair_id in one) == Counter(ids)
    assert StoreReader(database).flow_counts().by_status == {"post_edited": 400}
    assert sum(1 for one in got if one) > 1  # they did work at the same time


def test_what_a_killed_process_held_comes_back(database: Database, database_url: str, clock: Clock):
    ids = fill_queue(database, 5, clock)
    process = PROCESSES.Process(target=claim_and_die, args=(database_url, "ada"))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    queue = PostEditQueue(database, LEASE_SECONDS, rules=PLAIN)
    assert [item.pair_id for item in queue.held("ada")] == ids[:3]
    queue.ensure_person("ben")
    claimed = queue.claim("ben")
    assert claimed is not None
    assert claimed.pair_id == ids[3]
    later = PostEditQueue(
        database, LEASE_SECONDS, lambda: datetime.now(UTC) + timedelta(seconds=LEASE_SECONDS + 60), PLAIN
    )
    assert [item.pair_id for _ in range(5) if (item := later.claim("ben"))] == ids


def test_processes_that_prepare_one_database_at_once(databases: Databases):
    url = databases.new(migrated=False)
    with ProcessPoolExecutor(4, PROCESSES) as pool:
        list(pool.map(prepare_database, [url] * 4))
    database = open_database(url)
    check_schema(database)
    database.close()
