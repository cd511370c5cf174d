"""The rows of a data set, one after another, from the pairs of a store; what is left out is counted with a reason."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from coachlm.desk.dataset import DatasetRow, TextChoice
from coachlm.desk.studies import RatedVersions
from coachlm.status import Status
from exports.choices.export_formats import PREFERENCES, Rejected
from exports.choices.export_options import PROVENANCE_COLUMNS, ExportOptions
from exports.choices.splits import conversation_key, key_of
from exports.manifest import Tally, text_stage
from exports.shapes.chat_shapes import Record
from exports.shapes.conversations import branches
from exports.shapes.preferences import (
    comparisons,
    is_marked_bad,
    rated_comparisons,
    rated_verdicts,
    verdicts,
)
from exports.shapes.rows import comparison_record, conversation_record, is_labelled, pair_record, verdict_record


@dataclass(frozen=True, slots=True)
class ExportedRow:
    """A record, and what its conversation is known by; `name` says in messages which pair it is."""

    record: Record
    conversation: str
    name: str


def read_statuses(options: ExportOptions) -> frozenset[Status]:
    """Pairs of which statuses are needed for a data set."""
    return options.statuses | ({Status.EXCLUDED} if Rejected.LOG in options.losers and is_labelled(options) else set())


def exported_rows(
    rows: Iterable[DatasetRow], options: ExportOptions, tally: Tally, rated: Iterable[RatedVersions] = ()
) -> Iterator[ExportedRow]:
    """`rows`: where `options.is_whole`, with the turns of each conversation next to one another. `rated`: what raters
    thought, for preferences that ask for it."""
    if options.is_whole:
        for _, turns in groupby(rows, _conversation):
            yield from _whole(list(turns), options, tally)
    else:
        for row in rows:
            if _is_chosen(row, options, tally):
                yield from _single(row, options, tally)
    if options.format in PREFERENCES and Rejected.RATINGS in options.losers:
        for versions in rated:
            yield from _rated(versions, options, tally)


def _conversation(row: DatasetRow) -> str:
    """A pair without a conversation is one of its own."""
    return row.provenance.conversation or f"pair {row.pair_id}"


def _is_chosen(row: DatasetRow, options: ExportOptions, tally: Tally) -> bool:
    if row.status not in options.statuses and not is_marked_bad(row, options):
        tally.leave_out(row)
        return False
    reason = options.selection.why_not(row, options.text)
    if reason is not None:
        tally.leave_out(row, f"not chosen: {reason}")
    return reason is None


def _whole(turns: list[DatasetRow], options: ExportOptions, tally: Tally) -> Iterator[ExportedRow]:
    chosen = [row for row in turns if _is_chosen(row, options, tally)]
    for branch in branches(chosen):
        record = conversation_record(branch, options)
        for row in branch.rows:
            if isinstance(record, str):
                tally.leave_out(row, record)
            else:
                tally.take_in(row, options.text)
        if not isinstance(record, str):
            yield _row(record, branch.last, options, tally)


def _single(row: DatasetRow, options: ExportOptions, tally: Tally) -> Iterator[ExportedRow]:
    records = _records(row, options, tally)
    if isinstance(records, str):
        tally.leave_out(row, records)
        return
    tally.take_in(row, options.text)
    for record in records:
        yield _row(record, row, options, tally)


def _records(row: DatasetRow, options: ExportOptions, tally: Tally) -> list[Record] | str:
    """What becomes of a pair, or why nothing does."""
    if options.format not in PREFERENCES:
        record = pair_record(row, options)
        return record if isinstance(record, str) else [record]
    if is_labelled(options):
        found = verdicts(row, options)
        if isinstance(found, str):
            return found
        tally.by_rejected.update(verdict.source for verdict in found if verdict.source is not None)
        return [verdict_record(each, options) for each in found]
    compared = comparisons(row, options)
    if isinstance(compared, str):
        return compared
    tally.by_rejected.update(each.source for each in compared)
    return [comparison_record(each, options) for each in compared]


def _rated(versions: RatedVersions, options: ExportOptions, tally: Tally) -> Iterator[ExportedRow]:
    if is_labelled(options):
        records = [verdict_record(each, options) for each in rated_verdicts(versions, options)]
    else:
        records = [comparison_record(each, options) for each in rated_comparisons(versions, options)]
    name = f"study {versions.study}, item {versions.item}"
    key = name if versions.beginning is None else key_of(versions.beginning)
    tally.rated += bool(records)
    tally.by_rejected.update([Rejected.RATINGS] if records else [])
    for record in records:
        tally.rows += 1
        empty = dict.fromkeys(PROVENANCE_COLUMNS, "") if options.provenance else {}
        yield ExportedRow(record | empty, key, name)


def _row(record: Record, row: DatasetRow, options: ExportOptions, tally: Tally) -> ExportedRow:
    tally.rows += 1
    if options.provenance:
        record |= provenance(row, options.text)
    return ExportedRow(record, conversation_key(row), f"pair {row.pair_id}")


def provenance(row: DatasetRow, choice: TextChoice) -> dict[str, str]:
    """The values of PROVENANCE_COLUMNS; empty instead of null, so that loaders infer text for every column."""
    revision = row.revision if choice is not TextChoice.RAW else None
    values = (
        row.pair_id,
        row.status,
        text_stage(row, choice),
        row.task_class,
        row.provenance.format,
        row.provenance.language,
        revision and revision.engine,
        revision and revision.adapter,
        revision and revision.outcome,
        row.exclude_reason,
        row.duplicate_of,
    )
    return {name: str(value or "") for name, value in zip(PROVENANCE_COLUMNS, values, strict=True)}
