"""What people see around pairs: where and when they were said."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from coachlm.context import Context
from coachlm.desk.dataset import TurnTexts
from coachlm.desk.signals import remarks_in
from coachlm.desk.work import Background
from coachlm.text.retelling import retold
from storage.engine.bulk import is_among
from storage.engine.results import all_rows
from storage.pairs.contexts import Contexts
from storage.pairs.last_texts import read_told_turns
from storage.tables.pairs import OccurrenceRow, PairRow


class _Place(NamedTuple):
    seq: int
    conversation: int | None
    turn: int | None
    context: int | None
    context_messages: int
    context_steps: int
    model: str | None
    timestamp: datetime | None
    extra: dict[str, object] | None


def read_backgrounds(connection: Connection, numbers: Sequence[int]) -> dict[int, Background]:
    """By the numbers of the pairs. Earlier turns stand in the people's texts where there are any."""
    if not numbers:
        return {}
    origin = OccurrenceRow
    columns = (
        *(PairRow.__table__.c[name] for name in _Place._fields[:-3]),
        origin.model,
        origin.timestamp,
        origin.extra,
    )
    found = connection.execute(
        select(*columns)
        .join(origin, (origin.pair == PairRow.seq) & origin.is_repeat.is_(False))
        .where(is_among(connection, PairRow.seq.expression, numbers))
    )
    rows = all_rows(_Place, found)
    contexts = Contexts(connection, rows)
    spoken = {row.conversation for row in rows if row.conversation is not None and row.context_messages}
    told = read_told_turns(connection, sorted(spoken))
    return {row.seq: _background(row, contexts.of(row), told.get(row.conversation or 0, ())) for row in rows}


def _background(row: _Place, context: Context | None, told: Sequence[TurnTexts]) -> Background:
    if context is not None:
        context = retold(context, [(turn.turn, turn.raw, turn.final) for turn in told if turn.final is not None])
    return Background(context, row.turn, row.model, row.timestamp, remarks_in(row.extra or {}))
