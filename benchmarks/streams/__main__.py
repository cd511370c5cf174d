"""How fast the streams are, with everything on one machine: broker, PostgreSQL, workers and who sends.

    python -m benchmarks.streams [--quick] [--driver faust|aiokafka|both] [--only PART] [--backpressure-seconds S]

Real processes (`coachlm stream …`), a real broker, a real PostgreSQL that keeps its commits. Parts, for each driver:

- `throughput`: pairs per second through parse, filter and store with one worker and with two, from the first record
  sent to the last pair stored, the workers being warm;
- `latency`: the time from sending a record to its revision on pairs.revised at 100 records a second;
- `backpressure`: a reviser fifty times slower than what comes in: its memory, its rebalances, its lag.

Ends with one JSON line a driver.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import psycopg
from kafka import KafkaProducer

from benchmarks.faults.arrivals import Arrivals
from benchmarks.faults.load import good_message, name_of, send_load
from benchmarks.faults.stage import Ground, make_ground, resident_mb
from benchmarks.faults.workers import Workers
from devtools.accounting import cpu_seconds
from devtools.servers.kafka import KafkaCluster, running_cluster
from devtools.servers.postgres import PostgresServer
from streams.broker.topics.lag import summed

_Producer: Any = KafkaProducer
_RATE = 100
_SLOWER = 50
_WARM_UP = 1_000
"""Messages a worker before anything is timed: with its first batches a worker loads dictionaries and models."""
_WARM_FIRST, _WARM_SEED = 10_000_000, 7
"""Names and texts that the timed messages don't have."""
_DEADLINE_SECONDS = 300


class Bench:
    """One driver on running servers."""

    def __init__(self, driver: str, cluster: KafkaCluster, postgres: PostgresServer, folder: Path) -> None:
        self._driver = driver
        self._cluster = cluster
        self._postgres = postgres
        self._folder = folder

    def throughput(self, workers: int, messages: int) -> dict[str, float]:
        """Of so many intake workers, all assigned before anything is sent."""
        with self._running(f"rate-{self._driver}-{workers}", {"intake": workers}) as (ground, crew):
            with psycopg.connect(ground.conninfo, autocommit=True) as connection:
                warm = _warm_up(ground, _WARM_UP * workers)
                _wait_for_pairs(connection, warm)
                costs = Costs(crew, self._postgres, self._cluster)
                load = send_load(ground.servers, ground.raw_topic, messages, poison=False)
                _wait_for_pairs(connection, warm + messages)
            seconds = time.monotonic() - load.started
            return {"pairs_per_second": round(messages / seconds), **costs.figures(messages)}

    def latency(self, seconds: float) -> dict[str, float]:
        """From sending to the pair on pairs.accepted, and to its revision on pairs.revised."""
        with (
            self._running(f"latency-{self._driver}", {"intake": 1, "revise": 1}) as (ground, _),
            Arrivals(ground) as arrivals,
        ):
            warm = _warm_up(ground, _WARM_UP)
            arrivals.wait_for({name_of(number) for number in range(_WARM_FIRST, _WARM_FIRST + warm)})
            sent = _send_steadily(ground, seconds)
            arrivals.wait_for(set(sent))
        stored = [arrivals.accepted[name] - at for name, at in sent.items()]
        whole = [arrivals.revised[name] - at for name, at in sent.items()]
        return {
            "latency_p50_ms": _percentile(whole, 50),
            "latency_p99_ms": _percentile(whole, 99),
            "accepted_p50_ms": _percentile(stored, 50),
            "accepted_p99_ms": _percentile(stored, 99),
        }

    def backpressure(self, seconds: float) -> dict[str, Any]:
        """A reviser that takes half a second for a pair while a hundred a second come in."""
        slow = ["-m", "benchmarks.faults.worker", "revise", "--revise-ms", str(1000 * _SLOWER / _RATE)]
        name = f"slow-{self._driver}"
        with self._running(name, {"intake": 1, "revise": 1}, {"revise": slow}, reviser_batch_pairs=4) as (ground, crew):
            before = sum(crew.said("assigned").values())
            memory: list[float] = []
            sender = threading.Thread(target=_send_steadily, args=(ground, seconds))
            sender.start()
            while sender.is_alive():
                memory.append(sum(resident_mb(pid) for pid in crew.pids.values()))
                crew.keep_running()
                time.sleep(0.5)
            sender.join()
            behind = summed(ground.settings)
            rebalances = sum(crew.said("assigned").values()) - before
            if crew.exits:
                print(crew.logs(), file=sys.stderr)
        quarter = len(memory) // 4
        growth = statistics.mean(memory[-quarter:]) / statistics.mean(memory[quarter : 2 * quarter])
        return {
            "backpressure_seconds": seconds,
            "memory_growth": round(growth, 3),
            "memory_mb": round(max(memory)),
            "rebalances": rebalances,
            "worker_exits": {str(code): count for code, count in crew.exits.items()},
            **{f"lag_{group.stage}": group.messages for group in behind.groups},
        }

    @contextmanager
    def _running(
        self, name: str, counts: dict[str, int], commands: dict[str, list[str]] | None = None, **settings: Any
    ) -> Iterator[tuple[Ground, Workers]]:
        """Workers that all have their partitions."""
        ground = make_ground(name, self._cluster, self._postgres, stream_driver=self._driver, **settings)
        folder = self._folder / name
        folder.mkdir()
        usual = {stage: ["-m", "coachlm", "stream", stage, "--json"] for stage in counts}
        crew = Workers(folder, counts, {**usual, **(commands or {})}, ground.environment)
        try:
            crew.keep_running()
            _await(lambda: all(crew.said("assigned").values()), "workers did not get their partitions", crew)
            time.sleep(3)  # for the rebalance after the last one
            yield ground, crew
        except BaseException:
            print(crew.logs(), file=sys.stderr)
            raise
        finally:
            crew.stop(30)


class Costs:
    """CPU time of all parts from here on, and what the machine spent on anything else meanwhile."""

    def __init__(self, crew: Workers, postgres: PostgresServer, cluster: KafkaCluster) -> None:
        self._pids = {"workers": list(crew.pids.values()), "postgres": [postgres.pid], "kafka": cluster.pids}
        self._started = time.monotonic()
        self._before, self._busy_before = self._now(), _busy_seconds()

    def figures(self, pairs: int) -> dict[str, float]:
        now = self._now()
        spent = {part: now[part] - self._before[part] for part in now}
        others = _busy_seconds() - self._busy_before - sum(spent.values())
        each = {f"cpu_ms_per_pair_{part}": round(1000 * seconds / pairs, 3) for part, seconds in spent.items()}
        return {**each, "cores_of_others": round(max(others, 0) / (time.monotonic() - self._started), 2)}

    def _now(self) -> dict[str, float]:
        parts = {part: sum(cpu_seconds(pid) for pid in pids) for part, pids in self._pids.items()}
        return {**parts, "sender": time.process_time()}


def _busy_seconds() -> float:
    """Of all cores together."""
    times = psutil.cpu_times()
    return times.user + times.system + times.nice


def _warm_up(ground: Ground, messages: int) -> int:
    """Sends so many and returns how many."""
    send_load(ground.servers, ground.raw_topic, messages, poison=False, first=_WARM_FIRST, seed=_WARM_SEED)
    return messages


def _wait_for_pairs(connection: psycopg.Connection[Any], wanted: int) -> None:
    """Numbers of pairs have no gaps: the highest is asked for, which costs the same at any number."""
    end = time.monotonic() + _DEADLINE_SECONDS
    while True:
        row = connection.execute("SELECT max(seq) FROM pairs").fetchone()
        count = (row and row[0]) or 0
        if count >= wanted:
            return
        if time.monotonic() > end:
            raise RuntimeError(f"only {count:,} of {wanted:,} pairs were stored in {_DEADLINE_SECONDS} s")
        time.sleep(0.02)


def _send_steadily(ground: Ground, seconds: float) -> dict[str, float]:
    """When each pair was sent, by its name."""
    shuffle, sent = random.Random(1), {}
    producer = _Producer(bootstrap_servers=ground.servers.split(","), acks="all", linger_ms=0)
    start = time.time()
    for number in range(int(seconds * _RATE)):
        time.sleep(max(start + number / _RATE - time.time(), 0))
        sent[name_of(number)] = time.time()
        producer.send(ground.raw_topic, good_message(number, shuffle))
    producer.close()
    return sent


def _await(ready: Callable[[], bool], problem: str, crew: Workers) -> None:
    end = time.monotonic() + _DEADLINE_SECONDS
    while not ready():
        crew.keep_running()
        if time.monotonic() > end:
            raise RuntimeError(problem)
        time.sleep(0.1)


def _percentile(values: list[float], percent: int) -> float:
    return round(1000 * statistics.quantiles(values, n=100)[percent - 1], 1)


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of what; no seconds: not that part."""

    messages: int
    latency_seconds: float
    backpressure_seconds: float


QUICK = Scale(4_000, 8, 10)
FULL = Scale(40_000, 120, 600)


def measure(driver: str, scale: Scale) -> dict[str, Any]:
    """All figures of one driver on servers of its own."""
    postgres = PostgresServer(durable=True)
    try:
        postgres.start()
        with running_cluster() as cluster, tempfile.TemporaryDirectory(prefix="coachlm-streams-") as folder:
            bench = Bench(driver, cluster, postgres, Path(folder))
            figures: dict[str, Any] = {"driver": driver}
            if scale.messages:
                figures |= _throughput(bench, scale.messages)
            if scale.latency_seconds:
                figures |= bench.latency(scale.latency_seconds)
            if scale.backpressure_seconds:
                figures |= bench.backpressure(scale.backpressure_seconds)
            return figures
    finally:
        postgres.remove()


def _throughput(bench: Bench, messages: int) -> dict[str, Any]:
    one, two = bench.throughput(1, messages), bench.throughput(2, messages)
    return {
        "pairs_per_second": max(one["pairs_per_second"], two["pairs_per_second"]),
        "scaling_two_workers": round(two["pairs_per_second"] / one["pairs_per_second"], 2),
        "one_worker": one,
        "two_workers": two,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer messages, 10 seconds of back-pressure")
    parser.add_argument("--driver", choices=("faust", "aiokafka", "both"), default="both")
    parser.add_argument("--only", choices=("throughput", "latency", "backpressure"), help="one part of it")
    parser.add_argument("--backpressure-seconds", type=float, help="600 otherwise, 10 with --quick; 0: none")
    given = parser.parse_args()
    scale = QUICK if given.quick else FULL
    if given.backpressure_seconds is not None:
        scale = replace(scale, backpressure_seconds=given.backpressure_seconds)
    match given.only:
        case "throughput":
            scale = Scale(scale.messages, 0, 0)
        case "latency":
            scale = Scale(0, scale.latency_seconds, 0)
        case "backpressure":
            scale = Scale(0, 0, scale.backpressure_seconds)
    for driver in ("faust", "aiokafka") if given.driver == "both" else (given.driver,):
        print(json.dumps(measure(driver, scale)), flush=True)


if __name__ == "__main__":
    main()
