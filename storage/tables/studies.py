"""The tables of blind ratings.

What was drawn, who gets it in which order, and every rating that was given are append-only: triggers refuse to change
or delete a row, whatever program asks for it. A rating that was changed is a second row.
"""

from datetime import datetime
from typing import Annotated

from sqlalchemy import ForeignKey, Index, SmallInteger, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.columns import AnyText, Json, Key
from storage.tables.pairs import HASH_LENGTH, Base, PersonId, Surrogate, Written

StudyId = Annotated[int, mapped_column(Key, ForeignKey("rating_studies.id"))]


class RatingStudyRow(Base):
    """Versions of pairs that people rate without knowing which is which."""

    __tablename__ = "rating_studies"

    id: Mapped[Surrogate]
    name: Mapped[str] = mapped_column(AnyText, unique=True)
    sources: Mapped[list[str]] = mapped_column(Json)  # names of the versions
    seed: Mapped[Written]
    owner: Mapped[PersonId | None]  # None: made at the command line, for operators to see
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]


class RatingRaterRow(Base):
    """Somebody who rates in a study."""

    __tablename__ = "rating_raters"

    person: Mapped[PersonId] = mapped_column(primary_key=True)
    study: Mapped[StudyId] = mapped_column(primary_key=True)
    position: Mapped[int]  # in tables


class RatingTaskRow(Base):
    """One version of one pair. Append-only: it is the key that says which text was which."""

    __tablename__ = "rating_tasks"
    __table_args__ = (UniqueConstraint("study", "item", "source"),)

    id: Mapped[Surrogate]
    study: Mapped[StudyId]
    item: Mapped[int]  # the same for all versions of a pair
    source: Mapped[int] = mapped_column(SmallInteger)  # place in the study's sources
    instruction_differs: Mapped[bool]  # between the versions of this pair
    instruction: Mapped[Written]
    input: Mapped[Written]
    response: Mapped[Written]
    context: Mapped[dict[str, object] | None] = mapped_column(Json, nullable=True)  # coachlm.context.context_record


class RatingPlaceRow(Base):
    """Which task a rater gets at which place of their order, from 1. Append-only."""

    __tablename__ = "rating_places"
    __table_args__ = (UniqueConstraint("study", "person", "place"), UniqueConstraint("task", "person"))

    id: Mapped[Surrogate]
    study: Mapped[StudyId]
    person: Mapped[PersonId]
    place: Mapped[int]
    task: Mapped[int] = mapped_column(Key, ForeignKey("rating_tasks.id"))


class RatingRow(Base):
    """What a rater gave; of several versions the last one counts. Append-only."""

    __tablename__ = "ratings"
    __table_args__ = (UniqueConstraint("place", "version"), UniqueConstraint("person", "idempotency_key"))

    id: Mapped[Surrogate]
    place: Mapped[int] = mapped_column(Key, ForeignKey("rating_places.id"))
    person: Mapped[PersonId]
    version: Mapped[int]  # from 1
    instruction_score: Mapped[int] = mapped_column(SmallInteger)
    response_score: Mapped[int] = mapped_column(SmallInteger)
    flaws: Mapped[list[str] | None] = mapped_column(Json, nullable=True)
    comment: Mapped[Written]
    idempotency_key: Mapped[Written]
    created_at: Mapped[datetime]


class RatingWithheldRow(Base):
    """The id of a pair, or of a text that could be one, which a study's raters see nowhere else while it is open."""

    __tablename__ = "rating_withheld"
    __table_args__ = (Index(None, "study"),)

    pair_id: Mapped[str] = mapped_column(String(HASH_LENGTH), primary_key=True)
    study: Mapped[StudyId] = mapped_column(primary_key=True)
