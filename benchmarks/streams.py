"""How fast the streams are, with everything on one machine: broker, PostgreSQL, workers and who sends.

    python -m benchmarks.streams [--quick] [--driver faust|aiokafka|both] [--backpressure-seconds S]

Real processes (`coachlm stream …`), a real broker, a real PostgreSQL that keeps its commits. Per driver: pairs per
second through parse, filter and store with one worker and with two; the time from sending a record to its revision on
pairs.revised at 100 records a second; and a reviser fifty times slower than what comes in: its memory, its rebalances,
its lag. Ends with one JSON line a driver.
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
from pathlib import Path
from typing import Any

import psycopg
from kafka import KafkaConsumer, KafkaProducer
from kafka.structs import TopicPartition

from benchmarks.broker_runs.load import good_message, name_of, send_load
from benchmarks.broker_runs.stage import Ground, cpu_seconds, make_ground, resident_mb
from benchmarks.broker_runs.workers import Workers
from benchmarks.servers.kafka import KafkaCluster, running_cluster
from benchmarks.servers.postgres import PostgresServer
from streams.broker.lag import lags

_Consumer: Any = KafkaConsumer
_Producer: Any = KafkaProducer
_RATE = 100
_SLOWER = 50
_WARM_SHARE = 0.1
"""Of the messages, not counted: the first batches."""
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
            costs = Costs(crew, self._postgres, self._cluster)
            load = send_load(ground.servers, ground.raw_topic, messages, poison=False)
            with psycopg.connect(ground.conninfo, autocommit=True) as connection:
                rate = _rate(connection, len(load.names))
            return {"pairs_per_second": round(rate), **costs.per_pair_ms(messages)}

    def latency(self, seconds: float) -> dict[str, float]:
        """From sending to the pair on pairs.accepted, and to its revision on pairs.revised."""
        with self._running(f"latency-{self._driver}", {"intake": 1, "revise": 1}) as (ground, _):
            arrivals = Arrivals(ground)
            sent = _send_steadily(ground, seconds)
            accepted, revised = arrivals.wait_for(set(sent))
        warm = {name: at for name, at in sent.items() if at > min(sent.values()) + seconds * _WARM_SHARE}
        stored = [accepted[name] - at for name, at in warm.items()]
        whole = [revised[name] - at for name, at in warm.items()]
        return {
            "latency_p50_ms": _percentile(whole, 50), "latency_p99_ms": _percentile(whole, 99),
            "accepted_p50_ms": _percentile(stored, 50), "accepted_p99_ms": _percentile(stored, 99),
        }  # fmt: skip

    def backpressure(self, seconds: float) -> dict[str, float]:
        """A reviser that takes half a second for a pair while a hundred a second come in."""
        slow = ["-m", "benchmarks.broker_runs.worker", "revise", "--revise-ms", str(1000 * _SLOWER / _RATE)]
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
            behind = {lag.group.rpartition(".")[2]: 0 for lag in lags(ground.settings)}
            for lag in lags(ground.settings):
                behind[lag.group.rpartition(".")[2]] += lag.messages
            rebalances = sum(crew.said("assigned").values()) - before
            ended = sum(crew.exits.values())
        quarter = len(memory) // 4
        growth = statistics.mean(memory[-quarter:]) / statistics.mean(memory[quarter : 2 * quarter])
        return {
            "backpressure_seconds": seconds, "memory_growth": round(growth, 3), "memory_mb": round(max(memory)),
            "rebalances": rebalances, "workers_ended": ended,
            "lag_intake": behind.get("intake", 0), "lag_revise": behind.get("revise", 0),
        }  # fmt: skip

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
    """CPU time of all parts from here on."""

    def __init__(self, crew: Workers, postgres: PostgresServer, cluster: KafkaCluster) -> None:
        self._pids = {"workers": list(crew.pids.values()), "postgres": [postgres.pid], "kafka": cluster.pids}
        self._before = self._now()

    def per_pair_ms(self, pairs: int) -> dict[str, float]:
        now = self._now()
        return {f"cpu_ms_per_pair_{part}": round(1000 * (now[part] - self._before[part]) / pairs, 3) for part in now}

    def _now(self) -> dict[str, float]:
        return {part: sum(cpu_seconds(pid) for pid in pids) for part, pids in self._pids.items()}


class Arrivals:
    """When a pair was first seen on pairs.accepted and on pairs.revised, by its name."""

    def __init__(self, ground: Ground) -> None:
        self._accepted_topic = f"{ground.prefix}pairs.accepted"
        topics = [self._accepted_topic, f"{ground.prefix}pairs.revised"]
        self._consumer = _Consumer(bootstrap_servers=ground.servers.split(","), fetch_max_wait_ms=5)
        parts = [part for topic in topics for part in _partitions(self._consumer, topic)]
        self._consumer.assign(parts)
        self._consumer.seek_to_beginning(*parts)
        self._names: dict[bytes, str] = {}
        self._seen: dict[str, dict[str, float]] = {"accepted": {}, "revised": {}}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait_for(self, names: set[str]) -> tuple[dict[str, float], dict[str, float]]:
        end = time.monotonic() + _DEADLINE_SECONDS
        while not names <= self._seen["revised"].keys():
            if time.monotonic() > end:
                raise RuntimeError(f"{len(names - self._seen['revised'].keys())} pairs were not revised in time")
            time.sleep(0.1)
        self._stop.set()
        self._thread.join()
        self._consumer.close()
        return self._seen["accepted"], self._seen["revised"]

    def _read(self) -> None:
        while not self._stop.is_set():
            for records in self._consumer.poll(timeout_ms=100).values():
                for record in records:
                    self._note(record)

    def _note(self, record: Any) -> None:
        now = time.time()
        if record.topic == self._accepted_topic:
            self._names[record.key] = json.loads(record.value)["instruction"].split()[1]
            self._seen["accepted"].setdefault(self._names[record.key], now)
        elif record.key in self._names:
            self._seen["revised"].setdefault(self._names[record.key], now)


def _partitions(consumer: Any, topic: str) -> list[Any]:
    return [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]


def _rate(connection: psycopg.Connection[Any], wanted: int) -> float:
    """Pairs per second, from the first tenth to the last."""
    end = time.monotonic() + _DEADLINE_SECONDS
    first: tuple[float, int] | None = None
    while True:
        row = connection.execute("SELECT count(*) FROM pairs").fetchone()
        count, now = (row[0] if row else 0), time.monotonic()
        if first is None and count >= wanted * _WARM_SHARE:
            first = now, count
        if count >= wanted and first is not None:
            return (count - first[1]) / max(now - first[0], 0.001)
        if now > end:
            raise RuntimeError(f"only {count:,} of {wanted:,} pairs were stored in {_DEADLINE_SECONDS} s")
        time.sleep(0.05)


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


def measure(driver: str, messages: int, latency_seconds: float, backpressure_seconds: float) -> dict[str, Any]:
    """All figures of one driver on servers of its own."""
    postgres = PostgresServer(durable=True)
    try:
        postgres.start()
        with running_cluster() as cluster, tempfile.TemporaryDirectory(prefix="coachlm-streams-") as folder:
            bench = Bench(driver, cluster, postgres, Path(folder))
            one, two = bench.throughput(1, messages), bench.throughput(2, messages)
            figures = {
                "driver": driver,
                "pairs_per_second": max(one["pairs_per_second"], two["pairs_per_second"]),
                "scaling_two_workers": round(two["pairs_per_second"] / one["pairs_per_second"], 2),
                "one_worker": one,
                "two_workers": two,
                **bench.latency(latency_seconds),
            }
            return figures | (bench.backpressure(backpressure_seconds) if backpressure_seconds else {})
    finally:
        postgres.remove()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer messages, half a minute of back-pressure")
    parser.add_argument("--driver", choices=("faust", "aiokafka", "both"), default="both")
    parser.add_argument("--backpressure-seconds", type=float, help="600 otherwise, 30 with --quick; 0: none")
    given = parser.parse_args()
    messages, latency_seconds, pressure = (6_000, 20, 30.0) if given.quick else (40_000, 120, 600.0)
    if given.backpressure_seconds is not None:
        pressure = given.backpressure_seconds
    for driver in ("faust", "aiokafka") if given.driver == "both" else (given.driver,):
        print(json.dumps(measure(driver, messages, latency_seconds, pressure)), flush=True)


if __name__ == "__main__":
    main()
