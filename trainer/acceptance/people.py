"""What people did with revisions, as labels of candidates: whether their final text is nearer to the coach's or to the
raw one, and whether the pair took them longer or shorter than raw pairs of its length do.

Both arms count: in the control arm people started from the raw text, so nearness to the coach's text that they never
saw is no habit of leaving what stands there. How long raw pairs take is known from that arm alone, whose pairs were
drawn at random; without it times say nothing and are left out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from coachlm.acceptance.candidates import Candidate, Origin
from coachlm.acceptance.choosing import ACCEPTED
from coachlm.acceptance.features import measure
from coachlm.desk.dataset import DatasetRow
from coachlm.desk.efficiency import LONGEST_SECONDS, SHORTEST_SECONDS, Arm
from coachlm.revision import Outcome, Revision
from coachlm.status import Status
from coachlm.text.moves import pair_words_left
from trainer.acceptance.fitting import Example
from trainer.plan.revisions import ApprovedPairs

_NEARER = 0.9  # of the words that the raw text leaves: from here down the coach's text saved some
_FASTER, _SLOWER = 0.5, 2.0  # times what a raw pair of this length takes
_STEP = 0.5  # between worse, the same and better
_LEAST_CONTROL = 20


@dataclass(frozen=True, slots=True)
class RawTimes:
    """Seconds that people take from raw pairs, by their length: a line through the logarithms of the control arm."""

    base: float
    slope: float
    pairs: int

    def expected(self, words: int) -> float:
        return float(np.exp(self.base + self.slope * np.log1p(words)))


def people_examples(store: ApprovedPairs) -> list[Example]:
    """Of every approved pair that a coach had revised; whatever is excluded or unrevised says nothing."""
    rows = [row for row in store.dataset_rows(statuses=[Status.APPROVED]) if _says_something(row)]
    times = raw_times(rows)
    return list(_examples(rows, times))


def raw_times(rows: Iterable[DatasetRow]) -> RawTimes | None:
    """None where the control arm has too few pairs."""
    known = [(_words(row), _seconds(row)) for row in rows if row.arm is Arm.CONTROL]
    timed = [(np.log1p(words), np.log(seconds)) for words, seconds in known if seconds is not None]
    if len(timed) < _LEAST_CONTROL:
        return None
    words, logs = np.asarray(timed).T
    spread = float(((words - words.mean()) ** 2).sum())
    slope = float(((words - words.mean()) * (logs - logs.mean())).sum()) / spread if spread > 0 else 0.0
    slope = max(slope, 0.0)  # longer pairs don't take less
    return RawTimes(float(logs.mean() - slope * words.mean()), slope, len(timed))


def people_value(row: DatasetRow, times: RawTimes | None) -> float:
    """1 better, a half the same, 0 worse; see this module."""
    assert row.revision is not None
    assert row.final is not None
    left = pair_words_left(row.revision.revised, row.final)
    raw = pair_words_left(row.raw, row.final)
    value = 1.0 if left <= _NEARER * raw and left < raw else 0.0 if raw <= _NEARER * left and raw < left else 0.5
    seconds = _seconds(row)
    if times is not None and seconds is not None and row.arm is Arm.COACH:
        share = seconds / times.expected(_words(row))
        value += _STEP if share < _FASTER else -_STEP if share > _SLOWER else 0.0
    return min(max(value, 0.0), 1.0)


def _examples(rows: Sequence[DatasetRow], times: RawTimes | None) -> Iterator[Example]:
    for row in rows:
        assert row.revision is not None
        candidate = Candidate(_origin(row.revision), row.revision)
        (figures,) = measure(row.raw, [candidate])
        yield Example(row.pair_id, figures, people_value(row, times))


def _says_something(row: DatasetRow) -> bool:
    return row.final is not None and row.revision is not None and row.revision.outcome is Outcome.REVISED


def _origin(revision: Revision) -> Origin:
    """As the choice noted it; what an engine made without a choice is its likeliest text."""
    kind = (revision.reason or "").partition(":")[0].removeprefix(f"{ACCEPTED}_")
    return Origin(kind) if kind in set(Origin) else Origin.GREEDY


def _words(row: DatasetRow) -> int:
    return sum(len(text.split()) for text in (row.raw.instruction, row.raw.input, row.raw.response))


def _seconds(row: DatasetRow) -> float | None:
    """None where no time was measured, or one that is none."""
    if row.active_seconds is None or not row.active_seconds > 0:
        return None
    return min(max(row.active_seconds, SHORTEST_SECONDS), LONGEST_SECONDS)
