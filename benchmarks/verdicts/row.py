"""A row of the table: what a verdict found on one source, of what people labelled there."""

from collections.abc import Iterable
from dataclasses import dataclass

from coachlm.intervals import Interval, wilson_interval

NOW, RELEASED = "now", "0.1.0"


@dataclass(frozen=True, slots=True)
class Row:
    """Counts, from which precision and recall follow.

    `wanted` None: the figure is a share, `right` of `found`, under the verdict's own name (`class_accuracy`).
    """

    verdict: str
    source: str
    right: int
    found: int
    wanted: int | None = None
    rules: str = NOW  # or RELEASED: what 0.1.0 says of the same

    @property
    def precision(self) -> Interval | None:
        """Of what was found, the share that is right; None where nothing was found."""
        return wilson_interval(self.right / self.found, self.found) if self.found else None

    @property
    def recall(self) -> Interval | None:
        """Of what people labelled, the share that was found; None for shares and where nothing was labelled."""
        return wilson_interval(self.right / self.wanted, self.wanted) if self.wanted else None


def totals(rows: Iterable[Row]) -> list[Row]:
    """The rows of each verdict and set of rules added up over their sources."""
    sums: dict[tuple[str, str], Row] = {}
    for row in rows:
        before = sums.get((row.verdict, row.rules))
        sums[row.verdict, row.rules] = row if before is None else _sum(before, row)
    return list(sums.values())


def _sum(one: Row, two: Row) -> Row:
    wanted = None if one.wanted is None or two.wanted is None else one.wanted + two.wanted
    return Row(one.verdict, "all", one.right + two.right, one.found + two.found, wanted, one.rules)
