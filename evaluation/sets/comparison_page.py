"""The page of two data sets side by side; texts of the sets stay text throughout."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from coachlm import __version__
from coachlm.desk.categories import PAPER_SHARES, RevisionCategory
from coachlm.revision import Field
from evaluation.report.files import write_page
from evaluation.report.page import ShownText, change_plots, page_environment, show_text, table_vii
from evaluation.report.plots import plot_lengths
from evaluation.sets.comparison import Change, SetComparison


@dataclass(frozen=True, slots=True)
class _CategoryRow:
    name: str
    count: int
    share: float
    paper: float


@dataclass(frozen=True, slots=True)
class _ShownChange:
    title: str
    category: str
    distance: int
    texts: tuple[ShownText, ...]


def write_comparison(comparison: SetComparison, path: Path) -> None:
    """The page at `path`, its figures beside it with the suffix `.json`. Raises: ExportError."""
    page = (
        page_environment()
        .get_template("comparison.html")
        .render(
            title=f"{comparison.names[0]} and {comparison.names[1]}",
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            version=__version__,
            comparison=comparison,
            fields=list(Field),
            table=table_vii(comparison.statistics.all),
            categories=_categories(comparison),
            plots=_plots(comparison),
            changes=[_show(change) for change in comparison.examples],
        )
    )
    write_page(path, page)
    write_page(path.with_suffix(".json"), json.dumps(comparison.as_dict(), indent=2, ensure_ascii=False) + "\n")


def _plots(comparison: SetComparison) -> list[str]:
    """Of the pairs that belong together; of both sets as wholes where none do."""
    if comparison.matched:
        return change_plots(comparison.statistics.all)
    before, after = comparison.before.texts, comparison.after.texts
    return [
        plot_lengths(f"Length of {field.value}s", before[field], after[field])
        for field in (Field.INSTRUCTION, Field.RESPONSE)
    ]


def _categories(comparison: SetComparison) -> list[_CategoryRow]:
    shares = comparison.category_shares()
    return [
        _CategoryRow(each.value, comparison.categories.get(each, 0), shares[each], PAPER_SHARES[each])
        for each in RevisionCategory
    ]


def _show(change: Change) -> _ShownChange:
    texts = (show_text(field, change.before, change.after) for field in Field)
    return _ShownChange(
        change.before.instruction, change.category.value, change.edits.distance, tuple(t for t in texts if t.ops)
    )
