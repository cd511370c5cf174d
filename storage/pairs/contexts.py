"""Contexts as rows hold them, and how they are put together again.

A row's body is compressed JSON: `system`, `tools` and `documents` where a conversation begins, and `messages`, each as
[role, text, name, [[called tool, arguments], …]] without what is empty at its end.
"""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection, select
from sqlalchemy.orm import aliased

from coachlm.context import Context, ContextMessage, Role, ToolCall
from coachlm.pairs import InstructionPair
from storage.engine.bulk import is_among
from storage.tables.contexts import ContextRow, ConversationRow
from storage.tables.rows import ContextColumns, TextColumns

_Body = tuple[int | None, Any]  # the row before, and what JSON holds


class PairColumns(TextColumns, ContextColumns, Protocol):
    """A row that has the texts of a pair and says which context it has."""


class WaitingPair(NamedTuple):
    """A pair that waits for the coach."""

    seq: int
    id: str
    instruction: str
    input: str
    response: str
    context: int | None
    context_messages: int
    context_steps: int
    created_at: datetime


def write_body(messages: Sequence[ContextMessage], origin: Context | None = None) -> bytes:
    """`origin`: the context that begins here."""
    body: dict[str, Any] = {"messages": [_message_as_list(message) for message in messages]} if messages else {}
    if origin is not None:
        named = {"system": origin.system, "tools": origin.tools, "documents": origin.documents}
        body |= {name: value for name, value in named.items() if value}
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(text.encode("utf-8", "surrogatepass"), 9)


class Contexts:
    """The contexts of some pairs, read together."""

    def __init__(self, connection: Connection, rows: Iterable[ContextColumns]) -> None:
        wanted = sorted({row.context for row in rows if row.context is not None})
        self._bodies: Mapping[int, _Body] = _read_bodies(connection, wanted) if wanted else {}
        self._whole: dict[int, Context] = {}

    def of(self, row: ContextColumns) -> Context | None:
        if row.context is None:
            return None
        return self._up_to(row.context).cut(row.context_messages, row.context_steps)

    def pair(self, row: PairColumns) -> InstructionPair:
        """The raw pair of a row, in its context."""
        return InstructionPair(row.instruction, row.input, row.response, self.of(row))

    def _up_to(self, number: int) -> Context:
        """All messages of a row and of those before it."""
        waiting: list[int] = []
        found = self._whole.get(number)
        following: int | None = number
        while found is None and following is not None:
            waiting.append(following)
            following = self._bodies[following][0]
            found = None if following is None else self._whole.get(following)
        context = found or Context()
        for each in reversed(waiting):
            context = self._whole[each] = _context_after(context, self._bodies[each][1])
        return context


def read_context(connection: Connection, row: ContextColumns) -> Context | None:
    return Contexts(connection, [row]).of(row)


def read_conversation_names(connection: Connection, numbers: Iterable[int | None]) -> dict[int, str]:
    wanted = sorted({number for number in numbers if number is not None})
    if not wanted:
        return {}
    chosen = is_among(connection, ConversationRow.id.expression, wanted)
    return dict(connection.execute(select(ConversationRow.id, ConversationRow.name).where(chosen)).all())


def _read_bodies(connection: Connection, numbers: Sequence[int]) -> dict[int, _Body]:
    columns = (ContextRow.id, ContextRow.before, ContextRow.body)
    rows = select(*columns).where(is_among(connection, ContextRow.id.expression, numbers)).cte(recursive=True)
    earlier = aliased(ContextRow)
    rows = rows.union(select(earlier.id, earlier.before, earlier.body).join(rows, rows.c.before == earlier.id))
    return {number: (before, _loads(body)) for number, before, body in connection.execute(select(rows))}


def _loads(body: bytes) -> Any:
    return json.loads(zlib.decompress(body).decode("utf-8", "surrogatepass"))


def _context_after(before: Context, body: Mapping[str, Any]) -> Context:
    messages = (*before.messages, *(_message_from_list(*item) for item in body.get("messages", ())))
    return Context(
        body.get("system", before.system),
        messages,
        tools=tuple(body.get("tools", before.tools)),
        documents=tuple(body.get("documents", before.documents)),
    )


def _message_as_list(message: ContextMessage) -> list[Any]:
    calls = [[call.name, call.arguments] for call in message.calls]
    found: list[Any] = [message.role.value, message.text, message.name, calls]
    while not found[-1]:
        found.pop()
    return found


def _message_from_list(
    role: str, text: str = "", name: str = "", calls: Sequence[Sequence[str]] = ()
) -> ContextMessage:
    return ContextMessage(Role(role), text, tuple(ToolCall(*call) for call in calls), name)
