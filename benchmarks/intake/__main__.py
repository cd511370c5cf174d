"""Intake of Alpaca 52k into SQLite without a reviser, against datatrove's length filter + MinHash on the same records.

The whole of intake is counted: parsing, preliminary filter, personal data, near copies, task classes, database.
Memory is measured again with ten times the input.
"""

import argparse
import gzip
import itertools
import json
import os
import random
import sys
import tempfile
from pathlib import Path

from devtools.accounting import Cost, run_accounted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a part of the records; within 50 s on 2 cores")
    quick = parser.parse_args().quick
    folder = os.environ.get("COACHLM_DATA_DIR")
    if not folder:
        sys.exit("set COACHLM_DATA_DIR to the folder of public data sets (docs/reference/public-data.md)")
    with gzip.open(Path(folder) / "alpaca/alpaca_52k.jsonl.gz", "rt", encoding="utf-8") as file:
        records = [json.loads(line) for line in itertools.islice(file, 10_000 if quick else None)]
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        small = _write_records(work / "small.jsonl", records[: len(records) // 10] if quick else records, 1)
        large = _write_records(work / "large.jsonl", records, 1 if quick else 10)
        ours_small = _ingest(work, small)
        ours_large = _ingest(work, large)
        ours, count = (ours_large, len(records)) if quick else (ours_small, len(records))
        peer_count = min(len(records), 2_500 if quick else 10_000)
        peer = _datatrove(work, "many", records[:peer_count])
        start = _datatrove(work, "few", records[:100])
    growth = ours_large.peak_mb / ours_small.peak_mb
    peak_mb = max(ours_small.peak_mb, ours_large.peak_mb)
    peer_rate = (peer_count - 100) / (peer.cpu_seconds - start.cpu_seconds)
    _report(ours, count, peer, peer_count, peer_rate, growth, peak_mb)


def _write_records(path: Path, records: list[dict[str, str]], copies: int) -> Path:
    """The records, and further copies with the words of their answers shuffled, so that they are no near copies."""
    shuffler = random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        for copy in range(copies):
            for record in records:
                if copy:
                    words = f"{record['output']} {record['instruction']}".split()
                    shuffler.shuffle(words)
                    record = {**record, "output": " ".join(words)}
                file.write(json.dumps(record) + "\n")
    return path


def _ingest(work: Path, logs: Path) -> Cost:
    database = work / f"{logs.stem}.db"
    command = [sys.executable, "-m", "coachlm", "ingest", str(logs), "--db", f"sqlite:///{database}", "--json"]
    return run_accounted(command)


def _datatrove(work: Path, name: str, records: list[dict[str, str]]) -> Cost:
    source = work / name
    source.mkdir()
    with (source / "records.jsonl").open("w", encoding="utf-8") as file:
        for number, record in enumerate(records):
            file.write(json.dumps({"text": "\n".join(record.values()), "id": str(number)}) + "\n")
    module = "benchmarks.intake.datatrove_minhash"
    return run_accounted([sys.executable, "-m", module, str(source), str(work / f"{name}-work")])


def _report(
    ours: Cost, count: int, peer: Cost, peer_count: int, peer_rate: float, growth: float, peak_mb: float
) -> None:
    rate = count / ours.cpu_seconds
    print(f"{'':34}{'records':>9}{'CPU s':>9}{'wall s':>9}{'rec/CPU s':>11}{'peak MB':>9}")
    for name, cost, number in (("coachlm ingest", ours, count), ("datatrove length + MinHash", peer, peer_count)):
        speed = number / cost.cpu_seconds
        print(f"{name:34}{number:9,}{cost.cpu_seconds:9.1f}{cost.wall_seconds:9.1f}{speed:11,.0f}{cost.peak_mb:9.0f}")
    print(f"the ratio leaves datatrove's start-up out ({peer_rate:,.0f} rec/CPU s without it) and keeps ours in")
    print(f"memory with ten times the input: × {growth:.2f}; cores used: {ours.cpu_seconds / ours.wall_seconds:.2f}")
    figures = {
        "pairs_per_cpu_second": round(rate, 1),
        "ratio_to_datatrove": round(rate / peer_rate, 2),
        "peak_rss_mb": round(peak_mb, 1),
        "rss_growth_ratio": round(growth, 3),
        "pairs_per_second": round(count / ours.wall_seconds, 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
