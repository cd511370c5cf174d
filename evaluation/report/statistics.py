"""Lengths and word edits of pairs before and after (paper Table VII), counted as pairs come, in memory that does not
grow with their number."""

from bisect import bisect_right
from collections import Counter, defaultdict
from dataclasses import dataclass

from coachlm.pairs import InstructionPair
from coachlm.revision import Field, Outcome
from coachlm.text.distance import word_distance

BIN_EDGES = (
    0,
    1,
    2,
    3,
    5,
    7,
    10,
    15,
    20,
    30,
    50,
    70,
    100,
    150,
    200,
    300,
    500,
    700,
    1_000,
    1_500,
    2_000,
    3_000,
    5_000,
    10_000,
)
"""Bin i holds the values from edge i up to below edge i + 1; the last one everything from its edge on."""

_LONGEST = 20_000
"""Larger values count as this one in quantiles and bins (not in means), which bounds memory."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """Of whole numbers: lengths or distances in words. `bins` follow BIN_EDGES; all zero when there are no values."""

    count: int
    mean: float
    median: int
    p90: int
    maximum: int
    bins: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TextStatistics:
    """One text of the pairs: words before and after, words to insert, delete or replace, texts that differ at all."""

    before: Distribution
    after: Distribution
    distance: Distribution
    changed: int

    @property
    def share_changed(self) -> float:
        return self.changed / max(1, self.before.count)


@dataclass(frozen=True, slots=True)
class GroupStatistics:
    """A group of pairs; `changed` counts those of which any text differs."""

    pairs: int
    changed: int
    texts: dict[Field, TextStatistics]


@dataclass(frozen=True, slots=True)
class Statistics:
    """All pairs, and those of each outcome that occurred."""

    all: GroupStatistics
    by_outcome: dict[Outcome, GroupStatistics]


@dataclass(frozen=True, slots=True)
class PaperFigures:
    """A row pair of Table VII: average words and average word edits on Alpaca 52k."""

    words_before: float
    words_after: float
    distance: float


PAPER_INSTRUCTION = PaperFigures(17.7, 16.8, 3.4)
PAPER_RESPONSE = PaperFigures(43.9, 143.1, 128.7)
"""Source: paper Table VII. How words were counted is not said; white-space words of Alpaca 52k are 14.0 on average for
instruction with input, and 44.2 for the response."""


class _Values:
    """Whole numbers as they come."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._sum = self._maximum = 0

    def add(self, value: int) -> None:
        self._counts[min(value, _LONGEST)] += 1
        self._sum += value
        self._maximum = max(self._maximum, value)

    def result(self) -> Distribution:
        count, values = self._counts.total(), sorted(self._counts.items())
        bins = [0] * len(BIN_EDGES)
        for value, times in values:
            bins[bisect_right(BIN_EDGES, value) - 1] += times
        return Distribution(
            count=count,
            mean=self._sum / max(1, count),
            median=_quantile(values, count * 0.5),
            p90=_quantile(values, count * 0.9),
            maximum=self._maximum,
            bins=tuple(bins),
        )


def _quantile(values: list[tuple[int, int]], rank: float) -> int:
    """The smallest value that `rank` values do not exceed."""
    seen = 0
    for value, times in values:
        seen += times
        if seen >= rank:
            return value
    return 0


@dataclass(frozen=True, slots=True)
class SetLengths:
    """Lengths in words of a data set's texts."""

    pairs: int
    texts: dict[Field, Distribution]


class SetLengthsCounter:
    """Takes a data set's pairs one by one."""

    def __init__(self) -> None:
        self._values = {field: _Values() for field in Field}

    def add(self, pair: InstructionPair) -> None:
        for field, values in self._values.items():
            values.add(len(text_of(pair, field).split()))

    def result(self) -> SetLengths:
        texts = {field: values.result() for field, values in self._values.items()}
        return SetLengths(texts[Field.RESPONSE].count, texts)


class _Group:
    def __init__(self) -> None:
        self._pairs = self._changed_pairs = 0
        self._changed: Counter[Field] = Counter()
        self._values = {field: (_Values(), _Values(), _Values()) for field in Field}

    def add(self, edits: "PairEdits") -> None:
        self._pairs += 1
        self._changed_pairs += bool(edits.changed)
        self._changed.update(edits.changed)
        for field, values in self._values.items():
            for kept, value in zip(values, edits.words[field], strict=True):
                kept.add(value)

    def result(self) -> GroupStatistics:
        texts = {
            field: TextStatistics(before.result(), after.result(), distance.result(), self._changed[field])
            for field, (before, after, distance) in self._values.items()
        }
        return GroupStatistics(self._pairs, self._changed_pairs, texts)


@dataclass(frozen=True, slots=True)
class PairEdits:
    """How far one pair's texts moved."""

    words: dict[Field, tuple[int, int, int]]  # before, after, distance
    changed: frozenset[Field]

    @property
    def distance(self) -> int:
        """Word edits of all three texts."""
        return sum(distance for _, _, distance in self.words.values())


def pair_edits(before: InstructionPair, after: InstructionPair) -> PairEdits:
    words: dict[Field, tuple[int, int, int]] = {}
    changed: set[Field] = set()
    for field in Field:
        old, new = text_of(before, field), text_of(after, field)
        if old == new:
            length = len(old.split())
            words[field] = (length, length, 0)
        else:
            words[field] = (len(old.split()), len(new.split()), word_distance(old, new))
            changed.add(field)
    return PairEdits(words, frozenset(changed))


def text_of(pair: InstructionPair, field: Field) -> str:
    return getattr(pair, field.value)


class StatisticsCounter:
    """Takes pairs one by one."""

    def __init__(self) -> None:
        self._all = _Group()
        self._by_outcome: defaultdict[Outcome, _Group] = defaultdict(_Group)

    def add(self, edits: PairEdits, outcome: Outcome) -> None:
        self._all.add(edits)
        self._by_outcome[outcome].add(edits)

    def result(self) -> Statistics:
        by_outcome = {outcome: self._by_outcome[outcome].result() for outcome in Outcome if outcome in self._by_outcome}
        return Statistics(self._all.result(), by_outcome)
