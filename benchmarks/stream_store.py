"""The stream store on PostgreSQL: what a batch of intake, of revisions and of announcements costs client and server.

Pairs of Alpaca 52k are prepared beforehand (parsed, filtered, classified, hashed): storing alone is counted. The
server keeps every commit through a crash. One process first, then two on one database, which share the lock of intake.
"""

import argparse
import gzip
import itertools
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import event

from coachlm.pairs import InstructionPair, Position
from coachlm.protocols.intake import IntakeBatch, IntakePair
from coachlm.revision import Outcome, Revision
from coachlm.settings import load_settings
from coachlm.text.duplicates import pair_text, similarity
from devtools.accounting import cpu_seconds
from devtools.servers.postgres import PostgresServer
from storage.engine.database import open_database
from storage.intake.near_copies import NearCopies
from storage.streams.store import DatabaseStreamStore
from streams.reading.sources.records import ParseOptions, RawRecord
from streams.reading.stages import IntakeStages

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one step over all pairs."""

    pairs: int
    wall_seconds: float
    client_seconds: float  # CPU
    server_seconds: float  # CPU

    def line(self, name: str) -> str:
        each = 1e6 / self.pairs
        return (
            f"{name:32}{self.pairs / self.wall_seconds:12,.0f}{self.wall_seconds * each:12,.0f}"
            f"{self.client_seconds * each:12,.0f}{self.server_seconds * each:12,.0f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10,000 pairs instead of all")
    quick = parser.parse_args().quick
    folder = os.environ.get("COACHLM_DATA_DIR")
    if not folder:
        sys.exit("set COACHLM_DATA_DIR to the folder of public data sets (docs/reference/public-data.md)")
    batches = _batches(Path(folder), 10_000 if quick else 50_000)
    server = PostgresServer(durable=True)
    try:
        server.start()
        _measure(server, batches)
    finally:
        server.remove()


def _measure(server: PostgresServer, batches: list[list[IntakePair]]) -> None:
    count = sum(map(len, batches))
    url = server.new_database()
    store = _store(url)
    statements = _count_statements(store)
    print(f"{'':32}{'pairs/s':>12}{'wall µs':>12}{'client µs':>12}{'server µs':>12}   (µs per pair)")
    intake = _timed(server, count, lambda: [store.commit_stream_intake(IntakeBatch(batch), []) for batch in batches])
    per_batch = statements[0] / len(batches)
    print(intake.line("commit_stream_intake"))
    again = _timed(server, count, lambda: [store.commit_stream_intake(IntakeBatch(batch), []) for batch in batches])
    print(again.line("the same, redelivered"))
    published = _timed(server, count, lambda: _publish_all(store))
    print(published.line("publish"))
    revisions = [[_revision(item.sourced.pair) for item in batch] for batch in batches]
    revised = _timed(server, count, lambda: [store.save_stream_revisions(batch, []) for batch in revisions])
    print(revised.line("save_stream_revisions"))
    store.close()
    two = _two_processes(server, batches)
    print(two.line("commit_stream_intake, 2 processes"))
    figures = {
        "intake_pairs_per_second": round(count / intake.wall_seconds),
        "intake_client_us": round(intake.client_seconds / count * 1e6, 1),
        "intake_server_us": round(intake.server_seconds / count * 1e6, 1),
        "intake_statements_per_batch": round(per_batch, 1),
        "redelivery_pairs_per_second": round(count / again.wall_seconds),
        "publish_per_second": round(count / published.wall_seconds),
        "revisions_per_second": round(count / revised.wall_seconds),
        "two_processes_ratio": round(intake.wall_seconds / two.wall_seconds, 2),
    }
    print(json.dumps(figures))


def _batches(folder: Path, count: int) -> list[list[IntakePair]]:
    stages = IntakeStages(load_settings(), ParseOptions(), b"salt")  # pyright: ignore[reportCallIssue]
    with gzip.open(folder / "alpaca/alpaca_52k.jsonl.gz", "rb") as lines:
        records = [RawRecord(Position("logs.raw:0", n), line) for n, line in enumerate(itertools.islice(lines, count))]
    pairs = stages.process(records).pairs
    return [pairs[start : start + _BATCH] for start in range(0, len(pairs), _BATCH)]


def _store(url: str) -> DatabaseStreamStore:
    return DatabaseStreamStore(open_database(url), NearCopies(similarity, pair_text, 0.8))


def _count_statements(store: DatabaseStreamStore) -> list[int]:
    counted = [0]

    def count(*_: object) -> None:
        counted[0] += 1

    event.listen(store._database.engine, "before_cursor_execute", count)
    return counted


def _timed(server: PostgresServer, pairs: int, work: Callable[[], object]) -> Cost:
    wall, client, served = time.perf_counter(), time.process_time(), cpu_seconds(server.pid)
    work()
    return Cost(pairs, time.perf_counter() - wall, time.process_time() - client, cpu_seconds(server.pid) - served)


def _publish_all(store: DatabaseStreamStore) -> None:
    while store.publish(_BATCH, lambda announcements: None):
        pass


def _revision(pair: InstructionPair) -> Revision:
    revised = replace(pair, response=f"{pair.response} Gladly.")
    return Revision(pair.id, revised, Outcome.REVISED, "rules")


def _two_processes(server: PostgresServer, batches: list[list[IntakePair]]) -> Cost:
    url = server.new_database()
    context = multiprocessing.get_context("fork")
    ready, go = context.Semaphore(0), context.Event()
    clients = context.Array("d", 2)

    def work(number: int, mine: Sequence[list[IntakePair]]) -> None:
        store = _store(url)
        store.still_accepted(["0"])
        ready.release()
        go.wait()
        started = time.process_time()
        for batch in mine:
            moved = [_on_partition(item, number) for item in batch]
            store.commit_stream_intake(IntakeBatch(moved), [])
        clients[number] = time.process_time() - started

    workers = [context.Process(target=work, args=(number, batches[number::2])) for number in range(2)]
    for worker in workers:
        worker.start()
    for _ in workers:
        ready.acquire()
    started, served = time.perf_counter(), cpu_seconds(server.pid)
    go.set()
    for worker in workers:
        worker.join()
    wall, served = time.perf_counter() - started, cpu_seconds(server.pid) - served
    return Cost(sum(map(len, batches)), wall, clients[0] + clients[1], served)


def _on_partition(item: IntakePair, number: int) -> IntakePair:
    origin = item.sourced.provenance
    place = replace(origin.position, source=f"logs.raw:{number}")
    return replace(item, sourced=replace(item.sourced, provenance=replace(origin, position=place)))


if __name__ == "__main__":
    main()
