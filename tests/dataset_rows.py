"""Factories for data set rows and the counts that belong to them."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from coachlm.desk.dataset import DatasetRow, FlowCounts
from coachlm.pairs import ExcludeReason, InstructionPair, Position, Provenance, TaskClass
from coachlm.revision import Outcome, Revision
from coachlm.status import Status
from exports.choices.export_formats import ExportFormat

PAIR_FORMATS = (
    ExportFormat.ALPACA,
    ExportFormat.SHAREGPT,
    ExportFormat.CHAT,
    ExportFormat.JSONL,
    ExportFormat.PARQUET,
    ExportFormat.CSV,
)
"""Those that hold every pair, whatever was made of it."""


def make_row(
    raw: InstructionPair | tuple[str, str, str] = ("Name a fruit", "", "aple"),
    revised: tuple[str, str, str] | None = None,
    status: Status = Status.ACCEPTED,
    *,
    record: int = 0,
    session: str | None = None,
    outcome: Outcome | None = None,
    reason: str | None = None,
    **fields: Any,
) -> DatasetRow:
    pair = raw if isinstance(raw, InstructionPair) else InstructionPair(*raw)
    revision = fields.pop("revision", None)
    if revised is not None or outcome is not None:
        text = InstructionPair(*revised) if revised else pair
        found = outcome or Outcome.REVISED
        revision = Revision(pair.id, text, found, engine="rules", adapter=fields.pop("adapter", None), reason=reason)
    if status is Status.EXCLUDED:
        fields.setdefault("exclude_reason", ExcludeReason.INVALID_INPUT)
    return DatasetRow(
        pair_id=pair.id,
        status=status,
        raw=pair,
        provenance=Provenance(
            Position("logs/chat.jsonl", record), "openai_chat", session_hash=session, user_hash="5a1ed", language="en"
        ),
        task_class=TaskClass.QA,
        revision=revision,
        **fields,
    )


def counts_of(rows: Sequence[DatasetRow], **fields: Any) -> FlowCounts:
    """The counts of a store that holds exactly these rows."""
    revisions = [row.revision for row in rows if row.revision is not None]
    return FlowCounts(
        occurrences=len(rows) + fields.get("exact_duplicates", 0),
        pairs=len(rows),
        by_status=dict(Counter(row.status.value for row in rows)),
        excluded_by_reason=dict(Counter(row.exclude_reason.value for row in rows if row.exclude_reason)),
        revisions_by_outcome=dict(Counter(revision.outcome.value for revision in revisions)),
        fallbacks_by_reason=dict(Counter(revision.reason for revision in revisions if revision.reason)),
        flags_by_kind=dict(Counter(flag.kind.value for revision in revisions for flag in revision.flags)),
        by_class=dict(Counter(row.task_class.value for row in rows if row.task_class)),
        **fields,
    )
