"""Dead letters as people handle them: listed, shown, marked as replayed, discarded; a row is never deleted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, select, update

from coachlm.errors import NotFoundError
from coachlm.protocols.streams import DeadLetter, DeadReason, StreamMessage
from storage.engine.bulk import is_among
from storage.engine.database import Database, utc_now
from storage.engine.results import columns_of, each_row
from storage.streams.headers import message_headers
from storage.tables.streams import DeadLetterRow

_Row = DeadLetterRow


class _LetterRow(NamedTuple):
    id: int
    topic: str
    partition: int
    record: int
    payload_bytes: int | None
    timestamp_ms: int
    reason: str
    error: str
    tries: int
    state: str
    dead_at: datetime
    replayed_at: datetime | None
    discarded_at: datetime | None


class _Content(NamedTuple):
    """What a message held, as far as it is read and not discarded."""

    key: bytes | None = None
    payload: bytes | None = None
    headers: list[list[str | None]] | None = None


_LETTER = columns_of(_Row, _LetterRow)


class DeadState(StrEnum):
    """Where a dead letter stands."""

    OPEN = "open"  # waits for repair, replay or discarding
    REPLAYED = "replayed"  # the broker has it again; failing again it becomes a new dead letter at its new offset
    DISCARDED = "discarded"  # its bytes are deleted


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A dead letter; `letter.message` has no key, value and headers where they were not asked for or are discarded."""

    number: int
    letter: DeadLetter
    state: DeadState
    payload_bytes: int | None  # of the value as it came; None: it had none (a tombstone)
    dead_at: datetime
    replayed_at: datetime | None
    discarded_at: datetime | None


@dataclass(frozen=True, slots=True)
class LetterChoice:
    """Which dead letters; what is None doesn't matter."""

    topic: str | None = None
    reason: DeadReason | None = None
    state: DeadState | None = None
    since: datetime | None = None  # by `dead_at`
    until: datetime | None = None  # itself not included

    def conditions(self) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if self.topic is not None:
            found.append(_Row.topic == self.topic)
        if self.reason is not None:
            found.append(_Row.reason == self.reason.value)
        if self.state is not None:
            found.append(_Row.state == self.state.value)
        if self.since is not None:
            found.append(_Row.dead_at >= self.since)
        if self.until is not None:
            found.append(_Row.dead_at < self.until)
        return found


class DeadLetters:
    """Safe to share between threads and processes. Raises (from every method): StoreError, naming the remedy."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    def page(self, choice: LetterChoice, *, after: int = 0, limit: int = 100) -> list[StoredLetter]:
        """Those with greater numbers than `after`, in order of their numbers, without their bytes."""
        wanted = select(*_LETTER).where(_Row.id > after, *choice.conditions()).order_by(_Row.id).limit(limit)
        with self._database.reading() as connection:
            return [_stored(row, _Content()) for row in each_row(_LetterRow, connection.execute(wanted))]

    def show(self, number: int) -> StoredLetter:
        """With its bytes. Raises: NotFoundError."""
        wanted = select(_Row.key, _Row.payload, _Row.headers, *_LETTER).where(_Row.id == number)
        with self._database.reading() as connection:
            row = None if abs(number) >= 2**63 else connection.execute(wanted).one_or_none()
        if row is None:
            raise NotFoundError(f"dead letter {number} does not exist; `coachlm dead list` shows all")
        key, payload, headers, *columns = row
        return _stored(_LetterRow._make(columns), _Content(key, payload, headers))

    def unknown(self, numbers: Sequence[int]) -> list[int]:
        """Those of the numbers that no dead letter has, in order."""
        storable = [number for number in numbers if abs(number) < 2**63]
        with self._database.reading() as connection:
            chosen = is_among(connection, _Row.id.expression, storable)
            return sorted(set(numbers) - set(connection.scalars(select(_Row.id).where(chosen))))

    def mark_replayed(self, numbers: Sequence[int]) -> int:
        """After the broker has acknowledged them; gives how many are so marked now."""
        values = {"state": DeadState.REPLAYED.value, "replayed_at": self._now()}
        return self._change(numbers, values)

    def discard(self, numbers: Sequence[int]) -> int:
        """Delete their bytes; the rows stay, with what was wrong. Gives how many had not been discarded before."""
        return self._change(numbers, self._discarded(), _Row.state != DeadState.DISCARDED.value)

    def purge(self, days: int) -> int:
        """Discard what has been dead for so many days, replayed or not; gives how many."""
        old = (_Row.state != DeadState.DISCARDED.value, _Row.dead_at < self._now() - timedelta(days=days))
        with self._database.writing(durable=True) as connection:
            return connection.execute(update(_Row).where(*old).values(**self._discarded())).rowcount

    def counts(self) -> dict[tuple[DeadState, str, DeadReason], int]:
        """How many there are of each state, topic and reason."""
        grouped = (_Row.state, _Row.topic, _Row.reason)
        with self._database.reading() as connection:
            rows = connection.execute(select(*grouped, func.count()).group_by(*grouped).order_by(*grouped)).all()
        return {(DeadState(state), topic, DeadReason(reason)): count for state, topic, reason, count in rows}

    def _discarded(self) -> dict[str, object]:
        gone = {"state": DeadState.DISCARDED.value, "discarded_at": self._now()}
        return {**gone, "key": None, "headers": None, "payload": None}

    def _change(self, numbers: Sequence[int], values: Mapping[str, object], *where: ColumnElement[bool]) -> int:
        with self._database.writing(durable=True) as connection:
            chosen = is_among(connection, _Row.id.expression, numbers)
            return connection.execute(update(_Row).where(chosen, *where).values(**values)).rowcount


def _stored(row: _LetterRow, content: _Content) -> StoredLetter:
    message = StreamMessage(
        row.topic,
        row.partition,
        row.record,
        content.key,
        content.payload,
        message_headers(content.headers or ()),
        row.timestamp_ms,
    )
    return StoredLetter(
        row.id,
        DeadLetter(message, DeadReason(row.reason), row.error, row.tries),
        DeadState(row.state),
        row.payload_bytes,
        row.dead_at,
        row.replayed_at,
        row.discarded_at,
    )
