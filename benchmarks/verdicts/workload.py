"""Requests whose revision would be rewriting: the verdict `massive_workload`."""

from benchmarks.verdicts.flagged import rows_of_flags
from benchmarks.verdicts.row import Row
from coachlm.settings import load_settings
from coachlm.text.filters.workload import MassiveWorkload


def rows(quick: bool) -> list[Row]:
    limits = load_settings().filters
    return rows_of_flags("massive_workload", MassiveWorkload(limits.max_requested_words, limits.max_verse_lines), quick)
