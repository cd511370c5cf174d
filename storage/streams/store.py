"""The StreamStore on a database: what a batch of messages came to, its dead letters and what is to be announced of it
stand in one transaction, so that a message may come any number of times."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, tuple_

from coachlm.errors import StoreError
from coachlm.protocols.intake import IntakeBatch, IntakeCounts
from coachlm.protocols.streams import DeadLetter, Send, Topic
from coachlm.revision import Revision
from coachlm.status import Status
from storage.engine.bulk import insert_or_update, is_among
from storage.engine.database import Database, utc_now
from storage.engine.results import all_rows, columns_of
from storage.engine.schema import STREAMS
from storage.intake.near_copies import NearCopies
from storage.intake.store import DatabaseStore
from storage.pairs.announcements import OutboxEntry, announce, read_announcements
from storage.pairs.revisions import store_revisions
from storage.streams.dead_letters import DeadLetters, DeadState
from storage.streams.headers import stored_headers
from storage.streams.topic_ids import remember, retire
from storage.tables.pairs import MetaRow, PairRow
from storage.tables.streams import DeadLetterRow, OutboxRow

_TOPICS = {Status.ACCEPTED: Topic.ACCEPTED, Status.EXCLUDED: Topic.EXCLUDED}  # near copies are news to nobody
_PURGE_EVERY = timedelta(hours=1)
_SAME_MS = 1_000
"""Drivers round the same moment differently."""


class DatabaseStreamStore(DatabaseStore):
    """Implements `coachlm.protocols.streams.StreamStore`; safe to share between threads and, by its database,
    between processes.

    The bytes of dead letters are discarded after `dead_letter_days`, now and then when there is nothing to publish;
    None: they are kept. Raises (from every method): StoreError, naming the remedy; the call's transaction is rolled
    back then.
    """

    def __init__(
        self,
        database: Database,
        near_copies: NearCopies | None = None,
        now: Callable[[], datetime] = utc_now,
        dead_letter_days: int | None = None,
        *,
        head_start: int = 0,
    ) -> None:
        super().__init__(database, near_copies, now, head_start=head_start)
        self._dead_letter_days = dead_letter_days
        self._purged_at: datetime | None = None

    def commit_stream_intake(self, batch: IntakeBatch, dead: Sequence[DeadLetter]) -> IntakeCounts:
        with self._intake(batch) as writer:
            counts = writer.write(self._near_copies)
            now, connection = self._now(), writer.connection
            owed = [(_TOPICS[status], seq) for seq, status in writer.new_pairs if status in _TOPICS]
            announce(connection, [*owed, *_bury(connection, dead, now)], now)
            _mark_streamed(connection)
            return counts

    def still_accepted(self, pair_ids: Iterable[str]) -> set[str]:
        wanted = list(pair_ids)
        if not wanted:
            return set()
        with self._database.reading() as connection:
            chosen = is_among(connection, PairRow.id.expression, wanted)
            return set(connection.scalars(select(PairRow.id).where(chosen, PairRow.status == Status.ACCEPTED.value)))

    def save_stream_revisions(self, revisions: Sequence[Revision], dead: Sequence[DeadLetter]) -> int:
        with self._database.writing() as connection:
            now = self._now()
            stored = store_revisions(connection, revisions, now, self._head_start)
            owed = [(Topic.REVISED, seq) for seq in stored]
            announce(connection, [*owed, *_bury(connection, dead, now)], now)
            return len(stored)

    def publish(self, limit: int, send: Send) -> int:
        """See StreamStore. A crash after `send` announces the same again: at least once. On PostgreSQL several relays
        share the work; on SQLite one sends at a time, and nobody else writes meanwhile."""
        published = self._publish(limit, send)
        if not published:
            self._purge()
        return published

    def remember_topics(self, ids: Mapping[str, str]) -> dict[str, str]:
        with self._database.writing() as connection:
            return remember(connection, ids)

    def retire_topic(self, topic: str) -> str | None:
        """See `storage.streams.topic_ids.retire`."""
        with self._one_batch, self._database.writing(durable=True) as connection:
            self._texts.forget()
            return retire(connection, topic)

    def outbox_rows(self) -> int:
        with self._database.reading() as connection:
            return connection.scalar(select(func.count()).select_from(OutboxRow)) or 0

    def _publish(self, limit: int, send: Send) -> int:
        with self._database.writing() as connection:
            oldest = select(*columns_of(OutboxRow, OutboxEntry)).order_by(OutboxRow.number).limit(limit)
            rows = all_rows(OutboxEntry, connection.execute(oldest.with_for_update(skip_locked=True)))
            if not rows:
                return 0
            announcements = read_announcements(connection, rows)
            refused = send(announcements) if announcements else None
            if refused:
                now = self._now()
                announce(connection, _bury(connection, refused, now), now)
            sent = is_among(connection, OutboxRow.number.expression, [row.number for row in rows])
            connection.execute(delete(OutboxRow).where(sent))
            return len(rows)

    def _purge(self) -> None:
        now = self._now()
        if self._dead_letter_days is None or (self._purged_at is not None and now - self._purged_at < _PURGE_EVERY):
            return
        DeadLetters(self._database, self._now).purge(self._dead_letter_days)
        self._purged_at = now


def _bury(connection: Connection, dead: Sequence[DeadLetter], now: datetime) -> list[tuple[Topic, int]]:
    """Stores those that aren't there; gives what is to be announced of them."""
    if not dead:
        return []
    letters = {(letter.message.topic, letter.message.partition, letter.message.offset): letter for letter in dead}
    rows = [_row(letters[place], now) for place in sorted(letters)]  # in one order: nobody waits in a circle
    statement = (
        insert_or_update(connection.dialect.name, DeadLetterRow).on_conflict_do_nothing().returning(DeadLetterRow.id)
    )
    numbers = connection.scalars(statement, rows).all()
    if len(numbers) < len(rows):
        _refuse_others(connection, letters)
    return [(Topic.DEAD, number) for number in numbers]


def _refuse_others(connection: Connection, letters: Mapping[tuple[str, int, int], DeadLetter]) -> None:
    """What is there has to be the same message. Raises: StoreError."""
    entity = DeadLetterRow
    place = (entity.topic, entity.partition, entity.record)
    for topic, partition, record, at in connection.execute(
        select(*place, entity.timestamp_ms).where(tuple_(*place).in_(list(letters)))
    ):
        if abs(at - letters[topic, partition, record].message.timestamp_ms) > _SAME_MS:
            raise StoreError(
                f"another message was a dead letter at {topic}:{partition}:{record}: the topic was made anew; stop the "
                f"workers, then run coachlm topics --made-anew {topic}"
            )


def _row(letter: DeadLetter, now: datetime) -> dict[str, object]:
    message = letter.message
    return {
        "topic": message.topic,
        "partition": message.partition,
        "record": message.offset,
        "key": message.key,
        "headers": stored_headers(message.headers),
        "payload": message.value,
        "payload_bytes": None if message.value is None else len(message.value),
        "timestamp_ms": message.timestamp_ms,
        "reason": letter.reason.value,
        "error": letter.error,
        "tries": letter.tries,
        "state": DeadState.OPEN.value,
        "dead_at": now,
        "replayed_at": None,
        "discarded_at": None,
    }


def _mark_streamed(connection: Connection) -> None:
    """From now on restored pairs are announced too. The caller holds the lock of intake."""
    if connection.scalar(select(MetaRow.name).where(MetaRow.name == STREAMS)) is None:
        connection.execute(insert(MetaRow).values(name=STREAMS, value=""))
