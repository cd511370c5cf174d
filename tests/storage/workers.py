"""What the processes of test_processes.py do; each opens the database for itself."""

import os
import signal
from datetime import UTC, datetime

from storage.desk.queue import PostEditQueue
from storage.engine.database import open_database
from storage.engine.schema import prepare
from tests.storage.factories import PLAIN, make_edit

LEASE_SECONDS = 3600


def prepare_database(url: str) -> None:
    database = open_database(url)
    prepare(database)
    database.close()


def claim_all(url: str, person: str) -> list[str]:
    """Claims and submits until nothing is left; gives the pair ids that it got."""
    database = open_database(url)
    queue = PostEditQueue(database, LEASE_SECONDS, rules=PLAIN)
    queue.ensure_person(person)
    got: list[str] = []
    while (item := queue.claim(person)) is not None:
        got.append(item.pair_id)
        edit = make_edit(item.pair_id, person)
        queue.submit(edit, token=item.token, version=item.version, idempotency_key=item.token)
    database.close()
    return got


def claim_and_die(url: str, person: str) -> None:
    """Claims three items and is killed within a transaction that claims a fourth."""
    database = open_database(url)
    queue = PostEditQueue(database, LEASE_SECONDS, now=_Deadly(calls=8), rules=PLAIN)
    queue.ensure_person(person)
    for _ in range(4):
        queue.claim(person)


class _Deadly:
    """A clock that kills its process the last time it is read."""

    def __init__(self, calls: int) -> None:
        self._left = (
            calls + 1
        )  # one for `ensure_person`; a claim reads it twice, the second time within its transaction

    def __call__(self) -> datetime:
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)
        return datetime.now(UTC)
