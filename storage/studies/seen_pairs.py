"""Which pairs a person has met at the desk, so that they could tell the versions apart."""

from collections.abc import Sequence

from sqlalchemy import Connection, Select, select

from coachlm.desk.work import Person, PersonRole
from storage.engine.bulk import is_among
from storage.tables.desk import LeaseRow, PostEditRow, ReviewItemRow
from storage.tables.pairs import PairRow


def rows_seen_by(connection: Connection, people: Sequence[Person], rows: Sequence[frozenset[str]]) -> frozenset[int]:
    """`rows`: pair ids of each. What somebody had in hands; for owners also what ever came before an owner."""
    known = sorted(set[str]().union(*rows))
    statements = [_leased_by(connection, [person.id for person in people])]
    if any(person.role is PersonRole.OWNER for person in people):
        statements += [select(PairRow.id).join(entity, entity.pair == PairRow.seq) for entity in _BEFORE_OWNERS]
    seen: set[str] = set()
    for statement in statements:
        seen.update(connection.scalars(statement.where(is_among(connection, PairRow.id.expression, known))))
    return frozenset(row for row, ids in enumerate(rows) if ids & seen)


_BEFORE_OWNERS = (PostEditRow, ReviewItemRow)


def _leased_by(connection: Connection, people: Sequence[int]) -> Select[str]:
    leased = select(PairRow.id).join(LeaseRow, LeaseRow.pair == PairRow.seq)
    return leased.where(is_among(connection, LeaseRow.person.expression, people))
