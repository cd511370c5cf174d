"""The tables of what pairs were said in: conversations, and the messages before a turn."""

from sqlalchemy import ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from storage.tables.columns import Key
from storage.tables.pairs import HASH_LENGTH, Base


class ConversationRow(Base):
    """A conversation of several turns."""

    __tablename__ = "conversations"

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(HASH_LENGTH), unique=True)  # coachlm.pairs.Provenance.conversation
    task_class: Mapped[str | None] = mapped_column(Text)  # whose unit works on all of its turns


class ContextRow(Base):
    """Messages behind those of another row, or a beginning: system prompt, tools and documents. A pair's context is a
    row's messages, with those of the rows before it, up to a length; so each message stands once a conversation."""

    __tablename__ = "contexts"

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(String(HASH_LENGTH), unique=True)  # coachlm.context.Context.chain
    before: Mapped[int | None] = mapped_column(Key, ForeignKey("contexts.id"))
    body: Mapped[bytes] = mapped_column(LargeBinary)  # see storage.pairs.contexts
