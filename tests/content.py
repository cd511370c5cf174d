"""A database's content as comparable lines: without numbers and times of its own, so that two databases that were
filled on different ways, in different batches or by different engines compare equal when they hold the same."""

import hashlib
import json
from collections.abc import Iterator
from operator import itemgetter

from sqlalchemy import ColumnElement, Connection, Executable, Select, select
from sqlalchemy.orm import aliased

from storage.engine.database import Database
from storage.tables.columns import to_json
from storage.tables.desk import EventRow, PostEditRow, QueueItemRow, ReviewRow, RevisionRow
from storage.tables.pairs import (
    Base,
    IntakePositionRow,
    OccurrenceRow,
    PairRow,
    PersonRow,
    RedactionRow,
    RejectRow,
    TextRow,
)

_FETCHED = 1000
_PAIR = (
    "id",
    "instruction",
    "input",
    "response",
    "status",
    "task_class",
    "class_confidence",
    "corrected_class",
    "exclude_reason",
    "exclude_detail",
)
_OCCURRENCE = ("record", "part", "is_repeat", "format", "source_id", "model", "session_hash", "user_hash", "language")
_POSITION = ("records", "finished", "has_fragments", "digest")
_REVISION = ("instruction", "input", "response", "outcome", "engine", "adapter", "reason", "flags")
_EDIT = ("instruction", "input", "response", "instruction_score", "response_score", "flaws", "categories", "comment")
_REVIEW = ("decision", "instruction", "input", "response", "comment")
_EVENT = ("from_status", "to_status", "detail")


def content_lines(database: Database) -> Iterator[str]:
    """One JSON line a row, in an order that depends on the content alone; flat memory but for the paths of sources."""
    with database.reading() as connection:
        for name, statement in _statements():
            for row in connection.execution_options(yield_per=_FETCHED).execute(statement):
                yield json.dumps([name, *map(_plain, row)], default=str)
        yield from _by_source(connection)


def content_digest(database: Database) -> str:
    digest = hashlib.sha256()
    for line in content_lines(database):
        digest.update(f"{line}\n".encode())
    return digest.hexdigest()


def _statements() -> Iterator[tuple[str, Executable]]:
    original = aliased(PairRow)
    pairs = select(*_columns(PairRow, _PAIR), original.id.label("original"))
    yield "pair", pairs.join(original, original.seq == PairRow.duplicate_of, isouter=True).order_by(PairRow.id)
    redactions = select(RedactionRow.kind, RedactionRow.count)
    yield "redaction", redactions.order_by(RedactionRow.kind)
    for name, entity, columns in (("revision", RevisionRow, _REVISION), ("item", QueueItemRow, ("state", "priority"))):
        joined = select(PairRow.id, *_columns(entity, columns)).join(PairRow, PairRow.seq == entity.pair)
        yield name, joined.order_by(PairRow.id, *([entity.id] if entity is RevisionRow else []))
    for name, entity, columns in (
        ("edit", PostEditRow, _EDIT),
        ("review", ReviewRow, _REVIEW),
        ("event", EventRow, _EVENT),
    ):
        joined = select(PairRow.id, PersonRow.name, *_columns(entity, columns))
        people = joined.join(PairRow, PairRow.seq == entity.pair).join(
            PersonRow, PersonRow.id == entity.person, isouter=True
        )
        yield name, people.order_by(PairRow.id, entity.id)


def _by_source(connection: Connection) -> Iterator[str]:
    """What stands at positions, path by path; databases sort texts each in their way, Python in one."""
    for number, path in sorted(connection.execute(_paths()), key=itemgetter(1)):
        for name, statement in _statements_at(number):
            for row in connection.execution_options(yield_per=_FETCHED).execute(statement):
                yield json.dumps([name, path, *map(_plain, row)], default=str)


def _paths() -> Select[int, str]:
    used = [select(entity.source) for entity in (OccurrenceRow, RejectRow, IntakePositionRow)]
    return select(TextRow.id, TextRow.text).where(TextRow.id.in_(used[0].union(*used[1:])))


def _statements_at(source: int) -> Iterator[tuple[str, Executable]]:
    prompt = aliased(TextRow)
    occurrences = (
        select(PairRow.id, *_columns(OccurrenceRow, (*_OCCURRENCE, "timestamp", "extra")), prompt.text)
        .join(PairRow, PairRow.seq == OccurrenceRow.pair)
        .join(prompt, prompt.id == OccurrenceRow.system_prompt, isouter=True)
        .where(OccurrenceRow.source == source)
    )
    yield "occurrence", occurrences.order_by(OccurrenceRow.record, OccurrenceRow.part, PairRow.id)
    rejects = select(*_columns(RejectRow, ("record", "part", "reason", "detail", "format")))
    rejects = rejects.where(RejectRow.source == source)
    yield "reject", rejects.order_by(RejectRow.record, RejectRow.part, RejectRow.reason)
    yield "position", select(*_columns(IntakePositionRow, _POSITION)).where(IntakePositionRow.source == source)


def _columns(entity: type[Base], names: tuple[str, ...]) -> list[ColumnElement[object]]:
    return [getattr(entity, name) for name in names]


def _plain(value: object) -> object:
    return to_json(value) if type(value) in (dict, list) else value
