"""The tables of rollups: sums per hour that the figures read instead of pairs.

Everything is a whole number, so that sums kept step by step equal a recount exactly.
"""

from sqlalchemy import BigInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.columns import AnyText, Key
from storage.tables.pairs import Base, Number, PersonId


class WorkRollupRow(Base):
    """What a person did in an hour, told apart by where the item's lease says that it is counted."""

    __tablename__ = "work_rollups"
    __table_args__ = ({"sqlite_with_rowid": False},)

    hour: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)  # since 1970, UTC
    person: Mapped[PersonId] = mapped_column(Key, primary_key=True, autoincrement=False)
    unit: Mapped[str] = mapped_column(Text, primary_key=True)
    task_class: Mapped[str] = mapped_column(Text, primary_key=True)
    engine: Mapped[str] = mapped_column(AnyText, primary_key=True)
    adapter: Mapped[str] = mapped_column(AnyText, primary_key=True)
    arm: Mapped[str] = mapped_column(Text, primary_key=True)
    claimed: Mapped[Number]
    submitted: Mapped[Number]  # what was withdrawn is no longer counted
    untouched: Mapped[Number]
    withdrawn: Mapped[Number]
    excluded: Mapped[Number]
    skipped: Mapped[Number]
    released: Mapped[Number]
    sent: Mapped[Number]  # to the owner
    reviewed: Mapped[Number]
    returned: Mapped[Number]
    fixed: Mapped[Number]
    approved: Mapped[Number]  # by an owner, or unsampled
    active_ms: Mapped[Number]  # of what was submitted
    timed: Mapped[Number]  # these five are a `coachlm.desk.efficiency.WorkTime` of first submits
    timed_ms: Mapped[Number]
    log_micros: Mapped[Number]
    log_squared_micros: Mapped[Number]
    unusable: Mapped[Number]
    raw_distance: Mapped[Number]  # characters, raw → final
    revision_distance: Mapped[Number]  # characters, revision → final
    disagreement: Mapped[Number]  # characters, annotator → owner


class StageRollupRow(Base):
    """How many pairs came out of a stage in an hour, and what that took."""

    __tablename__ = "stage_rollups"
    __table_args__ = ({"sqlite_with_rowid": False},)

    hour: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)  # since 1970, UTC
    stage: Mapped[str] = mapped_column(Text, primary_key=True)  # storage.pairs.rollups.Stage
    reason: Mapped[str] = mapped_column(AnyText, primary_key=True)
    engine: Mapped[str] = mapped_column(AnyText, primary_key=True)
    adapter: Mapped[str] = mapped_column(AnyText, primary_key=True)
    pairs: Mapped[Number]
    tokens: Mapped[Number]  # that the reviser wrote
    work_ms: Mapped[Number]  # that the reviser took
