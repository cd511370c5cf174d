"""The tables of the streams: messages that were given up, and what is yet to be published."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.columns import AnyText, Json, Key
from storage.tables.pairs import Base, Name, Number, Surrogate, Written


class DeadLetterRow(Base):
    """A message that no stage could handle, with its bytes as they came: personal data in them is not replaced."""

    __tablename__ = "dead_letters"
    __table_args__ = (UniqueConstraint("topic", "partition", "record"), Index(None, "state", "dead_at"))

    id: Mapped[Surrogate]
    topic: Mapped[str] = mapped_column(AnyText)  # with its prefix
    partition: Mapped[Number]
    record: Mapped[Number]  # the message's offset
    key: Mapped[bytes | None] = mapped_column(LargeBinary)  # these three are NULL once discarded
    headers: Mapped[list[list[str | None]] | None] = mapped_column(Json, nullable=True)  # see storage.streams.headers
    payload: Mapped[bytes | None] = mapped_column(LargeBinary)
    payload_bytes: Mapped[int | None] = mapped_column(BigInteger)  # NULL: the message had no value (a tombstone)
    timestamp_ms: Mapped[Number]  # the message's, as it came: any number
    reason: Mapped[Name]  # coachlm.protocols.streams.DeadReason
    error: Mapped[Written]
    tries: Mapped[int]
    state: Mapped[Name]  # storage.streams.dead_letters.DeadState
    dead_at: Mapped[datetime]
    replayed_at: Mapped[datetime | None]  # when the broker had acknowledged it, the last time
    discarded_at: Mapped[datetime | None]


class OutboxRow(Base):
    """An announcement that the transaction which wrote it owes to the topics; deleted once published.

    `subject` is a pair's number, or a dead letter's for `pairs.dead`. Without a foreign key: the row lives for moments,
    and whoever writes it has just written what it names.
    """

    __tablename__ = "outbox"
    __table_args__ = ({"sqlite_autoincrement": True},)

    number: Mapped[int] = mapped_column(Key, primary_key=True)
    topic: Mapped[str] = mapped_column(Text)  # coachlm.protocols.streams.Topic, without prefix
    subject: Mapped[Number]
    created_at: Mapped[datetime]
