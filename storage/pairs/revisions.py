"""The coach's answers: stored once a pair, and handed to the post-edit queue."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select, update

from coachlm.desk.signals import Mark, mark_of
from coachlm.desk.work import ItemState
from coachlm.pairs import InstructionPair
from coachlm.revision import Field, Flag, FlagKind, Outcome, Revision
from coachlm.status import Status, check_transition
from storage.engine.bulk import Row, insert_rows, is_among
from storage.engine.results import columns_of, each_row
from storage.pairs.rollups import count_stages, revised_event
from storage.tables.columns import optional_to_column, to_column, to_json, to_micros
from storage.tables.desk import EventRow, QueueItemRow, RevisionRow, StoredFlag
from storage.tables.pairs import OccurrenceRow, PairRow
from storage.tables.rows import StoredRevision

NORMAL_PRIORITY = 100


class AcceptedPair(NamedTuple):
    """A locked pair that waits for the coach."""

    seq: int
    id: str
    status: str
    task_class: str | None
    corrected_class: str | None


class QueueItem(NamedTuple):
    """A row of `QueueItemRow`."""

    pair: int
    state: str
    task_class: str
    priority: int
    reserved_for: int | None
    arm: str | None
    queued_at: datetime
    place: int


def store_revisions(
    connection: Connection, revisions: Sequence[Revision], now: datetime, head_start: int = 0
) -> list[int]:
    """Those of pairs that are accepted; the pair moves on to `revised`. Gives the numbers of these pairs.

    `head_start`: how many earlier pairs one overtakes whose log calls the answer bad; as many overtake a good one.
    """
    waiting = _lock_accepted(connection, [revision.pair_id for revision in revisions])
    fresh: list[tuple[AcceptedPair, Revision]] = []
    for revision in revisions:
        pair = waiting.pop(revision.pair_id, None)
        if pair is not None:
            check_transition(pair.id, Status(pair.status), Status.REVISED)
            fresh.append((pair, revision))
    if not fresh:
        return []
    at, numbers = to_micros(now), [pair.seq for pair, _ in fresh]
    insert_rows(connection, RevisionRow, [_row(pair.seq, one, at) for pair, one in fresh], leaving_out="id")
    moved = {"status": Status.REVISED.value, "version": PairRow.version + 1}
    connection.execute(update(PairRow).where(is_among(connection, PairRow.seq.expression, numbers)).values(**moved))
    insert_rows(connection, EventRow, [_event(pair, one, at) for pair, one in fresh], leaving_out="id")
    moved_by = read_marks(connection, numbers) if head_start else {}
    items = [
        queue_item(
            pair.seq, pair.corrected_class or pair.task_class, now, moved=head_start * moved_by.get(pair.seq, Mark.NONE)
        )
        for pair, _ in fresh
    ]
    insert_rows(connection, QueueItemRow, [(*item[:-2], at, item.place) for item in items])
    count_stages(connection, *[revised_event(revision, now) for _, revision in fresh])
    return numbers


def revision_from_row(row: StoredRevision, pair_id: str, raw: InstructionPair) -> Revision:
    return Revision(
        pair_id=pair_id,
        revised=row.text or raw,
        outcome=Outcome(row.outcome),
        engine=row.engine,
        adapter=row.adapter,
        reason=row.reason,
        flags=tuple(_flag(flag) for flag in row.flags or ()),
        prompt_tokens=row.prompt_tokens,
        output_tokens=row.output_tokens,
        seconds=row.seconds,
    )


def _lock_accepted(connection: Connection, ids: list[str]) -> dict[str, AcceptedPair]:
    """In order of `seq`, so that two writers of the same pairs wait for one another instead of dying."""
    if not ids:
        return {}
    rows = connection.execute(
        select(*columns_of(PairRow, AcceptedPair))
        .where(is_among(connection, PairRow.id.expression, ids), PairRow.status == Status.ACCEPTED.value)
        .order_by(PairRow.seq)
        .with_for_update(key_share=True)  # intake refers to these rows and must not wait for us
    )
    return {row.id: row for row in each_row(AcceptedPair, rows)}


def _row(seq: int, revision: Revision, at: int) -> Row:
    texts = revision.revised if revision.outcome is Outcome.REVISED else None
    return (
        seq,
        None if texts is None else to_column(texts.instruction),
        None if texts is None else to_column(texts.input),
        None if texts is None else to_column(texts.response),
        revision.outcome.value,
        to_column(revision.engine),
        optional_to_column(revision.adapter),
        optional_to_column(revision.reason),
        to_json([asdict(flag) for flag in revision.flags]),
        revision.prompt_tokens,
        revision.output_tokens,
        revision.seconds,
        at,
    )


def _event(pair: AcceptedPair, revision: Revision, at: int) -> Row:
    detail = {"engine": revision.engine, "adapter": revision.adapter, "outcome": revision.outcome.value}
    return pair.seq, None, pair.status, Status.REVISED.value, to_column(json.dumps(detail)), at


def queue_item(
    seq: int,
    task_class: str | None,
    now: datetime,
    *,
    reserved_for: int | None = None,
    arm: str | None = None,
    moved: int = 0,
) -> QueueItem:
    """A new item; one with an arm was handed out before. `moved`: how many places behind its number it stands."""
    state = ItemState.FREE if reserved_for is None else ItemState.RESERVED
    return QueueItem(seq, state.value, task_class or "", NORMAL_PRIORITY, reserved_for, arm, now, seq + moved)


def read_marks(connection: Connection, numbers: Sequence[int]) -> dict[int, Mark]:
    """What the logs' own signals come to; pairs without any are left out."""
    found = connection.execute(
        select(OccurrenceRow.pair, OccurrenceRow.extra).where(
            is_among(connection, OccurrenceRow.pair.expression, numbers),
            OccurrenceRow.is_repeat.is_(False),
            OccurrenceRow.extra.is_not(None),
        )
    )
    marks = {pair: mark_of(extra or {}) for pair, extra in found}
    return {pair: mark for pair, mark in marks.items() if mark is not Mark.NONE}


def _flag(stored: StoredFlag) -> Flag:
    return Flag(FlagKind(stored["kind"]), Field(stored["field"]), stored["start"], stored["end"], stored["text"])
