"""A page of tables and plots, its figures beside it as JSON and CSV: what every evaluation command can write."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coachlm import __version__
from coachlm.text.spreadsheets import defuse_cell
from evaluation.report.files import write_page
from evaluation.report.page import page_environment


@dataclass(frozen=True, slots=True)
class FigureTable:
    """A heading, what is to be known about the figures, and rows whose first cell is text."""

    heading: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    plots: Sequence[str] = field(default_factory=tuple)  # `<svg>` elements of `evaluation.report.plots`


def write_figures(title: str, tables: Sequence[FigureTable], figures: Mapping[str, Any], path: Path) -> None:
    """The page at `path`; beside it `figures` with the suffix `.json`, the tables with `.csv`. Raises: ExportError."""
    created_at = datetime.now(UTC).isoformat(timespec="seconds")
    template = page_environment().get_template("figures.html")
    write_page(path, template.render(title=title, created_at=created_at, version=__version__, tables=tables))
    record = {"title": title, "created_at": created_at, **figures}
    write_page(path.with_suffix(".json"), json.dumps(record, indent=2, ensure_ascii=False, default=str) + "\n")
    write_page(path.with_suffix(".csv"), _csv(tables))


def _csv(tables: Sequence[FigureTable]) -> str:
    """Every row with its table's heading in front; each table begins with its columns."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for table in tables:
        for row in (table.columns, *table.rows):
            writer.writerow([defuse_cell(cell) for cell in (table.heading, *row)])
    return text.getvalue()
