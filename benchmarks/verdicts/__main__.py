"""Every verdict of intake on labelled data: precision and recall by source with 95 % intervals, beside 0.1.0's rules.

The labels are people's or this project's own (ids and labels only); docs/measurements/verdicts.md says how they were
made. The last line is JSON: `<verdict>_precision` and `<verdict>_recall` over all sources, and of the worst source.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from benchmarks.verdicts.row import NOW, Row, totals
from coachlm.intervals import Interval

FAMILIES = ("safety", "refusal", "media", "workload", "classes", "language", "near_copies", "personal_data")
"""Modules of this package, each with `rows(quick) -> list[Row]`."""

_HEAD = (
    f"{'verdict':22}{'source':20}{'rules':7}{'precision':>10}{'95 %':>14}{'recall':>8}{'95 %':>14}"
    f"{'right/found/all':>18}"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer records; within 50 s on 2 cores")
    parser.add_argument("--only", choices=FAMILIES, action="append", help="This family alone; may be repeated.")
    options = parser.parse_args()
    if not os.environ.get("COACHLM_DATA_DIR"):
        sys.exit("set COACHLM_DATA_DIR to the folder of public data sets (docs/reference/public-data.md)")
    figures: dict[str, float | None] = {}
    print(_HEAD)
    for family in options.only or FAMILIES:
        if find_spec(f"benchmarks.verdicts.{family}") is None:
            continue
        rows_of: Callable[[bool], list[Row]] = import_module(f"benchmarks.verdicts.{family}").rows
        rows = rows_of(options.quick)
        sums = totals(rows)
        for row in sorted([*rows, *(added for added in sums if added not in rows)], key=lambda r: (r.verdict, r.rules)):
            print(_line(row))
        figures |= _figures(rows, sums)
    print(json.dumps(figures))


def _line(row: Row) -> str:
    counts = "/".join(str(count) for count in (row.right, row.found, row.wanted) if count is not None)
    shares = f"{_share(row.precision, 10)}{_share(row.recall, 8)}"
    return f"{row.verdict:22}{row.source:20}{row.rules:7}{shares}{counts:>18}"


def _share(share: Interval | None, width: int) -> str:
    if share is None:
        return " " * (width + 14)
    return f"{share.value:{width}.3f}{f'{share.low:.3f}–{share.high:.3f}':>14}"


def _figures(rows: list[Row], sums: list[Row]) -> dict[str, float | None]:
    figures: dict[str, float | None] = {}
    for total in sums:
        if total.rules != NOW:
            continue
        alike = [row for row in rows if row.verdict == total.verdict and row.rules == NOW]
        if total.wanted is None:
            figures[total.verdict] = _value(total.precision)
            continue
        for name in ("recall", "precision"):
            figures[f"{total.verdict}_{name}"] = _value(getattr(total, name))
            each = [value for row in alike if (value := _value(getattr(row, name))) is not None]
            figures[f"{total.verdict}_{name}_worst_source"] = min(each, default=None)
    return figures


def _value(share: Interval | None) -> float | None:
    return None if share is None else round(share.value, 4)


if __name__ == "__main__":
    main()
