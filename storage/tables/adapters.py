"""The tables of the adapter registry."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.columns import AnyText, Json, Key
from storage.tables.pairs import Base, Name, Surrogate, Written


class AdapterRow(Base):
    """An adapter. The database itself refuses a second current one, and a second canary."""

    __tablename__ = "adapters"
    __table_args__ = (
        Index(
            "uq_adapters_current",
            "state",
            unique=True,
            sqlite_where=text("state = 'current'"),
            postgresql_where=text("state = 'current'"),
        ),
        Index(
            "uq_adapters_canary",
            "state",
            unique=True,
            sqlite_where=text("state = 'canary'"),
            postgresql_where=text("state = 'canary'"),
        ),
    )

    id: Mapped[Surrogate]
    digest: Mapped[str] = mapped_column(AnyText, unique=True)
    base: Mapped[Written]
    base_digest: Mapped[Written]
    artifact: Mapped[Written]
    state: Mapped[Name]  # coachlm.coaching.adapters.AdapterState
    training: Mapped[dict[str, object] | None] = mapped_column(Json, nullable=True)
    gate: Mapped[dict[str, object] | None] = mapped_column(Json, nullable=True)
    canary_share: Mapped[float]
    previous: Mapped[Written | None]  # digest of the one that was current when this one was promoted
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class AdapterEventRow(Base):
    """A change of an adapter's state: who, when, why. Append-only."""

    __tablename__ = "adapter_events"
    __table_args__ = (Index(None, "adapter"),)

    id: Mapped[Surrogate]
    adapter: Mapped[int] = mapped_column(Key, ForeignKey("adapters.id"))
    from_state: Mapped[Name | None]
    to_state: Mapped[Name]
    person: Mapped[Written]
    detail: Mapped[Written]
    created_at: Mapped[datetime]


class RefreshRunRow(Base):
    """A run of the refresh service; a killed one is found here and goes on."""

    __tablename__ = "refresh_runs"

    id: Mapped[Surrogate]
    folder: Mapped[Written]
    approved_pairs: Mapped[int]  # how many there were when it began
    step: Mapped[Name]  # what it does, or how it ended
    adapter: Mapped[Written | None]
    detail: Mapped[Written]
    started_at: Mapped[datetime]
    changed_at: Mapped[datetime]
