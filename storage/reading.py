"""Reads the store for exports, reports and people who want to know how things stand."""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, func, select
from sqlalchemy.orm import aliased

from coachlm.desk.dataset import DatasetRow, FlowCounts
from coachlm.desk.efficiency import Arm
from coachlm.desk.studies import RatedVersions
from coachlm.desk.work import QueueDepth
from coachlm.pairs import ExcludeReason, InstructionPair, Position, Provenance
from coachlm.status import Status
from storage.desk.depth import read_depth
from storage.engine.bulk import is_among
from storage.engine.database import Database
from storage.engine.results import all_rows
from storage.figures.flow import read_flow
from storage.pairs.contexts import Contexts, read_conversation_names
from storage.pairs.edits import read_units, scores_from_row
from storage.pairs.groups import conversations_in, in_portions
from storage.pairs.history import HistoryEntry, read_history
from storage.pairs.last_texts import LastTexts, read_told_turns
from storage.pairs.revisions import revision_from_row
from storage.studies.versions import read_rated_versions
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


class _Known(NamedTuple):
    """A pair of the store, as its id finds it."""

    id: str
    seq: int
    conversation: int | None


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

    def dataset_rows(self, statuses: Iterable[Status], *, together: bool = False) -> Iterator[DatasetRow]:
        """Pairs of these statuses in order of arrival, in flat memory; `together`: the turns of a conversation next to
        one another and in order, where its first pair arrived."""
        wanted = [status.value for status in statuses]
        last = self._connection.scalar(select(func.max(PairRow.seq))) or 0
        for start in range(1, last + 1, _WINDOW):
            if together:
                yield from _together(self._connection, start, wanted)
            else:
                window = (PairRow.seq >= start, PairRow.seq < start + _WINDOW)
                yield from _rows(self._connection, _pairs(self._connection, wanted, *window))

    def rated_versions(self) -> Iterator[RatedVersions]:
        """What raters thought of the versions of pairs, of every study that is closed."""
        for study in read_rated_versions(self._connection):
            yield from _with_beginnings(self._connection, study)

    def flow_counts(self) -> FlowCounts:
        return read_flow(self._connection)


def _together(connection: Connection, start: int, statuses: Sequence[str]) -> Iterator[DatasetRow]:
    for portion in in_portions(conversations_in(connection, start, start + _WINDOW), _WINDOW):
        singles = [group.first for group in portion if group.conversation is None]
        numbers = [group.conversation for group in portion if group.conversation is not None]
        pairs = _pairs(connection, statuses, is_among(connection, PairRow.seq.expression, singles)) if singles else []
        if numbers:
            chosen = is_among(connection, PairRow.conversation.expression, numbers)
            pairs += _pairs(connection, statuses, chosen)
        begun = {group.conversation: group.first for group in portion if group.conversation is not None}
        yield from _rows(connection, sorted(pairs, key=lambda pair: _place(pair, begun)))


def _place(pair: StoredPair, begun: Mapping[int, int]) -> tuple[int, int, int]:
    """In the order of conversations and their turns."""
    first = pair.seq if pair.conversation is None else begun[pair.conversation]
    return first, pair.turn or 0, pair.seq


def _pairs(connection: Connection, statuses: Sequence[str], *chosen: ColumnElement[bool]) -> list[StoredPair]:
    original = aliased(PairRow)
    found = connection.execute(
        select(PairRow.__table__, original.id.label("original"))
        .join(original, original.seq == PairRow.duplicate_of, isouter=True)
        .where(*chosen, PairRow.status.in_(statuses))
        .order_by(PairRow.seq)
    )
    return all_rows(StoredPair, found)


def _rows(connection: Connection, pairs: Sequence[StoredPair]) -> Iterator[DatasetRow]:
    numbers = [pair.seq for pair in pairs]
    origins = _origins(connection, numbers)
    contexts = Contexts(connection, pairs)
    texts = LastTexts(connection, numbers)
    units = read_units(connection, sorted({edit.person for edit in texts.edits.values()}))
    within = {pair.conversation for pair in pairs if pair.conversation is not None and pair.context is not None}
    told = read_told_turns(connection, sorted(within))
    conversations = sorted({pair.conversation for pair in pairs if pair.conversation is not None})
    names = read_conversation_names(connection, conversations)
    beginnings = _beginnings(connection, conversations, origins)
    for pair in pairs:
        row = _dataset_row(pair, contexts.pair(pair), origins[pair.seq], texts)
        if (edit := texts.edits.get(pair.seq)) is not None:
            row = replace(row, unit=units.get(edit.person))
        if (number := pair.conversation) is not None:
            origin = replace(row.provenance, conversation=names[number], turn=pair.turn)
            row = replace(row, provenance=origin, told=told.get(number, ()), beginning=beginnings[number])
        yield row


def _beginnings(
    connection: Connection, conversations: Sequence[int], known: Mapping[int, Provenance]
) -> dict[int, Provenance]:
    """By the numbers of conversations, where the pair that came first came from."""
    if not conversations:
        return {}
    chosen = is_among(connection, PairRow.conversation.expression, conversations)
    firsts = select(PairRow.conversation, func.min(PairRow.seq)).where(chosen).group_by(PairRow.conversation)
    first_of = dict(connection.execute(firsts).all())
    missing = _origins(connection, [seq for seq in first_of.values() if seq not in known])
    return {number: known.get(seq) or missing[seq] for number, seq in first_of.items() if number is not None}


def _with_beginnings(connection: Connection, rated: Sequence[RatedVersions]) -> Iterator[RatedVersions]:
    ids = [pair.id for each in rated for pair, _ in each.versions]
    known = select(PairRow.id, PairRow.seq, PairRow.conversation)
    found = connection.execute(known.where(is_among(connection, PairRow.id.expression, ids)))
    rows = all_rows(_Known, found)
    origins = _origins(connection, [row.seq for row in rows])
    begun = _beginnings(connection, sorted({row.conversation for row in rows if row.conversation is not None}), origins)
    beginnings = {row.id: origins[row.seq] if row.conversation is None else begun[row.conversation] for row in rows}
    for each in rated:
        first = next((beginnings[pair.id] for pair, _ in each.versions if pair.id in beginnings), None)
        yield replace(each, beginning=first)


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
