"""Nothing is lost: workers are killed, broker and database restarted, stages raise, while messages flow.

    python -m benchmarks.faults [--quick] [--driver faust|aiokafka|both] [--node-loss]

Real processes, a real broker, a real PostgreSQL; two workers of each kind, four partitions. Of the messages, in mixed
formats, 1 % are poison. Afterwards the database and the topics are read through: every pair in one row, revised once,
every poisonous message a dead letter and nothing else. Ends with one JSON line a driver; exits with 1 unless all is
accounted for.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.faults.load import Load, send_load
from benchmarks.faults.plan import FULL, FULL_NODE_LOSS, QUICK, QUICK_NODE_LOSS, Pauses, Plan
from benchmarks.faults.stage import make_ground
from benchmarks.faults.verdict import Verdict, judge
from benchmarks.faults.workers import Workers
from coachlm.errors import StreamError
from devtools.servers.kafka import KafkaCluster, running_cluster
from devtools.servers.postgres import PostgresServer
from streams.broker.topics.lag import lags

_FAULT_SHARE = 0.01
_TICK_SECONDS = 0.1
_STUCK_SECONDS = 180
_QUIET_SECONDS = 20
_UNDER_LOAD = 0.9
"""The last fault strikes when so much of the work is done."""


class Run:
    """One driver's run, from the load to the verdict."""

    def __init__(self, plan: Plan, driver: str, cluster: KafkaCluster, postgres: PostgresServer, folder: Path) -> None:
        self._plan = plan
        self._cluster = cluster
        self._postgres = postgres
        self._tally = folder / "tally-intake"
        self._ground = make_ground(
            f"faults-{driver}",
            cluster,
            postgres,
            stream_driver=driver,
            stream_batch_messages=plan.batch_messages,
            watchdog_seconds=60,
        )
        flags = ["--fault-share", str(_FAULT_SHARE), "--session-seconds", str(plan.session_seconds)]
        commands = {stage: ["-m", "benchmarks.faults.worker", stage, *flags] for stage in ("intake", "revise")}
        commands["intake"] += ["--tally", str(self._tally)]
        self._workers = Workers(folder, {"intake": 2, "revise": 2}, commands, self._ground.environment)
        self._pauses = Pauses()
        self._done: Counter[str] = Counter()
        self._kills = 0
        self._later: list[tuple[float, Callable[[], None]]] = []
        self._database: psycopg.Connection[Any] | None = None

    def run(self) -> dict[str, Any]:
        ground = self._ground
        load = send_load(ground.servers, ground.raw_topic, self._plan.messages)
        started = time.monotonic()
        try:
            self._strike(2 * len(load.names))
            self._wait_until(self._is_resting)
            exits = self._workers.stop(60)
        except BaseException:
            print(self._workers.logs(), file=sys.stderr)
            self._workers.stop(1)
            raise
        finally:
            self._forget_database()
        seconds = time.monotonic() - started
        verdict = judge(ground.conninfo, ground.servers, ground.prefix, load)
        return self._figures(load, verdict, self._reconciles(), seconds, exits)

    def _strike(self, work: int) -> None:
        """Every fault at its share of the work, so that all of them meet messages under way."""
        faults = self._plan.faults()
        for number, fault in enumerate(faults, 1):
            share = work * _UNDER_LOAD * number / len(faults)
            self._wait_until(lambda share=share: self._progress() >= share or self._has_ended())
            self._pauses.last_fault = fault
            self._commit(fault)

    def _has_ended(self) -> bool:
        """Everything was taken and it isn't all there: messages were lost, which the verdict is to say."""
        return self._pauses.standing_seconds > _QUIET_SECONDS and self._is_resting()

    def _commit(self, fault: str) -> None:
        strikes: dict[str, Callable[[], object]] = {
            "kill": self._kill,
            "terminate": self._workers.terminate,
            "broker": self._restart_broker,
            "database": self._restart_database,
            "node lost": lambda: self._cluster.kill_node(1),
            "node back": lambda: self._cluster.start_node(1, wait=False),
            "broker stall": self._stall_broker,
            "worker stall": self._stall_worker,
        }
        self._done[fault] += 1
        strikes[fault]()
        print(f"  {fault} {self._done[fault]}", file=sys.stderr, flush=True)

    def _kill(self) -> None:
        for _ in range(self._plan.kills_at_once):
            self._kills += self._workers.kill() is not None

    def _restart_broker(self) -> None:
        """By turns without warning and in order, as the database below."""
        (self._cluster.kill_node if self._done["broker"] % 2 else self._cluster.stop_node)(1)
        self._cluster.start_node(1, wait=False)

    def _restart_database(self) -> None:
        (self._postgres.crash if self._done["database"] % 2 else self._postgres.stop)()
        self._postgres.start()

    def _stall_broker(self) -> None:
        self._cluster.freeze_node(1)
        self._after(self._plan.stall_seconds, lambda: self._cluster.thaw_node(1))

    def _stall_worker(self) -> None:
        name = self._workers.freeze()
        if name is not None:
            self._after(self._plan.stall_seconds, lambda: self._workers.thaw(name))

    def _after(self, seconds: float, what: Callable[[], None]) -> None:
        self._later.append((time.monotonic() + seconds, what))

    def _wait_until(self, reached: Callable[[], bool]) -> None:
        while True:
            self._workers.keep_running()
            for entry in [entry for entry in self._later if entry[0] <= time.monotonic()]:
                self._later.remove(entry)
                entry[1]()
            if reached():
                return
            if self._pauses.standing_seconds > _STUCK_SECONDS:
                raise RuntimeError(f"nothing moved for {_STUCK_SECONDS} s after {self._pauses.last_fault}")
            time.sleep(_TICK_SECONDS)

    def _progress(self) -> int:
        """Pairs and revisions in the database."""
        found = self._ask("SELECT (SELECT count(*) FROM pairs) + (SELECT count(*) FROM revisions)")
        if found is None:
            return 0
        self._pauses.saw(found)
        return found

    def _is_resting(self) -> bool:
        self._progress()
        if self._later or self._ask("SELECT count(*) FROM outbox") != 0:
            return False
        try:
            return not any(lag.messages for lag in lags(self._ground.settings))
        except StreamError:
            return False

    def _ask(self, query: str) -> int | None:
        """None while the database is away."""
        try:
            if self._database is None:
                self._database = psycopg.connect(self._ground.conninfo, autocommit=True)
            row = self._database.execute(query.encode()).fetchone()
        except psycopg.errors.UndefinedTable:
            return 0
        except psycopg.Error:
            self._forget_database()
            return None
        return row[0] if row else None

    def _forget_database(self) -> None:
        if self._database is not None:
            self._database.close()
        self._database = None

    def _reconciles(self) -> bool:
        command = [sys.executable, "-m", "coachlm", "reconcile"]
        environment = {**os.environ, **self._ground.environment}
        answer = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        print(answer.stdout, answer.stderr, sep="", file=sys.stderr)
        return answer.returncode == 0

    def _figures(
        self, load: Load, verdict: Verdict, reconciles: bool, seconds: float, exits: list[int]
    ) -> dict[str, Any]:
        handled = sum(map(int, self._tally.read_text().split()))
        gaps = [gap for found in self._pauses.seconds.values() for gap in found]
        return {
            "driver": self._ground.settings.streams.driver,
            "messages": load.messages,
            **asdict(verdict),
            "reconcile_balances": reconciles,
            "clean": verdict.is_clean and reconciles,
            "kills": self._kills,
            "faults": dict(self._done),
            "worker_exits": {str(code): count for code, count in self._workers.exits.items()},
            "last_exits": sorted(exits),
            "repeated_messages": handled - load.messages,
            "seconds": round(seconds, 1),
            "longest_pause_seconds": self._pauses.longest(),
            "median_pause_seconds": round(statistics.median(gaps), 2),
        }


def run_faults(plan: Plan, driver: str, cluster: KafkaCluster, postgres: PostgresServer) -> dict[str, Any]:
    """The figures of one driver; what is not accounted for stands in them.

    Raises: RuntimeError, when the work comes to a standstill.
    """
    with tempfile.TemporaryDirectory(prefix="coachlm-faults-") as folder:
        return Run(plan, driver, cluster, postgres, Path(folder)).run()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="5,000 messages and 10 kills; some minutes on 2 cores")
    parser.add_argument("--driver", choices=("faust", "aiokafka", "both"), default="both")
    parser.add_argument(
        "--node-loss", action="store_true", help="instead: three nodes, of which one is lost under load"
    )
    given = parser.parse_args()
    if given.node_loss:
        plan, nodes = (QUICK_NODE_LOSS if given.quick else FULL_NODE_LOSS), 3
    else:
        plan, nodes = (QUICK if given.quick else FULL), 1
    clean = True
    for driver in ("faust", "aiokafka") if given.driver == "both" else (given.driver,):
        figures = _run_alone(plan, driver, nodes)
        print(json.dumps(figures), flush=True)
        clean = clean and figures["clean"]
    raise SystemExit(0 if clean else 1)


def _run_alone(plan: Plan, driver: str, nodes: int) -> dict[str, Any]:
    postgres = PostgresServer(durable=True)
    try:
        postgres.start()
        with running_cluster(nodes) as cluster:
            return run_faults(plan, driver, cluster, postgres)
    finally:
        postgres.remove()


if __name__ == "__main__":
    main()
