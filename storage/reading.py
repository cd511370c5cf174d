"""Reads the store for exports, reports and people who want to know how things stand."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select
from sqlalchemy.orm import aliased

from coachlm.desk.dataset import DatasetRow, FlowCounts
from coachlm.desk.efficiency import Arm
from coachlm.desk.work import QueueDepth
from coachlm.pairs import ExcludeReason, InstructionPair, Position, Provenance
from coachlm.status import Status
from storage.desk.depth import read_depth
from storage.engine.bulk import is_among
from storage.engine.database import Database
from storage.engine.results import all_rows
from storage.figures.flow import read_flow
from storage.pairs.contexts import Contexts, read_conversation_names
from storage.pairs.edits import scores_from_row
from storage.pairs.history import HistoryEntry, read_history
from storage.pairs.last_texts import LastTexts, read_told_turns
from storage.pairs.revisions import revision_from_row
from storage.tables.pairs import OccurrenceRow, PairRow, TextRow
from storage.tables.rows import StoredPair, class_from_row

_KEPT = frozenset(Status) - {Status.EXCLUDED, Status.DUPLICATE}
_WINDOW = 1000  # pairs read at a time


class StoredOrigin(NamedTuple):
    """A pair's first occurrence, with the source's path and the system prompt."""

    pair: int
    path: str
    record: int
    part: int
    format: str
    source_id: str | None
    timestamp: datetime | None
    model: str | None
    prompt: str | None
    session_hash: str | None
    user_hash: str | None
    language: str | None
    extra: dict[str, object] | None


class StoreReader:
    """Every method sees one snapshot and blocks no writer. Raises (all): StoreError, naming the remedy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def dataset_rows(
        self,
        *,
        statuses: Iterable[Status] | None = None,
        include_excluded: bool = False,
        include_duplicates: bool = False,
    ) -> Iterator[DatasetRow]:
        """Pairs of the given statuses (None: all but excluded and duplicate) in order of arrival, in flat memory."""
        wanted = set(_KEPT if statuses is None else statuses)
        if include_excluded:
            wanted.add(Status.EXCLUDED)
        if include_duplicates:
            wanted.add(Status.DUPLICATE)
        with self.snapshot() as snapshot:
            yield from snapshot.dataset_rows(wanted)

    def flow_counts(self) -> FlowCounts:
        with self.snapshot() as snapshot:
            return snapshot.flow_counts()

    def session_of(self, pair_id: str) -> str | None:
        """The hash of the session in which a pair came first; None where it isn't known."""
        first = select(OccurrenceRow.session_hash).join(PairRow, PairRow.seq == OccurrenceRow.pair)
        with self._database.reading() as connection:
            return connection.scalar(first.where(PairRow.id == pair_id, OccurrenceRow.is_repeat.is_(False)).limit(1))

    @contextmanager
    def snapshot(self) -> Generator["Snapshot"]:
        """Rows and counts of one moment: what an export needs for its counts to balance."""
        with self._database.reading() as connection:
            yield Snapshot(connection)

    def queue_depth(self, at_most: int | None = None) -> QueueDepth:
        """Counted in full, or each state up to a bound, at a cost that doesn't grow with the queue."""
        with self._database.reading() as connection:
            return read_depth(connection, at_most)

    def history(self, pair_id: str) -> list[HistoryEntry]:
        """Everything that was ever said about a pair, oldest first. Raises: NotFoundError."""
        with self._database.reading() as connection:
            return read_history(connection, pair_id)


class Snapshot:
    """The store as it is at one moment; to be used within `StoreReader.snapshot`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def dataset_rows(self, statuses: Iterable[Status]) -> Iterator[DatasetRow]:
        """Pairs of these statuses in order of arrival, in flat memory."""
        wanted = [status.value for status in statuses]
        last = self._connection.scalar(select(func.max(PairRow.seq))) or 0
        for start in range(1, last + 1, _WINDOW):
            yield from _window(self._connection, start, wanted)

    def flow_counts(self) -> FlowCounts:
        return read_flow(self._connection)


def _window(connection: Connection, start: int, statuses: Sequence[str]) -> Iterator[DatasetRow]:
    original = aliased(PairRow)
    found = connection.execute(
        select(PairRow.__table__, original.id.label("original"))
        .join(original, original.seq == PairRow.duplicate_of, isouter=True)
        .where(PairRow.seq >= start, PairRow.seq < start + _WINDOW, PairRow.status.in_(statuses))
        .order_by(PairRow.seq)
    )
    pairs = all_rows(StoredPair, found)
    numbers = [pair.seq for pair in pairs]
    origins = _origins(connection, numbers)
    contexts = Contexts(connection, pairs)
    texts = LastTexts(connection, numbers)
    within = {pair.conversation for pair in pairs if pair.conversation is not None and pair.context is not None}
    told = read_told_turns(connection, sorted(within))
    names = read_conversation_names(connection, (pair.conversation for pair in pairs))
    for pair in pairs:
        row = _dataset_row(pair, contexts.pair(pair), origins[pair.seq], texts)
        if pair.conversation is None:
            yield row
        else:
            origin = replace(row.provenance, conversation=names[pair.conversation], turn=pair.turn)
            yield replace(row, provenance=origin, told=told.get(pair.conversation, ()))


def _dataset_row(pair: StoredPair, raw: InstructionPair, provenance: Provenance, texts: LastTexts) -> DatasetRow:
    revision, edit = texts.revisions.get(pair.seq), texts.edits.get(pair.seq)
    return DatasetRow(
        pair_id=pair.id,
        status=Status(pair.status),
        raw=raw,
        provenance=provenance,
        task_class=class_from_row(pair),
        revision=None if revision is None else revision_from_row(revision, pair.id, raw),
        final=texts.final(pair.seq),
        annotator=None if edit is None else edit.name,
        active_seconds=None if edit is None else edit.active_seconds,
        arm=None if edit is None else Arm(edit.arm),
        scores=None if edit is None else scores_from_row(edit),
        exclude_reason=None if pair.exclude_reason is None else ExcludeReason(pair.exclude_reason),
        duplicate_of=pair.original,
    )


def _origins(connection: Connection, numbers: Sequence[int]) -> dict[int, Provenance]:
    source, prompt = aliased(TextRow), aliased(TextRow)
    named = {"path": source.text.label("path"), "prompt": prompt.text.label("prompt")}
    columns = [named[name] if name in named else OccurrenceRow.__table__.c[name] for name in StoredOrigin._fields]
    found = connection.execute(
        select(*columns)
        .join(source, source.id == OccurrenceRow.source)
        .join(prompt, prompt.id == OccurrenceRow.system_prompt, isouter=True)
        .where(is_among(connection, OccurrenceRow.pair.expression, numbers), OccurrenceRow.is_repeat.is_(False))
    )
    return {row.pair: provenance_from_row(row) for row in all_rows(StoredOrigin, found)}


def provenance_from_row(row: StoredOrigin) -> Provenance:
    return Provenance(
        position=Position(row.path, row.record, row.part),
        format=row.format,
        source_id=row.source_id,
        timestamp=row.timestamp,
        model=row.model,
        system_prompt=row.prompt,
        session_hash=row.session_hash,
        user_hash=row.user_hash,
        language=row.language,
        extra=row.extra or {},
    )
