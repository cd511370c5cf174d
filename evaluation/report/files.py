"""One HTML page, complete in itself, that shows what became of the logs, with the same figures as JSON beside it."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coachlm.desk.dataset import DatasetRow, FlowCounts
from coachlm.errors import ExportError
from coachlm.machine.files import write_whole
from evaluation.report.examples import ExampleCollector
from evaluation.report.flow_chart import Stages
from evaluation.report.page import render_page
from evaluation.report.statistics import (
    BIN_EDGES,
    PAPER_INSTRUCTION,
    PAPER_RESPONSE,
    Statistics,
    StatisticsCounter,
    pair_edits,
)

_SCHEMA = "coachlm-report/1"


@dataclass(frozen=True, slots=True)
class ReportSummary:
    """What the page shows, without its examples. `stages`: status → outcome of the revision (or `none`) → pairs."""

    title: str
    created_at: str  # ISO 8601, UTC
    rows: int
    counts: FlowCounts
    stages: dict[str, dict[str, int]]
    statistics: Statistics
    html: Path
    json: Path

    def as_dict(self) -> dict[str, Any]:
        """For JSON; the bins' edges and the paper's figures stand beside the statistics."""
        paper = {"instruction_with_input": asdict(PAPER_INSTRUCTION), "response": asdict(PAPER_RESPONSE)}
        summary = asdict(self) | {"html": self.html.name, "json": self.json.name}
        return {"schema": _SCHEMA, **summary, "bin_edges": BIN_EDGES, "paper_table_vii": paper}


def write_report(rows: Iterable[DatasetRow], counts: FlowCounts, path: Path, title: str) -> ReportSummary:
    """Write the page to `path` and its figures beside it with the suffix `.json`, each complete or not at all.

    One pass over the rows in memory that does not grow with them. Before is the raw pair, after the coach's.

    Raises: ExportError, when the files can't be written.
    """
    statistics, examples = StatisticsCounter(), ExampleCollector()
    stages: Stages = Counter()
    for row in rows:
        stages[row.status, row.revision.outcome if row.revision else None] += 1
        distance = 0
        if row.revision is not None:
            edits = pair_edits(row.raw, row.revision.revised)
            statistics.add(edits, row.revision.outcome)
            distance = edits.distance
        examples.add(row, distance)
    summary = ReportSummary(
        title=title,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        rows=stages.total(),
        counts=counts,
        stages=_nested(stages),
        statistics=statistics.result(),
        html=path,
        json=path.with_suffix(".json"),
    )
    page = render_page(title, summary.created_at, counts, stages, summary.statistics, examples.result())
    write_page(path, page)
    write_page(summary.json, json.dumps(summary.as_dict(), indent=2, ensure_ascii=False) + "\n")
    return summary


def _nested(stages: Stages) -> dict[str, dict[str, int]]:
    nested: dict[str, dict[str, int]] = {}
    for (status, outcome), count in sorted(stages.items(), key=lambda item: (item[0][0], item[0][1] or "")):
        nested.setdefault(status.value, {})[outcome.value if outcome else "none"] = count
    return nested


def write_page(path: Path, text: str) -> None:
    """Complete or not at all. Raises: ExportError."""
    try:
        write_whole(path, text.encode("utf-8", "replace"))
    except OSError as error:
        raise ExportError(
            f"can't write the report to {path}: {error.strerror or error}. Make room, check the permissions or choose "
            "another place"
        ) from error
