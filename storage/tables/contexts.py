"""The tables of what pairs were said in: conversations, and the messages before a turn."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.columns import Key
from storage.tables.pairs import HASH_LENGTH, Base, Number


class ConversationRow(Base):
    """A conversation of several turns."""

    __tablename__ = "conversations"
    __table_args__ = (
        Index(
            None,
            "holder",
            sqlite_where=text("holder IS NOT NULL"),
            postgresql_where=text("holder IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(HASH_LENGTH), unique=True)  # coachlm.pairs.Provenance.conversation
    task_class: Mapped[str | None] = mapped_column(Text)  # whose unit works on all of its turns
    holder: Mapped[Number | None]  # who gets its turns, where turns are handed out in order
    held_until: Mapped[datetime | None]


class ContextRow(Base):
    """Messages behind those of another row, or a beginning: system prompt, tools and documents. A pair's context is a
    row's messages, with those of the rows before it, up to a length; so each message stands once a conversation."""

    __tablename__ = "contexts"

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(String(HASH_LENGTH), unique=True)  # coachlm.context.Context.chain
    before: Mapped[int | None] = mapped_column(Key, ForeignKey("contexts.id"))
    body: Mapped[bytes] = mapped_column(LargeBinary)  # see storage.pairs.contexts
