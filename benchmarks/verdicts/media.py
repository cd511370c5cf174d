"""Requests for media, or about media that aren't there: the verdict `multi_modal`."""

from benchmarks.verdicts.flagged import rows_of_flags
from benchmarks.verdicts.row import Row
from coachlm.text.filters.multi_modal import MultiModal


def rows(quick: bool) -> list[Row]:
    return rows_of_flags("multi_modal", MultiModal(), quick)
