"""The post-edit queue on a real PostgreSQL: CPU per pair, waiting for a claim, cost in a long queue, export.

`--promises` runs 64 clients over 10,000 items instead, on PostgreSQL and SQLite, and judges what each of them saw.
Label Studio's figures (230 ms of CPU a pair, claims of 1.5 s, export of 126 pairs/s) are an earlier measurement with 16
annotators and 20,000 pairs, quoted for comparison; it is not run here.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from benchmarks.queue.load import Load, Task, export, run_load
from benchmarks.queue.promises import Plan, run_promises
from devtools.seeding import Mix, seed
from devtools.servers.postgres import PostgresServer
from storage.engine.database import open_database
from storage.engine.schema import upgrade

LABEL_STUDIO_CPU_MS, LABEL_STUDIO_EXPORT = 230, 126
_CLIENTS = 16
_ROUNDS, _CLAIMS = 9, 200


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer(durable=True)
    try:
        server.start()
        yield server
    finally:
        server.remove()


def filled(server: PostgresServer, queued: int) -> str:
    url, start = server.new_database(), time.perf_counter()
    database = open_database(url)
    seed(database, Mix(queued=queued, approved=queued // 10), annotators=_CLIENTS)
    database.close()
    print(f"{queued:,} queued pairs put in within {time.perf_counter() - start:.0f} s", flush=True)
    return url


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two queues of 10,000 items, fewer rounds; a minute")
    parser.add_argument("--long", type=int, default=1_000_000, help="items in the long queue")
    parser.add_argument("--promises", action="store_true", help="64 clients over 10,000 items (--quick: 1,000)")
    options = parser.parse_args()
    if options.promises:
        promises(Plan(items=1_000, lease_seconds=5) if options.quick else Plan())
        return
    with postgres() as server:
        short = filled(server, 10_000)
        long = filled(server, 10_000 if options.quick else options.long)
        figures = measure(short, long, 30 if options.quick else 100)
    queued = 10_000 if options.quick else options.long
    size = "1m" if queued == 1_000_000 else f"{queued // 1000}k"
    figures[f"claim_cost_ratio_{size}_to_10k"] = figures.pop("claim_cost_ratio")
    figures["queued_in_long_queue"] = queued
    figures["machine_load"] = round(os.getloadavg()[0], 1)
    print(json.dumps(figures))


def measure(short: str, long: str, pairs: int) -> dict[str, float | int]:
    """`pairs`: for each client."""
    people = [f"annotator-{number:03}" for number in range(_CLIENTS)]
    busy = run_load([Task(short, person, pairs) for person in people])
    paced = run_load([Task(short, person, pairs // 2, pause_seconds=1.0) for person in people])
    ratio, ms_short, ms_long = claim_cost_ratio(short, long)
    small, large = export(short), export(long)
    print(
        f"busy: {busy.pairs:,} pairs, {busy.pairs / busy.wall_seconds:.0f}/s, {busy.cpu_ms_per_pair:.1f} ms of CPU "
        f"each, of which PostgreSQL {busy.server_cpu_ms_per_pair:.1f} (Label Studio, quoted: {LABEL_STUDIO_CPU_MS}); "
        f"claim p50 {_ms(busy, 0.5):.1f}, p99 {_ms(busy, 0.99):.1f} ms"
    )
    print(f"one claim a second and client, at random: p50 {_ms(paced, 0.5):.1f}, p99 {_ms(paced, 0.99):.1f} ms")
    print(f"claim: {ms_short:.2f} ms in the short queue, {ms_long:.2f} ms in the long one")
    print(
        f"export: {small.pairs:,} pairs with {small.peak_mb:.0f} MB, {large.pairs:,} with {large.peak_mb:.0f} MB "
        f"(Label Studio, quoted: {LABEL_STUDIO_EXPORT} pairs/s)"
    )
    return {
        "cpu_ms_per_pair": round(busy.cpu_ms_per_pair, 2),
        "claim_p99_ms": round(_ms(paced, 0.99), 1),
        "claim_p99_ms_saturated": round(_ms(busy, 0.99), 1),
        "claim_cost_ratio": round(ratio, 3),
        "handed_out_twice": busy.handed_out_twice + paced.handed_out_twice,
        "export_pairs_per_second": round(large.pairs / large.seconds),
        "export_peak_ratio": round(large.peak_mb / small.peak_mb, 3),
        "export_peak_mb": round(large.peak_mb),
        "claim_p50_ms": round(_ms(paced, 0.5), 1),
        "pairs_per_second": round(busy.pairs / busy.wall_seconds),
    }


def claim_cost_ratio(short: str, long: str) -> tuple[float, float, float]:
    """(long / short, and the two in ms): CPU of a claim, server and client, turn by turn so that the machine's other
    work disturbs both alike."""
    costs: dict[str, list[float]] = {short: [], long: []}
    for _ in range(_ROUNDS):
        for url in (short, long):
            costs[url].append(run_load([Task(url, "annotator-000", _CLAIMS, submits=False)]).cpu_ms_per_pair)
    middle = {url: statistics.median(values[1:]) for url, values in costs.items()}
    return middle[long] / middle[short], middle[short], middle[long]


def _ms(load: Load, quantile: float) -> float:
    values = load.claim_seconds
    return 1000 * values[min(len(values) - 1, int(len(values) * quantile))]


def promises(plan: Plan) -> None:
    broken: dict[str, int] = {}
    with postgres() as server, tempfile.TemporaryDirectory() as name:
        file = Path(name) / "queue.db"
        database = open_database(f"sqlite:///{file}")
        upgrade(database)
        database.close()
        for kind, url in (("postgresql", server.new_database()), ("sqlite", f"sqlite:///{file}")):
            folder = Path(name) / kind
            folder.mkdir()
            start = time.perf_counter()
            verdict = run_promises(url, plan, folder)
            print(f"{kind}: {time.perf_counter() - start:.0f} s, {asdict(verdict)}", flush=True)
            broken[f"broken_promises_{kind}"] = verdict.broken
            broken[f"handed_out_twice_{kind}"] = verdict.handed_out_twice
    print(json.dumps(broken))
    sys.exit(1 if any(broken.values()) else 0)


if __name__ == "__main__":
    main()
