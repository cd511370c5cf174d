"""Announcements: written with what they announce, read back with its text when they are published.

`coachlm.protocols.streams.Announcement` says what the bodies hold. Keys are pair ids; for `pairs.dead` topic,
partition and offset, joined by colons.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, literal, select
from sqlalchemy.orm import aliased

from coachlm.context import Context, context_record
from coachlm.protocols.streams import Announcement, Topic
from coachlm.revision import Outcome
from storage.engine.bulk import insert_rows, is_among
from storage.engine.results import all_rows, columns_of
from storage.engine.schema import STREAMS
from storage.pairs.contexts import Contexts, read_conversation_names
from storage.tables.columns import to_micros
from storage.tables.desk import RevisionRow, StoredFlag
from storage.tables.pairs import MetaRow, OccurrenceRow, PairRow, TextRow
from storage.tables.streams import DeadLetterRow, OutboxRow

_Body = dict[str, object]
_Bodies = dict[int, tuple[str, _Body]]  # subject → key and body


class OutboxEntry(NamedTuple):
    """An announcement that is owed."""

    number: int
    topic: str
    subject: int


class _AcceptedPair(NamedTuple):
    seq: int
    id: str
    instruction: str
    input: str
    response: str
    task_class: str | None
    format: str
    source: str
    record: int
    part: int
    model: str | None
    language: str | None
    timestamp: datetime | None
    conversation: int | None
    turn: int | None
    context: int | None
    context_messages: int
    context_steps: int


class _RevisedPair(NamedTuple):
    pair: int
    instruction: str | None
    input: str | None
    response: str | None
    outcome: str
    engine: str
    adapter: str | None
    reason: str | None
    flags: list[StoredFlag] | None
    prompt_tokens: int
    output_tokens: int
    pair_id: str
    raw_instruction: str
    raw_input: str
    raw_response: str


class _Letter(NamedTuple):
    id: int
    topic: str
    partition: int
    record: int
    reason: str
    error: str
    tries: int


def announce(connection: Connection, owed: Sequence[tuple[Topic, int]], now: datetime) -> None:
    """Each is a topic with the number of the pair, or of the dead letter, that is news there."""
    at = to_micros(now)
    rows = [(topic.value, subject, at) for topic, subject in owed]
    insert_rows(connection, OutboxRow, rows, leaving_out="number")


def announce_where_streamed(connection: Connection, topic: Topic, subject: int, now: datetime) -> None:
    """As `announce`, in a database that streams have written to; elsewhere nobody would ever publish it."""
    columns = (OutboxRow.topic, OutboxRow.subject, OutboxRow.created_at)
    news = select(literal(topic.value), literal(subject), literal(to_micros(now))).where(
        select(MetaRow.name).where(MetaRow.name == STREAMS).exists()
    )
    connection.execute(insert(OutboxRow).from_select(columns, news))


def read_announcements(connection: Connection, rows: Sequence[OutboxEntry]) -> list[Announcement]:
    """One whose news no longer holds (an excluded pair was restored) is left out."""
    subjects: dict[str, list[int]] = {}
    for row in rows:
        subjects.setdefault(row.topic, []).append(row.subject)
    bodies = {topic: _bodies(connection, Topic(topic), numbers) for topic, numbers in subjects.items()}
    return [
        Announcement(row.number, Topic(row.topic), *bodies[row.topic][row.subject])
        for row in rows
        if row.subject in bodies[row.topic]
    ]


def _bodies(connection: Connection, topic: Topic, numbers: Sequence[int]) -> _Bodies:
    match topic:
        case Topic.ACCEPTED:
            return _accepted(connection, numbers)
        case Topic.REVISED:
            return _revised(connection, numbers)
        case Topic.EXCLUDED:
            return _excluded(connection, numbers)
        case Topic.DEAD:
            return _dead(connection, numbers)
        case Topic.RAW:
            raise ValueError("records are produced by those who have them, never announced")


def _accepted(connection: Connection, numbers: Sequence[int]) -> _Bodies:
    origin = aliased(OccurrenceRow)
    found = connection.execute(
        select(
            PairRow.seq,
            PairRow.id,
            PairRow.instruction,
            PairRow.input,
            PairRow.response,
            func.coalesce(PairRow.corrected_class, PairRow.task_class).label("task_class"),
            origin.format,
            TextRow.text.label("source"),
            origin.record,
            origin.part,
            origin.model,
            origin.language,
            origin.timestamp,
            PairRow.conversation,
            PairRow.turn,
            PairRow.context,
            PairRow.context_messages,
            PairRow.context_steps,
        )
        .join(origin, (origin.pair == PairRow.seq) & origin.is_repeat.is_(False))
        .join(TextRow, TextRow.id == origin.source)
        .where(is_among(connection, PairRow.seq.expression, numbers))
    )
    rows = all_rows(_AcceptedPair, found)
    contexts = Contexts(connection, rows)
    names = read_conversation_names(connection, (row.conversation for row in rows))
    return {row.seq: (row.id, _accepted_body(row, contexts.of(row), names)) for row in rows}


def _accepted_body(row: _AcceptedPair, context: Context | None, names: Mapping[int, str]) -> _Body:
    return {
        "pair": row.id,
        "instruction": row.instruction,
        "input": row.input,
        "response": row.response,
        "task_class": row.task_class,
        "context": None if context is None else context_record(context),
        "conversation": None if row.conversation is None else names[row.conversation],
        "turn": row.turn,
        "provenance": {
            "format": row.format,
            "source": row.source,
            "record": row.record,
            "part": row.part,
            "model": row.model,
            "language": row.language,
            "timestamp": None if row.timestamp is None else row.timestamp.isoformat(),
        },
    }


def _revised(connection: Connection, numbers: Iterable[int]) -> _Bodies:
    """The latest revision of each pair."""
    rows = connection.execute(
        select(
            *(RevisionRow.__table__.c[name] for name in _RevisedPair._fields[:-4]),
            PairRow.id.label("pair_id"),
            PairRow.instruction.label("raw_instruction"),
            PairRow.input.label("raw_input"),
            PairRow.response.label("raw_response"),
        )
        .join(PairRow, PairRow.seq == RevisionRow.pair)
        .where(is_among(connection, RevisionRow.pair.expression, list(numbers)))
        .order_by(RevisionRow.id)
    )
    return {row.pair: (row.pair_id, _revised_body(row)) for row in all_rows(_RevisedPair, rows)}


def _revised_body(row: _RevisedPair) -> _Body:
    changed = row.outcome == Outcome.REVISED
    return {
        "pair": row.pair_id,
        "instruction": row.instruction if changed else row.raw_instruction,
        "input": row.input if changed else row.raw_input,
        "response": row.response if changed else row.raw_response,
        "outcome": row.outcome,
        "engine": row.engine,
        "adapter": row.adapter,
        "reason": row.reason,
        "flags": row.flags or [],
        "prompt_tokens": row.prompt_tokens,
        "output_tokens": row.output_tokens,
    }


def _excluded(connection: Connection, numbers: Sequence[int]) -> _Bodies:
    rows = connection.execute(
        select(PairRow.seq, PairRow.id, PairRow.exclude_reason, PairRow.exclude_detail).where(
            is_among(connection, PairRow.seq.expression, numbers), PairRow.exclude_reason.is_not(None)
        )
    )
    return {
        seq: (pair_id, {"pair": pair_id, "reason": reason, "detail": detail or ""})
        for seq, pair_id, reason, detail in rows
    }


def _dead(connection: Connection, numbers: Sequence[int]) -> _Bodies:
    letters = select(*columns_of(DeadLetterRow, _Letter))
    found = connection.execute(letters.where(is_among(connection, DeadLetterRow.id.expression, numbers)))
    return {row.id: (f"{row.topic}:{row.partition}:{row.record}", _dead_body(row)) for row in all_rows(_Letter, found)}


def _dead_body(row: _Letter) -> _Body:
    return {
        "dead_letter": row.id,
        "topic": row.topic,
        "partition": row.partition,
        "offset": row.record,
        "reason": row.reason,
        "error": row.error,
        "tries": row.tries,
    }
