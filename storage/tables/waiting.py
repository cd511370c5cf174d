"""The table of model calls that arrive in parts."""

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.columns import AnyText
from storage.tables.pairs import Base, Written


class WaitingCallRow(Base):
    """What has come of a model call so far, without personal data; without it where the call has been taken in."""

    __tablename__ = "waiting_calls"
    __table_args__ = (Index(None, "changed_at"),)

    key: Mapped[str] = mapped_column(AnyText, primary_key=True)  # of the sender and their call
    parts: Mapped[Written]  # JSON; empty: taken in
    changed_at: Mapped[datetime]
