"""What the database knows of the messages of a topic: which offsets came to what, which came to nothing, and which
accepted pairs nobody is going to bring to the coach."""

from collections import Counter
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    CompoundSelect,
    Connection,
    MetaData,
    Select,
    Table,
    Text,
    and_,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    union_all,
)

from coachlm.protocols.streams import Topic
from coachlm.status import Status
from storage.engine.bulk import is_among
from storage.engine.database import Database, utc_now
from storage.engine.texts import text_hash
from storage.pairs.announcements import announce
from storage.streams.dead_letters import DeadState
from storage.tables.pairs import JoinedRow, OccurrenceRow, PairRow, RejectRow, TextRow
from storage.tables.streams import DeadLetterRow, OutboxRow

_AtOffset = type[DeadLetterRow] | type[OccurrenceRow] | type[RejectRow] | type[JoinedRow]
_WINDOW = 50_000  # offsets looked at in one statement: memory stays the same for any range
_CHUNK = 5_000
_stranded = Table(
    "stranded",
    MetaData(),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    prefixes=["TEMPORARY"],
)
"""Of one connection alone."""


class Fate(IntEnum):
    """What a message came to, as its pairs stand now; the first that holds for any part of it counts."""

    ACCEPTED = 1
    EXCLUDED = 2
    DUPLICATE = 3
    DEAD = 4
    REJECTED = 5
    JOINED = 6


@dataclass(slots=True)
class Outcomes:
    """Of the offsets in a range; `missing` are ranges without outcome, in order, each without its end."""

    fates: Counter[Fate] = field(default_factory=Counter[Fate])
    missing: list[range] = field(default_factory=list[range])

    @property
    def missing_offsets(self) -> int:
        return sum(map(len, self.missing))


class StreamAudit:
    """Safe to share between threads. Raises (from every method): StoreError, naming the remedy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def first_offset(self, topic: str, partition: int) -> int | None:
        """The least offset that came to anything."""
        with self._database.reading() as connection:
            places = _places(connection, topic, partition).subquery()
            return connection.scalar(select(func.min(places.c.record)))

    def outcomes(self, topic: str, partition: int, start: int, end: int) -> Outcomes:
        """Of the offsets from `start` to before `end`; `topic` with its prefix."""
        found = Outcomes()
        for first in range(start, end, _WINDOW):
            window = range(first, min(first + _WINDOW, end))
            with self._database.reading() as connection:
                _count(connection, topic, partition, window, found)
        return found

    @contextmanager
    def unannounced(self, dead_topic: str) -> Generator["Unannounced"]:
        """Accepted pairs that are neither in the outbox nor among the dead letters of `dead_topic`; one snapshot."""
        with self._database.reading() as connection:
            _stranded.create(connection)
            found = Unannounced(self._database, connection)
            found.fill(dead_topic)
            yield found
            _stranded.drop(connection)


class Unannounced:
    """To be used within `StreamAudit.unannounced`."""

    def __init__(self, database: Database, connection: Connection) -> None:
        self._database = database
        self._connection = connection
        self.waiting = 0  # accepted pairs
        self.in_outbox = 0
        self.dead = 0

    def fill(self, dead_topic: str) -> None:
        announced = exists().where(OutboxRow.subject == PairRow.seq, OutboxRow.topic == Topic.ACCEPTED.value)
        accepted = PairRow.status == Status.ACCEPTED.value
        count = select(func.count()).select_from(PairRow)
        self.waiting = self._connection.scalar(count.where(accepted)) or 0
        self.in_outbox = self._connection.scalar(count.where(accepted, announced)) or 0
        wanted = select(PairRow.seq, PairRow.id).where(accepted, ~announced)
        self._connection.execute(insert(_stranded).from_select(["seq", "id"], wanted))
        letters = select(DeadLetterRow.key).where(
            DeadLetterRow.topic == dead_topic,
            DeadLetterRow.state == DeadState.OPEN.value,
            DeadLetterRow.key.is_not(None),
        )
        for keys in self._connection.execute(letters.execution_options(yield_per=_CHUNK)).partitions():
            self.dead += self.strike([key for (key,) in keys if key is not None])

    def strike(self, keys: Iterable[bytes]) -> int:
        """Those pairs, by the keys of their messages, are on their way; gives how many were not struck before."""
        ids = [key.decode("ascii", "replace") for key in keys]
        chosen = is_among(self._connection, _stranded.c.id, ids)
        return self._connection.execute(delete(_stranded).where(chosen)).rowcount if ids else 0

    def count(self) -> int:
        """How many are left: nobody is going to bring them to the coach."""
        return self._connection.scalar(select(func.count()).select_from(_stranded)) or 0

    def some(self, limit: int) -> list[str]:
        """Ids of the first ones that are left."""
        return list(self._connection.scalars(select(_stranded.c.id).order_by(_stranded.c.seq).limit(limit)))

    def announce(self) -> int:
        """Announce what is left and still accepted; gives how many. Doing it twice costs a message each, no more."""
        announced, after = 0, -1
        while chunk := self._chunk(after):
            after = chunk[-1]
            with self._database.writing() as connection:
                chosen = is_among(connection, PairRow.seq.expression, chunk)
                accepted = select(PairRow.seq).where(chosen, PairRow.status == Status.ACCEPTED.value)
                owed = [(Topic.ACCEPTED, seq) for seq in connection.scalars(accepted.order_by(PairRow.seq))]
                announce(connection, owed, utc_now())
                announced += len(owed)
        return announced

    def _chunk(self, after: int) -> list[int]:
        wanted = select(_stranded.c.seq).where(_stranded.c.seq > after).order_by(_stranded.c.seq).limit(_CHUNK)
        return list(self._connection.scalars(wanted))


def _count(connection: Connection, topic: str, partition: int, window: range, found: Outcomes) -> None:
    places = _places(connection, topic, partition, window).subquery()
    each = select(places.c.record, func.min(places.c.fate).label("fate")).group_by(places.c.record).subquery()
    counts = connection.execute(select(each.c.fate, func.count()).group_by(each.c.fate)).all()
    found.fates.update({Fate(fate): count for fate, count in counts})
    if sum(count for _fate, count in counts) < len(window):
        there = connection.scalars(select(each.c.record).order_by(each.c.record))
        _add_missing(found.missing, window, there)


def _add_missing(missing: list[range], window: range, there: Iterable[int]) -> None:
    """Neighbouring ranges of two windows become one."""
    following = window.start
    for record in (*there, window.stop):
        if record > following:
            start = missing.pop().start if missing and missing[-1].stop == following else following
            missing.append(range(start, record))
        following = record + 1


def _places(
    connection: Connection, topic: str, partition: int, window: range | None = None
) -> Select[int, int] | CompoundSelect[int, int]:
    """Selects `record` and `fate` of whatever stands at the partition's offsets."""
    name = f"{topic}:{partition}"
    source = connection.scalar(select(TextRow.id).where(TextRow.hash == text_hash(name)))
    letters = select(DeadLetterRow.record, literal(Fate.DEAD.value).label("fate")).where(
        DeadLetterRow.topic == topic, DeadLetterRow.partition == partition, *_within(DeadLetterRow, window)
    )
    if source is None:
        return letters
    return union_all(
        letters,
        _pair_fates().where(OccurrenceRow.source == source, *_within(OccurrenceRow, window)),
        *(
            select(entity.record, literal(fate.value)).where(entity.source == source, *_within(entity, window))
            for entity, fate in ((RejectRow, Fate.REJECTED), (JoinedRow, Fate.JOINED))
        ),
    )


def _pair_fates() -> Select[int, int]:
    fate = case(
        (and_(OccurrenceRow.is_repeat.is_(False), PairRow.status == Status.EXCLUDED.value), Fate.EXCLUDED.value),
        (and_(OccurrenceRow.is_repeat.is_(False), PairRow.status != Status.DUPLICATE.value), Fate.ACCEPTED.value),
        else_=Fate.DUPLICATE.value,
    )
    return select(OccurrenceRow.record, fate).join(PairRow, PairRow.seq == OccurrenceRow.pair)


def _within(entity: _AtOffset, window: range | None) -> list[ColumnElement[bool]]:
    return [] if window is None else [entity.record >= window.start, entity.record < window.stop]
