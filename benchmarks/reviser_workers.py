"""`kill -9` of one of two `coachlm worker` processes, 20 times: every pair is revised exactly once in the database.

A worker is killed as soon as it has pairs in hands, another is started in its place, and new pairs keep the queue from
running empty. `--quick` kills 3 times; `--engine packed --model FOLDER` uses a model instead of the rules.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from coachlm.pairs import InstructionPair, Position, Provenance, SourcedPair
from coachlm.protocols.intake import IntakeBatch, IntakePair
from devtools.servers.postgres import PostgresServer
from storage.engine.database import Database, open_database
from storage.engine.schema import upgrade
from storage.intake.store import DatabaseStore
from storage.tables.claims import RevisionClaimRow
from storage.tables.desk import RevisionRow
from storage.tables.pairs import PairRow

CLAIM_SECONDS = 2
_BATCH = 500
_PATIENCE_SECONDS = 600


@dataclass(slots=True)
class Workers:
    """Two processes on one database."""

    url: str
    options: list[str]
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        settings = {"COACHLM_REVISION_CLAIM_SECONDS": str(CLAIM_SECONDS), "COACHLM_REVISER_BATCH_PAIRS": "32"}
        command = [sys.executable, "-m", "coachlm", "worker", "--db", self.url, "--json", *self.options]
        self.running.append(subprocess.Popen(command, env=os.environ | settings, stdout=subprocess.DEVNULL))

    def kill(self, victim: subprocess.Popen[bytes]) -> None:
        victim.kill()
        victim.wait()
        self.running.remove(victim)

    def end(self) -> None:
        for process in list(self.running):
            self.kill(process)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 kills instead of 20; within 40 s on 2 cores")
    parser.add_argument("--postgres", action="store_true", help="a private PostgreSQL server instead of SQLite")
    parser.add_argument("--engine", default="rules")
    parser.add_argument("--model", help="model folder, for engines that need one")
    arguments = parser.parse_args()
    options = ["--engine", arguments.engine, *(["--model", arguments.model] if arguments.model else [])]
    with _database_url(postgres=arguments.postgres) as url:
        database = open_database(url)
        upgrade(database)
        workers = Workers(url, options)
        try:
            figures = kill_often(database, workers, kills=3 if arguments.quick else 20)
        finally:
            workers.end()
            database.close()
    print(json.dumps(figures))
    if figures["workers_lost"] or figures["workers_repeated"]:
        sys.exit("some pairs were not revised exactly once")


@contextmanager
def _database_url(*, postgres: bool) -> Iterator[str]:
    if not postgres:
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{Path(folder) / 'workers.db'}"
        return
    server = PostgresServer(durable=True)
    try:
        server.start()
        yield server.new_database()
    finally:
        server.remove()


def kill_often(database: Database, workers: Workers, kills: int) -> dict[str, int]:
    draw, pairs, in_hands = random.Random(0), 0, 0
    workers.start()
    workers.start()
    for _ in range(kills):
        victim = draw.choice(workers.running)
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        while not (held := _claims_of(database, victim.pid)):
            if time.monotonic() > give_up_at or victim.poll() is not None:
                sys.exit(f"worker {victim.pid} never claimed a pair")
            pairs = _top_up(database, pairs)
            time.sleep(0.01)
        time.sleep(draw.random() * 0.1)
        workers.kill(victim)
        in_hands += held
        workers.start()
    return _verdict(database, pairs) | {"workers_kills": kills, "workers_in_hands": in_hands}


def _claims_of(database: Database, process: int) -> int:
    with database.reading() as connection:
        own = select(func.count()).where(RevisionClaimRow.worker.contains(f":{process}:"))
        return connection.scalar(own) or 0


def _top_up(database: Database, pairs: int) -> int:
    """How many pairs there are, after adding some if fewer than a batch wait."""
    if _waiting(database) >= _BATCH:
        return pairs
    batch = [_intake(number) for number in range(pairs, pairs + _BATCH)]
    DatabaseStore(database).commit_intake(IntakeBatch(batch))
    return pairs + _BATCH


def _waiting(database: Database) -> int:
    with database.reading() as connection:
        return connection.scalar(select(func.count()).where(PairRow.status == "accepted")) or 0


def _intake(number: int) -> IntakePair:
    pair = InstructionPair(f"Name river {number}.", "", f"River {number} are  long.")
    return IntakePair(SourcedPair(pair, Provenance(Position("workers.jsonl", number), "benchmark")))


def _verdict(database: Database, pairs: int) -> dict[str, int]:
    """Once all is revised: how many pairs were lost, and how many revised more than once."""
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while _waiting(database) and time.monotonic() < give_up_at:
        time.sleep(0.2)
    with database.reading() as connection:
        times = Counter(connection.scalars(select(RevisionRow.pair)))
    repeated = sum(count > 1 for count in times.values())
    return {"workers_pairs": pairs, "workers_lost": pairs - len(times), "workers_repeated": repeated}


if __name__ == "__main__":
    main()
