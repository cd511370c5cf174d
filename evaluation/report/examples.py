"""Which pairs a report shows: chosen by what happened to them and by their ids; the same store shows the same ones."""

from bisect import insort
from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median_low

from coachlm.desk.dataset import DatasetRow
from coachlm.revision import Outcome
from coachlm.status import Status

_POOL = 200
_PER_GROUP = 3
_PER_REASON = 2
_MOST_REASONS = 30


class ExampleGroup(StrEnum):
    """Why a pair is shown."""

    MOST_CHANGED = "most changed"
    MEDIAN = "changed as much as the median"
    LIGHT = "lightly changed"
    FLAGGED = "revised, to be checked"
    UNCHANGED = "left as it was"
    FALLBACK = "fell back to the raw pair"
    EXCLUDED = "excluded"
    DUPLICATE = "near copies"


@dataclass(frozen=True, slots=True)
class Example:
    """A pair to show. `distance` is its word edits; 0 where no coach has seen it."""

    row: DatasetRow
    distance: int = 0


@dataclass(slots=True)
class _Lowest:
    """The examples with the lowest keys. Ids are hashes, so the lowest ids are a random sample that never changes."""

    room: int
    kept: list[tuple[int, str, Example]] = field(default_factory=list)

    def add(self, example: Example, rank: int = 0) -> None:
        key = (rank, example.row.pair_id)
        if len(self.kept) == self.room:
            if key >= self.kept[-1][:2]:
                return
            self.kept.pop()
        insort(self.kept, (*key, example), key=lambda entry: entry[:2])

    def examples(self) -> list[Example]:
        return [example for *_, example in self.kept]


class ExampleCollector:
    """Takes rows one by one and keeps a bounded number of them."""

    def __init__(self) -> None:
        self._most_changed = _Lowest(_PER_GROUP)
        self._changed = _Lowest(_POOL)
        self._flagged = _Lowest(_PER_GROUP)
        self._unchanged = _Lowest(_PER_REASON)
        self._by_reason: dict[ExampleGroup, defaultdict[str, _Lowest]] = {
            group: defaultdict(lambda: _Lowest(_PER_REASON)) for group in (ExampleGroup.FALLBACK, ExampleGroup.EXCLUDED)
        }
        self._duplicates = _Lowest(_PER_GROUP)

    def add(self, row: DatasetRow, distance: int) -> None:
        example = Example(row, distance)
        if row.status is Status.EXCLUDED:
            self._add_by_reason(ExampleGroup.EXCLUDED, row.exclude_reason or "unknown", example)
        elif row.status is Status.DUPLICATE:
            self._duplicates.add(example)
        elif row.revision is not None:
            self._add_revised(example, row.revision.outcome, row.revision.failure)

    def _add_revised(self, example: Example, outcome: Outcome, reason: str | None) -> None:
        if outcome is Outcome.UNCHANGED:
            self._unchanged.add(example)
        elif outcome is not Outcome.REVISED:
            self._add_by_reason(ExampleGroup.FALLBACK, reason or outcome.value, example)
        else:
            self._changed.add(example)
            self._most_changed.add(example, rank=-example.distance)
            if example.row.revision is not None and example.row.revision.flags:
                self._flagged.add(example)

    def _add_by_reason(self, group: ExampleGroup, reason: str, example: Example) -> None:
        reasons = self._by_reason[group]
        if reason in reasons or len(reasons) < _MOST_REASONS:
            reasons[reason].add(example)

    def result(self) -> dict[ExampleGroup, list[Example]]:
        """Groups in reading order, without empty ones; no pair stands twice."""
        pool = self._changed.examples()
        middle = median_low([example.distance for example in pool] or [0])
        candidates = {
            ExampleGroup.MOST_CHANGED: self._most_changed.examples(),
            ExampleGroup.FLAGGED: self._flagged.examples(),
            ExampleGroup.MEDIAN: sorted(pool, key=lambda example: abs(example.distance - middle)),
            ExampleGroup.LIGHT: sorted(pool, key=lambda example: example.distance),
            ExampleGroup.UNCHANGED: self._unchanged.examples(),
            ExampleGroup.FALLBACK: self._of_reasons(ExampleGroup.FALLBACK),
            ExampleGroup.EXCLUDED: self._of_reasons(ExampleGroup.EXCLUDED),
            ExampleGroup.DUPLICATE: self._duplicates.examples(),
        }
        shown: set[str] = set()
        groups: dict[ExampleGroup, list[Example]] = {}
        for group, examples in candidates.items():
            fresh = [example for example in examples if example.row.pair_id not in shown]
            limited = fresh if group in self._by_reason else fresh[:_PER_GROUP]
            shown.update(example.row.pair_id for example in limited)
            if limited:
                groups[group] = limited
        return groups

    def _of_reasons(self, group: ExampleGroup) -> list[Example]:
        return [example for _, kept in sorted(self._by_reason[group].items()) for example in kept.examples()]
