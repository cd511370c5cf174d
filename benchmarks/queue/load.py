"""What the processes of `benchmarks.queue` do, and what they and the database server use."""

import random
import resource
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import psutil
import psycopg
from sqlalchemy import make_url

from coachlm.desk.post_edit import PostEdit
from devtools.accounting import cpu_seconds
from exports.choices.export_formats import ExportFormat
from exports.export import ExportOptions
from exports.export_stream import stream_dataset
from storage.desk.queue import PostEditQueue
from storage.desk.rules import DeskRules
from storage.engine.database import open_database
from storage.reading import StoreReader

PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(["benchmarks.queue.load"])
_RULES = DeskRules(max_held_items=100_000)
_WARM_UP = 12  # pairs; the driver prepares a statement when it has run five times, PostgreSQL its plan after five more
_PATIENCE_SECONDS = 1800
_MEETING: list[Barrier] = []  # of this client and the others


@dataclass(frozen=True, slots=True)
class Task:
    """A client's."""

    url: str
    person: str
    pairs: int
    pause_seconds: float = 0.0  # between two claims, on average, drawn as people come: at random; 0: at once
    submits: bool = True  # else they are released at the end, uncounted


@dataclass(frozen=True, slots=True)
class Done:
    """What a client did, and the CPU seconds of its process, both without its warm-up."""

    pairs: tuple[str, ...]
    claim_seconds: tuple[float, ...]
    submit_seconds: tuple[float, ...]
    cpu_seconds: float


def run_client(task: Task) -> Done:
    """Claims and submits, with a small edit of each pair. Everybody warms up, works and ends together; the caller
    reads the server's CPU time while all wait."""
    database = open_database(task.url)
    queue = PostEditQueue(database, 3600, rules=_RULES)
    _work(queue, replace(task, pairs=_WARM_UP, pause_seconds=0.0, submits=True))
    _meet("warm", "start")
    cpu = time.process_time()
    done = _work(queue, task)
    done = replace(done, cpu_seconds=time.process_time() - cpu)
    _meet("done", "read")
    for item in queue.held(task.person):
        queue.release(item.token, task.person)
    database.close()
    return done


def _work(queue: PostEditQueue, task: Task) -> Done:
    pairs: list[str] = []
    claims: list[float] = []
    submits: list[float] = []
    draw, next_at = random.Random(task.person), time.monotonic()
    for _ in range(task.pairs):
        next_at += draw.expovariate(1 / task.pause_seconds) if task.pause_seconds else 0.0
        time.sleep(max(0.0, next_at - time.monotonic()))
        started = time.perf_counter()
        item = queue.claim(task.person)
        claims.append(time.perf_counter() - started)
        if item is None:
            break
        pairs.append(item.pair_id)
        if task.submits:
            shown = item.raw if item.revision is None else item.revision.revised
            edit = PostEdit(item.pair_id, task.person, replace(shown, response=f"{shown.response} Done."), 240.0)
            started = time.perf_counter()
            queue.submit(edit, token=item.token, version=item.version, idempotency_key=item.token)
            submits.append(time.perf_counter() - started)
    return Done(tuple(pairs), tuple(claims), tuple(submits), 0.0)


@dataclass(frozen=True, slots=True)
class Load:
    """What all clients did together, and what it cost."""

    done: tuple[Done, ...]
    wall_seconds: float
    server_cpu_seconds: float  # PostgreSQL's

    @property
    def pairs(self) -> int:
        return sum(len(one.pairs) for one in self.done)

    @property
    def cpu_ms_per_pair(self) -> float:
        return 1000 * (self.server_cpu_seconds + sum(one.cpu_seconds for one in self.done)) / self.pairs

    @property
    def server_cpu_ms_per_pair(self) -> float:
        return 1000 * self.server_cpu_seconds / self.pairs

    @property
    def claim_seconds(self) -> list[float]:
        return sorted(seconds for one in self.done for seconds in one.claim_seconds)

    @property
    def handed_out_twice(self) -> int:
        everything = [pair for one in self.done for pair in one.pairs]
        return len(everything) - len(set(everything))


def run_load(tasks: Sequence[Task]) -> Load:
    """Each task in a process of its own."""
    postgres = _postmaster(tasks[0].url)
    everybody = PROCESSES.Barrier(len(tasks) + 1, timeout=_PATIENCE_SECONDS)
    with ProcessPoolExecutor(len(tasks), PROCESSES, _join_in, (everybody,)) as pool:
        running = [pool.submit(run_client, task) for task in tasks]
        everybody.wait()
        before, start = cpu_seconds(postgres.pid), time.perf_counter()
        everybody.wait()
        everybody.wait()
        wall, used = time.perf_counter() - start, cpu_seconds(postgres.pid) - before
        everybody.wait()
        return Load(tuple(one.result() for one in running), wall, used)


def _join_in(everybody: Barrier) -> None:
    """In a client's process."""
    _MEETING.append(everybody)


def _meet(*_occasions: str) -> None:
    for _ in _occasions:
        _MEETING[0].wait()


@dataclass(frozen=True, slots=True)
class Exported:
    """A stream of JSON lines, read and thrown away."""

    pairs: int
    seconds: float
    bytes: int
    peak_mb: float  # resident, of the whole process


def export(url: str) -> Exported:
    """In a process of its own."""
    with ProcessPoolExecutor(1, PROCESSES) as pool:
        return pool.submit(_export, url).result()


def _export(url: str) -> Exported:
    database = open_database(url)
    start = time.perf_counter()
    size = rows = 0
    for piece in stream_dataset(StoreReader(database).dataset_rows(), ExportOptions(format=ExportFormat.JSONL)):
        size += len(piece)
        rows += piece.count(b"\n")
    seconds = time.perf_counter() - start
    database.close()
    return Exported(rows, seconds, size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6)


def _postmaster(url: str) -> psutil.Process:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    return psutil.Process(int((Path(row[0]) / "postmaster.pid").read_text().split()[0]))
