"""What an export says about itself: its rows, texts and engines, counts that balance, hashes of its files."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

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

    Balances: `occurrences` = `pairs` + `exact_duplicates`; `pairs` = `rows` + the sum of `left_out`; `rows` = the
    sum of the files' rows. What never became a pair is counted by reason in `flow.rejects_by_reason`.
    """

    name: str
    format: str
    text: TextChoice
    statuses: tuple[Status, ...]  # pairs of these statuses were written
    test_share: float
    license: str | None
    rows: int
    left_out: dict[str, int]  # status → pairs that the choice left out
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
    where: str | None = None  # the expression that chose among them
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

    @property
    def rows(self) -> int:
        return self.by_status.total()

    def leave_out(self, row: DatasetRow) -> None:
        self.left_out[row.status.value] += 1

    def write(self, row: DatasetRow, choice: TextChoice) -> None:
        self.by_status[row.status.value] += 1
        self.by_text[text_stage(row, choice).value] += 1
        self.by_class[row.task_class.value if row.task_class else "none"] += 1
        self.by_language[row.provenance.language or "unknown"] += 1
        if row.revision is not None and choice is not TextChoice.RAW:
            self.engines[row.revision.engine] += 1
            if row.revision.adapter is not None:
                self.adapters[row.revision.adapter] += 1
        text = row.text(choice)
        self.words.update({name: len(value.split()) for name, value in text.as_dict().items()})

    def mean_words(self) -> dict[str, float]:
        return {name: round(total / max(1, self.rows), 2) for name, total in self.words.items()}


def check_balance(counts: FlowCounts, tally: Tally) -> None:
    """Raises: ExportError, naming the sums that differ; nothing may vanish between intake and data set."""
    seen = tally.by_status + tally.left_out
    _same("occurrences", counts.occurrences, "pairs + exact duplicates", counts.pairs + counts.exact_duplicates)
    _same("pairs in the store", counts.pairs, "pairs by status", sum(counts.by_status.values()))
    for status in sorted(seen.keys() | counts.by_status.keys()):
        _same(f"{status} pairs in the store", counts.by_status.get(status, 0), "those read", seen[status])
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
