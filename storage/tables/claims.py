"""The table of pairs that workers have in hands."""

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.columns import AnyText
from storage.tables.pairs import Base, PairSeq


class RevisionClaimRow(Base):
    """An accepted pair that a worker revises; another may take it when the claim is over."""

    __tablename__ = "revision_claims"
    __table_args__ = (Index(None, "worker"),)

    pair: Mapped[PairSeq] = mapped_column(primary_key=True, autoincrement=False)
    worker: Mapped[str] = mapped_column(AnyText)
    expires_at: Mapped[datetime]
