"""The tables of pairs and of intake; those of revising and post-editing are in `storage.tables.desk`.

Pairs are referred to by `seq`, their number in order of arrival; `id`, the hash of their content, is what the outside
sees. Paths and system prompts repeat in thousands of rows and stand once in `texts`.
"""

from datetime import datetime
from typing import Annotated

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Float,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    func,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from storage.tables.columns import AnyText, Json, Key, Moment

HASH_LENGTH = 32  # xxh3-128 in hex

Surrogate = Annotated[int, mapped_column(Key, primary_key=True)]
Number = Annotated[int, mapped_column(BigInteger)]
PairSeq = Annotated[int, mapped_column(Key, ForeignKey("pairs.seq"))]
PersonId = Annotated[int, mapped_column(Key, ForeignKey("people.id"))]
TextId = Annotated[int, mapped_column(Key, ForeignKey("texts.id"))]
Name = Annotated[str, mapped_column(Text)]  # a member of one of our enums, or hex
Written = Annotated[str, mapped_column(AnyText)]  # what somebody wrote


class Base(DeclarativeBase):
    """Names of constraints follow one pattern, so that migrations can refer to them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: Moment, float: Float, bool: Boolean}  # noqa: RUF012  # SQLAlchemy's own protocol


class MetaRow(Base):
    """What the database says about itself: `application`, and the salt of user hashes. Intake locks `intake`."""

    __tablename__ = "meta"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[Name]


class TextRow(Base):
    """A text that many rows share: a source's path, a system prompt."""

    __tablename__ = "texts"

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    hash: Mapped[str] = mapped_column(String(HASH_LENGTH), unique=True)
    text: Mapped[Written]


class PersonRow(Base):
    """Somebody who annotates, reviews or operates."""

    __tablename__ = "people"
    __table_args__ = (Index(None, "token_id", unique=True), Index(None, "subject", unique=True))

    id: Mapped[Surrogate]
    name: Mapped[str] = mapped_column(AnyText, unique=True)
    role: Mapped[Name]
    unit: Mapped[Name | None]  # the task class whose items the person gets; None: every class
    created_at: Mapped[datetime]
    seniority: Mapped[Name]  # coachlm.desk.work.Seniority
    is_active: Mapped[bool]
    token_id: Mapped[Written | None]  # the part of the token that finds the person
    token_hash: Mapped[Written | None]
    subject: Mapped[Written | None]  # whom an identity provider knows the person as
    worked_at: Mapped[datetime | None]  # until when their active time is counted
    time_zone: Mapped[Name | None]  # an IANA name; None: UTC


class PairRow(Base):
    """A distinct text in its context: raw, with its status. Rows are never deleted."""

    __tablename__ = "pairs"
    __table_args__ = (
        Index(None, "status", "seq"),
        Index(
            None,
            "exclude_reason",
            "seq",
            sqlite_where=text("exclude_reason IS NOT NULL"),
            postgresql_where=text("exclude_reason IS NOT NULL"),
        ),
        Index(
            None,
            "conversation",
            "turn",
            sqlite_where=text("conversation IS NOT NULL"),
            postgresql_where=text("conversation IS NOT NULL"),
        ),
    )

    seq: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(AnyText, unique=True)  # looked up by whatever somebody types
    instruction: Mapped[Written]
    input: Mapped[Written]
    response: Mapped[Written]
    status: Mapped[Name]
    version: Mapped[int]  # counts changes; whoever changes a pair says which version they saw
    task_class: Mapped[Name | None]  # as predicted
    class_confidence: Mapped[float]
    corrected_class: Mapped[Name | None]  # as a person sees it
    duplicate_of: Mapped[PairSeq | None]
    exclude_reason: Mapped[Name | None]
    exclude_detail: Mapped[Written | None]
    created_at: Mapped[datetime]
    conversation: Mapped[Number | None]  # of conversations; None: a single exchange
    turn: Mapped[int | None]  # from 1
    context: Mapped[Number | None]  # of contexts; None: said in none
    context_messages: Mapped[int]  # how many of its messages, with those of the rows before, come before the turn
    context_steps: Mapped[int]  # how many behind the question that follows them lead to the answer


def class_column() -> ColumnElement[str | None]:
    """A pair's class: as a person corrected it, else as predicted."""
    return func.coalesce(PairRow.corrected_class, PairRow.task_class)


class OccurrenceRow(Base):
    """One place where a pair's text stood. A changed file may hold another pair at the same place: both stay."""

    __tablename__ = "occurrences"
    __table_args__ = (Index(None, "pair", "is_repeat"), {"sqlite_with_rowid": False})

    source: Mapped[TextId] = mapped_column(primary_key=True)
    record: Mapped[Number] = mapped_column(primary_key=True)
    part: Mapped[Number] = mapped_column(primary_key=True)
    pair: Mapped[PairSeq] = mapped_column(primary_key=True)
    is_repeat: Mapped[bool]  # False for the pair's first occurrence
    format: Mapped[Written]
    source_id: Mapped[Written | None]
    timestamp: Mapped[datetime | None]
    model: Mapped[Written | None]
    system_prompt: Mapped[TextId | None]
    session_hash: Mapped[Written | None]
    user_hash: Mapped[Written | None]
    language: Mapped[Written | None]
    extra: Mapped[dict[str, object] | None] = mapped_column(Json, nullable=True)


class RejectRow(Base):
    """A record, or a part of one, that became no pair."""

    __tablename__ = "rejects"
    __table_args__ = (
        Index(None, "reason", "source", "record", "part"),
        {"sqlite_with_rowid": False},
    )

    source: Mapped[TextId] = mapped_column(primary_key=True)
    record: Mapped[Number] = mapped_column(primary_key=True)
    part: Mapped[Number] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(Text, primary_key=True)
    detail: Mapped[Written]
    format: Mapped[Written | None]
    excerpt: Mapped[Written | None]  # how it begins, without personal data; None: stored before excerpts were


class JoinedRow(Base):
    """A record that became part of a pair elsewhere: `unmatched` doesn't hold for it, whenever that is said."""

    __tablename__ = "joined_records"
    __table_args__ = ({"sqlite_with_rowid": False},)

    source: Mapped[TextId] = mapped_column(primary_key=True)
    record: Mapped[Number] = mapped_column(primary_key=True)
    part: Mapped[Number] = mapped_column(primary_key=True)


class IntakePositionRow(Base):
    """How far a source has been read; written in the transaction that stores what was read."""

    __tablename__ = "intake_positions"

    source: Mapped[TextId] = mapped_column(primary_key=True)
    records: Mapped[Number]
    finished: Mapped[bool]
    has_fragments: Mapped[bool]
    digest: Mapped[Written]


class RedactionRow(Base):
    """How often a kind of personal data was replaced, over all occurrences."""

    __tablename__ = "redactions"

    kind: Mapped[str] = mapped_column(AnyText, primary_key=True)
    count: Mapped[Number]


class BandRow(Base):
    """The first kept pair with this MinHash band key. Without a foreign key: an index that can be built anew."""

    __tablename__ = "minhash_bands"

    key: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    pair: Mapped[Number]
