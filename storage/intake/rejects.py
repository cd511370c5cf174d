"""Rejects as people look at them: page by page, one record's, or counted."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, func, select, tuple_

from coachlm.errors import InputError, NotFoundError
from coachlm.pairs import RejectReason
from coachlm.rejects import RejectedRecord, RejectPage, place_of
from storage.engine.database import Database
from storage.engine.results import all_rows
from storage.engine.texts import text_hash
from storage.tables.pairs import RejectRow, TextRow

_Row = RejectRow
_PAGE = 1000
_MOST = 2**63


@dataclass(frozen=True, slots=True)
class RejectChoice:
    """Which rejects; what is None doesn't matter."""

    reason: RejectReason | None = None
    source: str | None = None  # a part of its name
    format: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if self.source is not None:
            named = select(TextRow.id).where(TextRow.text.contains(self.source, autoescape=True))
            found.append(_Row.source.in_(named))
        if self.format is not None:
            found.append(_Row.format == self.format)
        return found


class _Found(NamedTuple):
    source: int
    record: int
    part: int
    reason: str
    detail: str
    format: str | None
    excerpt: str | None
    path: str


_COLUMNS = (*(_Row.__table__.c[name] for name in _Found._fields[:-1]), TextRow.text.label("path"))
_FOUND = select(*_COLUMNS).join(TextRow, TextRow.id == _Row.source)


class Rejects:
    """Every method sees one snapshot and blocks no writer. Raises (all): StoreError, naming the remedy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, choice: RejectChoice, *, after: str | None = None, limit: int = 50) -> RejectPage:
        """Raises: InputError, for an `after` that no page gave."""
        place = None if after is None else _read_cursor(after)
        with self._database.reading() as connection:
            rows = _rows(connection, choice, place, limit + 1)
        return RejectPage(tuple(map(_rejected, rows[:limit])), _cursor(rows[limit - 1]) if len(rows) > limit else None)

    def each(self, choice: RejectChoice) -> Iterator[RejectedRecord]:
        """All of them, in flat memory, from one snapshot."""
        place: tuple[int, int, int, str] | None = None
        with self._database.reading() as connection:
            while rows := _rows(connection, choice, place, _PAGE):
                yield from map(_rejected, rows)
                last = rows[-1]
                place = (last.source, last.record, last.part, last.reason)

    def of_record(self, source: str, record: int) -> list[RejectedRecord]:
        """All of one record. Raises: NotFoundError."""
        at = (TextRow.hash == text_hash(source), _Row.record == record)
        with self._database.reading() as connection:
            statement = _FOUND.where(*at).order_by(_Row.part, _Row.reason)
            rows = all_rows(_Found, connection.execute(statement)) if 0 <= record < _MOST else []
        if not rows:
            place = place_of(source, record)
            raise NotFoundError(f"nothing of {place} was rejected; `coachlm rejects list` shows all places")
        return [_rejected(row) for row in rows]

    def counts(self) -> dict[RejectReason, int]:
        """Most frequent first."""
        with self._database.reading() as connection:
            found = connection.execute(select(_Row.reason, func.count()).group_by(_Row.reason)).all()
        return {RejectReason(reason): count for reason, count in sorted(found, key=lambda row: (-row[1], row[0]))}


def _rows(
    connection: Connection, choice: RejectChoice, place: tuple[int, int, int, str] | None, limit: int
) -> list[_Found]:
    """Along one index, whether a reason is wanted or not; see `storage.engine.arrivals` about the range."""
    source, record, part, reason = place or (-1, -1, -_MOST, "")
    order = (_Row.source, _Row.record, _Row.part)
    if choice.reason is None:
        wanted = [tuple_(*order, _Row.reason) > tuple_(source, record, part, reason)]
        statement = _FOUND.where(*wanted, *choice.conditions()).order_by(*order, _Row.reason)
    else:
        name = choice.reason.value
        wanted = [tuple_(_Row.reason, *order) > tuple_(name, source, record, part), _Row.reason <= name]
        statement = _FOUND.where(*wanted, *choice.conditions()).order_by(_Row.reason, *order)
    return all_rows(_Found, connection.execute(statement.limit(limit)))


def _rejected(row: _Found) -> RejectedRecord:
    return RejectedRecord(row.path, row.record, row.part, RejectReason(row.reason), row.detail, row.format, row.excerpt)


def _cursor(row: _Found) -> str:
    return f"{row.source}:{row.record}:{row.part}:{row.reason}"


def _read_cursor(text: str) -> tuple[int, int, int, str]:
    parts = text.split(":")
    try:
        source, record, part = map(int, parts[:3])
        (reason,) = parts[3:]
        if max(map(abs, (source, record, part))) >= _MOST:
            raise ValueError
        return source, record, part, RejectReason(reason).value
    except ValueError:
        raise InputError(f"{text!r} is no `next` of a page of rejects; begin without `after`") from None
