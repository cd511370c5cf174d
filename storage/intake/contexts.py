"""Stores the contexts of new pairs, each message once a conversation.

The longest contexts of a batch are stored, each behind the longest beginning of it that is stored already; the others
are beginnings of these.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from coachlm.context import Context, ContextMessage, Role
from coachlm.pairs import InstructionPair
from coachlm.text.user_text import join_user_text
from storage.engine.bulk import Row, insert_rows, is_among
from storage.pairs.contexts import write_body
from storage.tables.contexts import ContextRow


@dataclass(frozen=True, slots=True)
class StoredContext:
    """Where a pair's context is: the columns of its row."""

    context: int | None = None
    messages: int = 0
    steps: int = 0


@dataclass(slots=True)
class _Stretch:
    """A context on its way into rows, with its digest after each message."""

    context: Context
    chains: list[str]


def store_contexts(connection: Connection, pairs: Mapping[int, InstructionPair]) -> dict[int, StoredContext]:
    """By the numbers of the pairs; those without a context are left out. Under the lock of intake."""
    whole = {seq: _with_own_steps(pair) for seq, pair in pairs.items() if pair.context}
    if not whole:
        return {}
    writer = _Writer(connection, whole.values())
    found: dict[int, StoredContext] = {}
    for seq, context in whole.items():
        own = pairs[seq].context
        assert own is not None
        found[seq] = StoredContext(writer.number_of(context), len(own.messages), len(own.steps))
    writer.write()
    return found


def _with_own_steps(pair: InstructionPair) -> Context:
    """What has to be stored of the pair's context: its steps stand behind the pair's own question."""
    context = pair.context
    assert context is not None
    if not context.steps:
        return context
    question = ContextMessage(Role.USER, join_user_text(pair.instruction, pair.input))
    return context.extended((question, *context.steps))


class _Writer:
    """Finds or makes the row that holds each context."""

    def __init__(self, connection: Connection, contexts: Iterable[Context]) -> None:
        self._connection = connection
        self._rows: list[Row] = []
        self._next = (connection.scalar(select(func.max(ContextRow.id))) or 0) + 1
        stretches = _longest(contexts)
        self._ending = self._stored(sorted({chain for one in stretches for chain in one.chains}))
        self._holding: dict[str, int] = {}  # the row of a stretch holds all of its beginnings
        for stretch in stretches:
            number = self._number(stretch)
            self._holding.update(dict.fromkeys(stretch.chains, number))

    def number_of(self, context: Context) -> int:
        return self._holding[context.chain]

    def write(self) -> None:
        insert_rows(self._connection, ContextRow, self._rows)

    def _stored(self, chains: Sequence[str]) -> dict[str, int]:
        chosen = is_among(self._connection, ContextRow.digest.expression, chains)
        return dict(self._connection.execute(select(ContextRow.digest, ContextRow.id).where(chosen)).all())

    def _number(self, stretch: _Stretch) -> int:
        """The row with which the stretch ends; what isn't stored of it becomes one."""
        context, chains = stretch.context, stretch.chains
        start = next((at for at in reversed(range(len(chains))) if chains[at] in self._ending), 0)
        before = self._ending.get(chains[start])
        if before is None and (origin := context.cut(0)):
            before = self._row(chains[0], None, write_body((), origin))
        if start < len(chains) - 1:
            before = self._row(chains[-1], before, write_body(context.messages[start:]))
        assert before is not None
        return before

    def _row(self, digest: str, before: int | None, body: bytes) -> int:
        number, self._next = self._next, self._next + 1
        self._rows.append((number, digest, before, body))
        self._ending[digest] = number
        return number


def _longest(contexts: Iterable[Context]) -> list[_Stretch]:
    """Those that are no beginning of another one, longest first."""
    found: list[_Stretch] = []
    covered: set[str] = set()
    for context in sorted(contexts, key=lambda each: -len(each.messages)):
        if context.chain not in covered:
            stretch = _Stretch(context, context.chains())
            covered.update(stretch.chains)
            found.append(stretch)
    return found
