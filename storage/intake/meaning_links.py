"""Links among pairs that mean the same: made after intake, by whoever compared them, and taken back as easily."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import aliased

from coachlm.errors import NotFoundError
from coachlm.pairs import InstructionPair
from coachlm.protocols.streams import Topic
from coachlm.status import Status
from storage.engine.bulk import is_among
from storage.engine.database import Database, utc_now
from storage.engine.results import all_rows
from storage.pairs.announcements import announce_where_streamed
from storage.pairs.contexts import Contexts
from storage.pairs.states import change_status, lock_pair
from storage.tables.pairs import PairRow

MEANING = "meaning"
"""How the detail of such a link begins."""
_OUT = (Status.EXCLUDED.value, Status.DUPLICATE.value)
_original = aliased(PairRow)


@dataclass(frozen=True, slots=True)
class KeptPair:
    """A pair that others may be linked to, and that may be linked while it waits for the coach."""

    id: str
    pair: InstructionPair
    waits: bool


@dataclass(frozen=True, slots=True)
class MeaningLink:
    """That a pair says what an earlier one says."""

    pair_id: str
    original_id: str
    detail: str = ""


class _KeptRow(NamedTuple):
    seq: int
    id: str
    instruction: str
    input: str
    response: str
    status: str
    context: int | None
    context_messages: int
    context_steps: int


class _LinkRow(NamedTuple):
    id: str
    original: str | None
    detail: str | None


class MeaningLinks:
    """Raises (all): StoreError, naming the remedy."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    def kept(self) -> list[KeptPair]:
        """All pairs but those that are excluded or duplicates, in order of arrival."""
        columns = [getattr(PairRow, name) for name in _KeptRow._fields]
        with self._database.reading() as connection:
            found = connection.execute(select(*columns).where(PairRow.status.not_in(_OUT)).order_by(PairRow.seq))
            rows = all_rows(_KeptRow, found)
            contexts = Contexts(connection, rows)
        return [KeptPair(row.id, contexts.pair(row), row.status == Status.ACCEPTED.value) for row in rows]

    def link(self, links: Sequence[MeaningLink]) -> int:
        """How many pairs became duplicates; what no longer waits for the coach stays as it is."""
        linked = 0
        with self._database.writing() as connection:
            wanted = sorted({link.original_id for link in links})
            chosen = is_among(connection, PairRow.id.expression, wanted)
            originals = dict(connection.execute(select(PairRow.id, PairRow.seq).where(chosen)).all())
            for link in sorted(links, key=lambda one: one.pair_id):
                if link.original_id not in originals:
                    raise NotFoundError(f"pair {link.original_id!r} does not exist; compare the pairs again")
                pair = lock_pair(connection, link.pair_id)
                if pair.status is Status.ACCEPTED and originals[link.original_id] != pair.seq:
                    detail = f"{MEANING} {link.detail}".strip()
                    to = {"duplicate_of": originals[link.original_id]}
                    now = self._now()
                    change_status(connection, pair, Status.DUPLICATE, now, detail=detail, exclude_detail=detail, **to)
                    linked += 1
        return linked

    def unlink(self) -> int:
        """Every pair that was linked by meaning waits for the coach again; gives how many."""
        with self._database.writing() as connection:
            chosen = select(PairRow.id).where(
                PairRow.status == Status.DUPLICATE.value, PairRow.exclude_detail.startswith(f"{MEANING} ")
            )
            found = sorted(connection.scalars(chosen))
            for pair_id in found:
                pair = lock_pair(connection, pair_id)
                gone: dict[str, None] = {"duplicate_of": None, "exclude_detail": None}
                announce_where_streamed(connection, Topic.ACCEPTED, pair.seq, self._now())
                change_status(connection, pair, Status.ACCEPTED, self._now(), detail="link taken back", **gone)
        return len(found)

    def duplicates(self, limit: int) -> list[MeaningLink]:
        """The first links, by words or meaning, in order of arrival."""
        with self._database.reading() as connection:
            found = connection.execute(
                select(PairRow.id, _original.id.label("original"), PairRow.exclude_detail.label("detail"))
                .join(_original, _original.seq == PairRow.duplicate_of, isouter=True)
                .where(PairRow.status == Status.DUPLICATE.value)
                .order_by(PairRow.seq)
                .limit(limit)
            )
            rows = all_rows(_LinkRow, found)
        return [MeaningLink(row.id, row.original or "", row.detail or "") for row in rows]
