"""Stores one batch of intake: what is there already stays as it is, so that a batch may come any number of times.

The calling transaction holds the lock of intake: batches are stored one after the other, whoever sends them. That makes
numbers and links depend on the order of arrival alone, and leaves nothing for two senders to collide on.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, insert, select, update

from coachlm.pairs import Exclusion, Position, Provenance, Reject, RejectReason
from coachlm.protocols.intake import IntakeBatch, IntakeCounts, IntakePair, Progress
from coachlm.status import Status
from storage.engine.bulk import Row, insert_rows, is_among
from storage.engine.texts import TextNumbers
from storage.intake.contexts import StoredContext, store_contexts
from storage.intake.conversations import Conversation, join_first_turns, store_conversations
from storage.intake.near_copies import Link, NearCopies, Newcomer, link_near_copies
from storage.pairs.rollups import Stage, StageKey, count_stages, hour_of
from storage.tables.columns import from_micros, optional_to_column, to_column, to_json, to_micros
from storage.tables.pairs import IntakePositionRow, JoinedRow, OccurrenceRow, PairRow, RedactionRow, RejectRow

Further = ColumnElement[int] | ColumnElement[str]
Place = tuple[int, int, int]  # number of the source, record, part
_NO_CONTEXT = StoredContext()
AtPlace = type[OccurrenceRow] | type[RejectRow] | type[JoinedRow]


@dataclass(frozen=True, slots=True)
class _Occurrence:
    """An occurrence that isn't stored yet."""

    item: IntakePair
    place: Place
    seq: int
    is_repeat: bool


class BatchWriter:
    """Writes one batch within the given transaction."""

    def __init__(self, connection: Connection, batch: IntakeBatch, texts: TextNumbers, now: datetime) -> None:
        self.connection = self._connection = connection
        self.new_pairs: list[tuple[int, Status]] = []  # number and status of each pair that `write` stored
        self._batch = batch
        self._now = to_micros(now)
        self._counted: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._texts = texts.of(connection, _texts(batch))
        self._contexts: dict[int, StoredContext] = {}  # by the numbers of new pairs
        self._conversations: dict[str, Conversation] = {}

    def write(self, near_copies: NearCopies | None) -> IntakeCounts:
        occurrences = self._new_occurrences()
        newcomers = [occurrence for occurrence in occurrences if not occurrence.is_repeat]
        begun = [one for one in occurrences if one.is_repeat and one.item.sourced.provenance.turn == 1]
        self._write_contexts(newcomers, begun)
        self._write_pairs(newcomers, near_copies)
        firsts = {one.seq: self._conversation(one.item) for one in begun}
        join_first_turns(self._connection, {seq: its for seq, its in firsts.items() if its is not None})
        insert_rows(self._connection, OccurrenceRow, [self._occurrence_row(found) for found in occurrences])
        self._counted["exact_duplicates"] = len(occurrences) - len(newcomers)
        self._count_redactions(occurrences)
        self._write_joined()
        self._withdraw_reread()
        self._write_rejects()
        self._write_progress(self._batch.progress)
        return IntakeCounts(**self._counted, by_reason=dict(self._reasons))

    def _new_occurrences(self) -> list[_Occurrence]:
        """Those of the batch that aren't stored, in order, with the numbers of their pairs."""
        numbers = self._stored_pairs()
        places = [self._place(item.sourced.provenance.position) for item in self._batch.pairs]
        repeated = [
            place for place, item in zip(places, self._batch.pairs, strict=True) if item.sourced.pair.id in numbers
        ]
        seen = self._stored_at(OccurrenceRow, OccurrenceRow.pair.expression, repeated)
        following = (self._connection.scalar(select(func.max(PairRow.seq))) or 0) + 1
        found: list[_Occurrence] = []
        for place, item in zip(places, self._batch.pairs, strict=True):
            seq = numbers.get(item.sourced.pair.id)
            is_repeat = seq is not None
            if seq is None:
                seq = numbers[item.sourced.pair.id] = following
                following += 1
            if (*place, seq) not in seen:
                seen.add((*place, seq))
                found.append(_Occurrence(item, place, seq, is_repeat))
        return found

    def _stored_pairs(self) -> dict[str, int]:
        ids = [item.sourced.pair.id for item in self._batch.pairs]
        if not ids:
            return {}
        rows = self._connection.execute(
            select(PairRow.id, PairRow.seq).where(is_among(self._connection, PairRow.id.expression, ids))
        )
        return dict(rows.all())

    def _write_contexts(self, newcomers: Sequence[_Occurrence], begun: Sequence[_Occurrence]) -> None:
        """`begun`: first turns of conversations that were met before, maybe alone."""
        self._contexts = store_contexts(self._connection, {new.seq: new.item.sourced.pair for new in newcomers})
        self._conversations = store_conversations(
            self._connection, [new.item for new in newcomers], [one.item for one in begun]
        )

    def _conversation(self, item: IntakePair) -> Conversation | None:
        name = item.sourced.provenance.conversation
        return None if name is None else self._conversations[name]

    def _write_pairs(self, newcomers: Sequence[_Occurrence], near_copies: NearCopies | None) -> None:
        links: dict[int, Link] = {}
        if near_copies is not None:
            signed = [Newcomer(new.seq, new.item.sourced.pair, new.item.bands) for new in newcomers if new.item.bands]
            links = link_near_copies(self._connection, near_copies, signed)
        insert_rows(self._connection, PairRow, [self._pair_row(new.item, new.seq, links) for new in newcomers])
        hour = hour_of(from_micros(self._now))
        stages = [(Stage.EXCLUDED, reason, count) for reason, count in self._reasons.items()]
        stages += [
            (Stage.ACCEPTED, "", self._counted["accepted"]),
            (Stage.DUPLICATE, "", self._counted["near_duplicates"]),
        ]
        events = [(StageKey(hour, stage.value, reason), {"pairs": count}) for stage, reason, count in stages]
        count_stages(self._connection, *events)

    def _pair_row(self, item: IntakePair, seq: int, links: dict[int, Link]) -> Row:
        pair, exclusion, link = item.sourced.pair, item.exclusion, links.get(seq)
        if exclusion is not None:
            status = Status.EXCLUDED
            self._counted["excluded"] += 1
            self._reasons[exclusion.reason.value] += 1
        elif link is not None:
            status = Status.DUPLICATE
            self._counted["near_duplicates"] += 1
        else:
            status = Status.ACCEPTED
            self._counted["accepted"] += 1
        self.new_pairs.append((seq, status))
        conversation, context = self._conversation(item), self._contexts.get(seq, _NO_CONTEXT)
        task_class = None if item.task_class is None else item.task_class.value
        if conversation is not None and task_class is not None:
            task_class = conversation.task_class
        return (
            seq,
            pair.id,
            to_column(pair.instruction),
            to_column(pair.input),
            to_column(pair.response),
            status.value,
            1,
            task_class,
            item.class_confidence,
            None,
            None if link is None else link.original,
            None if exclusion is None else exclusion.reason.value,
            _detail(exclusion, link),
            self._now,
            None if conversation is None else conversation.number,
            item.sourced.provenance.turn,
            context.context,
            context.messages,
            context.steps,
        )

    def _occurrence_row(self, occurrence: _Occurrence) -> Row:
        origin: Provenance = occurrence.item.sourced.provenance
        prompt = origin.system_prompt
        return (
            *occurrence.place,
            occurrence.seq,
            occurrence.is_repeat,
            to_column(origin.format),
            optional_to_column(origin.source_id),
            None if origin.timestamp is None else to_micros(origin.timestamp),
            optional_to_column(origin.model),
            None if prompt is None else self._texts[prompt],
            optional_to_column(origin.session_hash),
            optional_to_column(origin.user_hash),
            optional_to_column(origin.language),
            to_json(origin.extra),
        )

    def _count_redactions(self, occurrences: Sequence[_Occurrence]) -> None:
        totals: Counter[str] = Counter()
        for occurrence in occurrences:
            totals.update(occurrence.item.redactions)
        for kind, count in sorted(totals.items()):
            raised = update(RedactionRow).where(RedactionRow.kind == kind).values(count=RedactionRow.count + count)
            if not self._connection.execute(raised).rowcount:
                self._connection.execute(insert(RedactionRow).values(kind=kind, count=count))

    def _write_joined(self) -> None:
        places = sorted({self._place(position) for position in self._batch.joined})
        if not places:
            return
        stored = self._stored_at(JoinedRow, None, places)
        insert_rows(self._connection, JoinedRow, [place for place in places if place not in stored])
        withdrawn = delete(RejectRow).where(
            and_(
                RejectRow.source == bindparam("at_source"),
                RejectRow.record == bindparam("at_record"),
                RejectRow.part == bindparam("at_part"),
                RejectRow.reason == RejectReason.UNMATCHED.value,
            )
        )
        names = ("at_source", "at_record", "at_part")
        self._connection.execute(withdrawn, [dict(zip(names, place, strict=True)) for place in places])

    def _withdraw_reread(self) -> None:
        for position in self._batch.reread:
            source, record, _part = self._place(position)
            self._connection.execute(delete(RejectRow).where(RejectRow.source == source, RejectRow.record == record))

    def _write_rejects(self) -> None:
        rejects = {
            (*self._place(reject.position), reject.reason.value): reject for reject in reversed(self._batch.rejects)
        }
        if not rejects:
            return
        stored = self._stored_at(RejectRow, RejectRow.reason.expression, [key[:3] for key in rejects])
        joined = self._joined_among(rejects)
        fresh = {key: reject for key, reject in rejects.items() if key not in stored and key[:3] not in joined}
        insert_rows(
            self._connection,
            RejectRow,
            [(*key, *_reject_columns(one)) for key, one in sorted(fresh.items())],
        )
        self._counted["rejected"] = len(fresh)
        self._reasons.update(reject.reason.value for reject in fresh.values())

    def _joined_among(self, rejects: dict[tuple[int, int, int, str], Reject]) -> set[Row]:
        unmatched = [key[:3] for key in rejects if key[3] == RejectReason.UNMATCHED.value]
        return self._stored_at(JoinedRow, None, unmatched) & set(unmatched)

    def _write_progress(self, progress: Sequence[Progress]) -> None:
        for one in progress:
            source = self._texts[one.source]
            values = {
                "records": one.records,
                "finished": one.finished,
                "has_fragments": one.has_fragments,
                "digest": one.digest,
            }
            changed = update(IntakePositionRow).where(IntakePositionRow.source == source).values(**values)
            if not self._connection.execute(changed).rowcount:
                self._connection.execute(insert(IntakePositionRow).values(source=source, **values))

    def _place(self, position: Position) -> Place:
        return self._texts[position.source], position.record, position.part

    def _stored_at(self, entity: AtPlace, further: Further | None, places: Sequence[Place]) -> set[Row]:
        """Places of stored rows, each with the value of `further` if one is named, on the records of `places`."""
        records: dict[int, set[int]] = {}
        for source, record, _part in places:
            records.setdefault(source, set()).add(record)
        columns = [entity.source, entity.record, entity.part, *([] if further is None else [further])]
        found: set[Row] = set()
        for source, wanted in records.items():
            chosen = is_among(self._connection, entity.record.expression, sorted(wanted))
            found.update(map(tuple, self._connection.execute(select(*columns).where(entity.source == source, chosen))))
        return found


def _reject_columns(reject: Reject) -> Row:
    return to_column(reject.detail), optional_to_column(reject.format), to_column(reject.excerpt)


def _detail(exclusion: Exclusion | None, link: Link | None) -> str | None:
    """Which rule excluded the pair, or what differs from the one that it copies."""
    if exclusion is not None:
        return to_column(exclusion.detail)
    return to_column(link.difference) if link is not None and link.difference else None


def _texts(batch: IntakeBatch) -> set[str]:
    """All texts of the batch that are stored as numbers."""
    origins = [item.sourced.provenance for item in batch.pairs]
    sources = {origin.position.source for origin in origins}
    sources |= {reject.position.source for reject in batch.rejects}
    sources |= {position.source for position in (*batch.joined, *batch.reread)} | {one.source for one in batch.progress}
    return sources | {origin.system_prompt for origin in origins if origin.system_prompt is not None}
