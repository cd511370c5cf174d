"""What an export says about itself: its rows, texts and engines, counts that balance, hashes of its files."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from coachlm.desk.dataset import DatasetRow, FlowCounts, TextChoice
from coachlm.errors import ExportError
from coachlm.revision import Outcome
from coachlm.status import Status

MANIFEST_NAME = "manifest.json"
MANIFEST_SCHEMA = "coachlm-dataset/1"


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One file of the data set."""

    name: str
    split: str | None  # None for files without rows
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """`manifest.json`, written last: a folder without one holds no complete data set.

    Balances: `flow.occurrences` = `flow.pairs` + `flow.exact_duplicates`; `flow.pairs` = `pairs` + the sums of
    `left_out` and `left_out_because`; `rows` = the sum of the files' rows. What never became a pair is counted by
    reason in `flow.rejects_by_reason`. `rows_by_…` count pairs; where a row is a pair, that is the same.
    """

    name: str
    format: str
    text: TextChoice
    statuses: tuple[Status, ...]  # pairs of these statuses were written
    test_share: float
    license: str | None
    rows: int
    left_out: dict[str, int]  # status → pairs that the choice of statuses left out
    rows_by_status: dict[str, int]
    rows_by_text: dict[str, int]  # whose text a row carries, see `text_stage`
    rows_by_class: dict[str, int]
    rows_by_language: dict[str, int]
    engines: dict[str, int]  # engine → rows it saw
    adapters: dict[str, int]  # content digest → rows it saw
    mean_words: dict[str, float]  # field → white-space separated words per row
    flow: FlowCounts
    files: tuple[ExportedFile, ...]
    created_at: str  # ISO 8601, UTC
    tool_version: str
    pairs: int = 0  # in the rows: several to a row of a whole conversation, several rows to a pair of preferences
    left_out_because: dict[str, int] = field(default_factory=dict)  # reason → pairs, beside the choice of statuses
    rows_are: str = "pairs"
    train_on: str | None = None  # of whole conversations: whose answers have the weight 1
    rejected: tuple[str, ...] = ()  # of preferences: where losing answers come from
    rows_by_rejected: dict[str, int] = field(default_factory=dict)
    rated_pairs: int = 0  # pairs of studies that became rows
    selection: dict[str, Any] = field(default_factory=dict)  # the conditions that were set
    validation_share: float = 0.0
    split_seed: str = ""
    columns: dict[str, str] = field(default_factory=dict)  # name → what it is
    schema: str = MANIFEST_SCHEMA

    def to_json(self) -> bytes:
        return (json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n").encode()


def text_stage(row: DatasetRow, choice: TextChoice) -> TextChoice:
    """Whose words `row.text(choice)` are: the people's, the coach's, or the log's (where the coach fell back, too)."""
    if choice is TextChoice.FINAL and row.final is not None:
        return TextChoice.FINAL
    revised = row.revision is not None and row.revision.outcome is Outcome.REVISED
    return TextChoice.REVISED if revised and choice is not TextChoice.RAW else TextChoice.RAW


@dataclass(slots=True)
class Tally:
    """Counts that grow while rows are written; memory does not depend on their number."""

    left_out: Counter[str] = field(default_factory=Counter)
    by_status: Counter[str] = field(default_factory=Counter)
    by_text: Counter[str] = field(default_factory=Counter)
    by_class: Counter[str] = field(default_factory=Counter)
    by_language: Counter[str] = field(default_factory=Counter)
    engines: Counter[str] = field(default_factory=Counter)
    adapters: Counter[str] = field(default_factory=Counter)
    words: Counter[str] = field(default_factory=Counter)

    by_rejected: Counter[str] = field(default_factory=Counter)
    because: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)  # all pairs by status, wherever they went
    rows: int = 0
    rated: int = 0

    @property
    def pairs(self) -> int:
        return self.by_status.total()

    def leave_out(self, row: DatasetRow, reason: str | None = None) -> None:
        """`reason`: where it is not the pair's status."""
        self.seen[row.status.value] += 1
        if reason is None:
            self.left_out[row.status.value] += 1
        else:
            self.because[reason] += 1

    def take_in(self, row: DatasetRow, choice: TextChoice) -> None:
        self.seen[row.status.value] += 1
        self.by_status[row.status.value] += 1
        self.by_text[text_stage(row, choice).value] += 1
        self.by_class[row.task_class.value if row.task_class else "none"] += 1
        self.by_language[row.provenance.language or "unknown"] += 1
        if row.revision is not None and choice is not TextChoice.RAW:
            self.engines[row.revision.engine] += 1
            if row.revision.adapter is not None:
                self.adapters[row.revision.adapter] += 1
        text = row.own_text(choice)
        self.words.update({name: len(value.split()) for name, value in text.as_dict().items()})

    def mean_words(self) -> dict[str, float]:
        return {name: round(total / max(1, self.pairs), 2) for name, total in self.words.items()}


def check_balance(counts: FlowCounts, tally: Tally) -> None:
    """Raises: ExportError, naming the sums that differ; nothing may vanish between intake and data set."""
    seen = tally.seen
    _same("occurrences", counts.occurrences, "pairs + exact duplicates", counts.pairs + counts.exact_duplicates)
    _same("pairs in the store", counts.pairs, "pairs by status", sum(counts.by_status.values()))
    for status in sorted(seen.keys() | counts.by_status.keys()):
        _same(f"{status} pairs in the store", counts.by_status.get(status, 0), "those read", seen[status])
    gone = tally.left_out.total() + tally.because.total()
    _same("pairs in the store", counts.pairs, "pairs written and left out", tally.pairs + gone)
    excluded = counts.by_status.get(Status.EXCLUDED.value, 0)
    _same("excluded pairs", excluded, "exclusions by reason", sum(counts.excluded_by_reason.values()))


def _same(what: str, left: int, other: str, right: int) -> None:
    if left != right:
        raise ExportError(
            f"the counts do not balance: {what} {left:,}, {other} {right:,}; no data set was written. If intake or "
            "the queue was at work meanwhile, export again; otherwise run `coachlm doctor`"
        )


def is_export(folder: Path) -> bool:
    """Whether the folder holds a data set that this project wrote, in any version."""
    try:
        found = json.loads((folder / MANIFEST_NAME).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(found, dict) and str(found.get("schema", "")).startswith("coachlm-dataset/")
