"""Reads the store for exports, reports and people who want to know how things stand."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, Executable, func, select
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
from storage.pairs.edits import is_withdrawn, scores_from_row
from storage.pairs.history import HistoryEntry, read_history
from storage.pairs.revisions import revision_from_row
from storage.tables.desk import PostEditRow, ReviewRow, RevisionRow
from storage.tables.pairs import OccurrenceRow, PairRow, PersonRow, TextRow
from storage.tables.rows import StoredEdit, StoredPair, StoredReview, StoredRevision, class_from_row, pair_from_row

_KEPT = frozenset(Status) - {Status.EXCLUDED, Status.DUPLICATE}
_WINDOW = 1000  # pairs read at a time
OfPair = TypeVar("OfPair", StoredRevision, StoredEdit, StoredReview)


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
    revised = select(RevisionRow.__table__).where(is_among(connection, RevisionRow.pair.expression, numbers))
    revisions = _latest(StoredRevision, connection, revised.order_by(RevisionRow.id))
    named = select(PostEditRow.__table__, PersonRow.name).join(PersonRow, PersonRow.id == PostEditRow.person)
    standing = named.where(~is_withdrawn(), is_among(connection, PostEditRow.pair.expression, numbers))
    edits = _latest(StoredEdit, connection, standing.order_by(PostEditRow.id))
    reviewed = select(ReviewRow.__table__).where(is_among(connection, ReviewRow.pair.expression, numbers))
    fixes = _latest(StoredReview, connection, reviewed.order_by(ReviewRow.id))
    for pair in pairs:
        seq = pair.seq
        yield _dataset_row(pair, origins[seq], revisions.get(seq), edits.get(seq), fixes.get(seq))


def _dataset_row(
    pair: StoredPair,
    provenance: Provenance,
    revision: StoredRevision | None,
    edit: StoredEdit | None,
    review: StoredReview | None,
) -> DatasetRow:
    raw = pair_from_row(pair)
    return DatasetRow(
        pair_id=pair.id,
        status=Status(pair.status),
        raw=raw,
        provenance=provenance,
        task_class=class_from_row(pair),
        revision=None if revision is None else revision_from_row(revision, pair.id, raw),
        final=_final(edit, review),
        annotator=None if edit is None else edit.name,
        active_seconds=None if edit is None else edit.active_seconds,
        arm=None if edit is None else Arm(edit.arm),
        scores=None if edit is None else scores_from_row(edit),
        exclude_reason=None if pair.exclude_reason is None else ExcludeReason(pair.exclude_reason),
        duplicate_of=pair.original,
    )


def _final(edit: StoredEdit | None, review: StoredReview | None) -> InstructionPair | None:
    """The owner's correction where it is the last word, else the annotator's text."""
    corrected = None if review is None else review.text
    if review is not None and corrected is not None and (edit is None or review.created_at >= edit.created_at):
        return corrected
    return None if edit is None else pair_from_row(edit)


def _latest(kind: type[OfPair], connection: Connection, statement: Executable) -> dict[int, OfPair]:
    """By the numbers of their pairs; of several rows of a pair the last one that the statement gives."""
    return {row.pair: row for row in all_rows(kind, connection.execute(statement))}


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
