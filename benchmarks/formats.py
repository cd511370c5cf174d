"""What every file of real logs yields: records, conversations, pairs, rejects by reason.

    python -m benchmarks.formats [--quick] [--folder DIR]

Reads `logs/` in the folder of public data sets (COACHLM_DATA_DIR). Prints one row a file (one a folder of recorded
sessions), then one JSON line of totals. `unaccounted` counts records that came to nothing; it must be 0. Where
COACHLM_CASES_DIR names a folder of shapes from public reports, `cases` and `cases_right` tell how many of them come
out as expected; `formats` is the number of log formats that are read.
"""

import json
import os
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.public_cases import public_cases
from coachlm.pairs import Position, Reject
from streams.reading.formats import FORMATS, assemble, parse_record
from streams.reading.join import Joiner
from streams.reading.sources import expand, read_source
from streams.reading.sources.records import Conversation, Fragment, Parsed, ParseOptions, RawRecord
from streams.reading.turns import conversation_pairs

_OPTIONS = ParseOptions()
_QUICK_BYTES = 200_000


@dataclass(slots=True)
class Yield:
    """What the files of one row came to."""

    records: int = 0
    conversations: int = 0
    pairs: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    ended: set[tuple[str, int]] = field(default_factory=set)  # source and number of records that came to something
    seconds: float = 0.0

    def count(self, outcome: Conversation | Reject) -> None:
        if isinstance(outcome, Reject):
            self.reasons[outcome.reason] += 1
            return
        self.conversations += 1
        self.formats[outcome.format] += 1
        for item in conversation_pairs(outcome, "each", lambda texts: (list(texts), {}), str).items:
            if isinstance(item, Reject):
                self.reasons[item.reason] += 1
            else:
                self.pairs += 1


def measure(paths: Sequence[str]) -> Yield:
    """All files of a row together, so that halves in different files find one another."""
    result, joiner = Yield(), Joiner(64_000_000)
    for path in paths:
        started = time.perf_counter()
        for record in read_source(path, _OPTIONS):
            result.records += 1
            for parsed in _parse(record):
                _note(result, parsed.position)
                _take(result, parsed, joiner)
        for group in joiner.end_of_source(path):
            _finish(result, group)
        result.seconds += time.perf_counter() - started
    for reject in joiner.flush():
        result.count(reject)
    return result


def _parse(record: RawRecord | Reject) -> list[Parsed]:
    return [record] if isinstance(record, Reject) else parse_record(record, _OPTIONS)


def _note(result: Yield, position: Position) -> None:
    result.ended.add((position.source, position.record))


def _take(result: Yield, parsed: Parsed, joiner: Joiner) -> None:
    if not isinstance(parsed, Fragment):
        result.count(parsed)
        return
    for group in joiner.add(parsed):
        _finish(result, group)
    for reject in joiner.take_rejects():
        result.count(reject)


def _finish(result: Yield, group: list[Fragment]) -> None:
    for outcome in assemble(group):
        result.count(outcome)


def _rows(logs: Path, quick: bool) -> Iterator[tuple[str, list[str]]]:
    """A row a file; small files of recorded sessions, and the two halves of batches, are a row a folder."""
    grouped: dict[str, list[str]] = {}
    for path in expand([str(logs)]):
        place = Path(path).relative_to(logs)
        whole = place.parts[0] in ("openllmetry_cassettes", "openai_batch")
        grouped.setdefault(str(place.parent) if whole else str(place), []).append(path)
    for name, paths in sorted(grouped.items()):
        if not quick or sum(Path(path).stat().st_size for path in paths) < _QUICK_BYTES:
            yield name, paths


def _table(rows: dict[str, Yield]) -> str:
    lines = ["| logs | records | conversations | pairs | rejects | formats |", "|---|--:|--:|--:|---|---|"]
    for name, row in rows.items():
        reasons = ", ".join(f"{reason} {count}" for reason, count in row.reasons.most_common()) or "–"
        formats = ", ".join(name for name, _ in row.formats.most_common()) or "–"
        lines.append(f"| `{name}` | {row.records} | {row.conversations} | {row.pairs} | {reasons} | {formats} |")
    return "\n".join(lines)


def main() -> None:
    parser = ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="small files only")
    parser.add_argument("--folder", help="the folder of logs; default: logs/ in COACHLM_DATA_DIR")
    arguments = parser.parse_args()
    folder = arguments.folder or Path(os.environ.get("COACHLM_DATA_DIR", "")) / "logs"
    if not Path(folder).is_dir():
        sys.exit("set COACHLM_DATA_DIR to the folder of public data sets, or give --folder")
    rows = {name: measure(paths) for name, paths in _rows(Path(folder), arguments.quick)}
    print(_table(rows))
    reasons = sum((row.reasons for row in rows.values()), Counter[str]())
    records = sum(row.records for row in rows.values())
    cases = public_cases(os.environ.get("COACHLM_CASES_DIR", ""))
    figures = {
        "cases": len(cases),
        "cases_right": sum(cases.values()),
        "formats": len(FORMATS),
        "records": records,
        "conversations": sum(row.conversations for row in rows.values()),
        "pairs": sum(row.pairs for row in rows.values()),
        "rejects": sum(reasons.values()),
        "rejects_by_reason": dict(reasons.most_common()),
        "unaccounted": records - sum(len(row.ended) for row in rows.values()),
        "seconds": round(sum(row.seconds for row in rows.values()), 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
