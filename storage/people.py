"""Who works on pairs: names, roles and units. Who may log in is not decided here."""

from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from coachlm.errors import NotFoundError, StoreError
from coachlm.pairs import TaskClass
from storage.tables import PersonRow
from storage.work import Person, PersonRole

MAX_NAME = 200
_REVIEWERS = (PersonRole.OWNER, PersonRole.ADMIN)


def find_person(connection: Connection, name: str) -> Person:
    """Raises: NotFoundError."""
    row = connection.execute(
        select(PersonRow.id, PersonRow.name, PersonRow.role, PersonRow.unit).where(PersonRow.name == name)
    ).one_or_none()
    if row is None:
        raise NotFoundError(f"nobody is called {name!r}; add the person first")
    return Person(row.id, row.name, PersonRole(row.role), None if row.unit is None else TaskClass(row.unit))


def find_reviewer(connection: Connection, name: str) -> Person:
    """Raises: NotFoundError; StoreError, when the person's role doesn't review."""
    person = find_person(connection, name)
    if person.role not in _REVIEWERS:
        raise StoreError(f"{name!r} is an {person.role}; only an {' or '.join(_REVIEWERS)} may do that")
    return person


def store_person(
    connection: Connection, name: str, role: PersonRole | None, unit: TaskClass | None, now: datetime
) -> Person:
    """Adds the person, or changes what is given; None leaves what is there (at first: an annotator of every class)."""
    if not name.strip() or len(name) > MAX_NAME:
        raise StoreError(f"a person's name has 1 to {MAX_NAME} characters, not {len(name.strip())}")
    given = {"role": role and role.value, "unit": unit and unit.value}
    changes = {column: value for column, value in given.items() if value is not None}
    known = connection.scalar(select(PersonRow.id).where(PersonRow.name == name).with_for_update())
    if known is None:
        values = {"role": PersonRole.ANNOTATOR.value, **changes}
        connection.execute(insert(PersonRow).values(name=name, created_at=now, **values))
    elif changes:
        connection.execute(update(PersonRow).where(PersonRow.id == known).values(**changes))
    return find_person(connection, name)
