"""Who works on pairs: names, roles and units, and what each may do. How somebody logs in is not decided here."""

import unicodedata
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from coachlm.desk.work import Person, PersonRole, Seniority
from coachlm.errors import AccessError, NotFoundError, StoreError
from coachlm.pairs import TaskClass
from storage.engine.results import one_row
from storage.pairs.withheld import is_rater
from storage.tables.pairs import PersonRow

MAX_NAME = 200
_ODD = frozenset('/\\<>[]"`|')
UTC_NAME = "UTC"
REVIEWERS = (PersonRole.OWNER, PersonRole.ADMIN)
EDITORS = (PersonRole.ANNOTATOR, *REVIEWERS)
RATERS = (PersonRole.ANNOTATOR, PersonRole.OWNER)  # the others may read everything


class StoredPerson(NamedTuple):
    """The columns `PERSON`."""

    id: int
    name: str
    role: str
    unit: str | None
    seniority: str
    is_active: bool
    created_at: datetime
    time_zone: str | None
    is_rater: bool


PERSON = (
    PersonRow.id,
    PersonRow.name,
    PersonRow.role,
    PersonRow.unit,
    PersonRow.seniority,
    PersonRow.is_active,
    PersonRow.created_at,
    PersonRow.time_zone,
    is_rater(PersonRow.id).label("is_rater"),
)
_BY_NAME = select(*PERSON).where(PersonRow.name == bindparam("called"))
_LOCK_BY_NAME = _BY_NAME.with_for_update(key_share=True)


def find_person(connection: Connection, name: str) -> Person:
    """Active or not. Raises: NotFoundError."""
    return _found(one_row(StoredPerson, connection.execute(_BY_NAME, {"called": name})), name)


def find_editor(connection: Connection, name: str, *, for_update: bool = False) -> Person:
    """Somebody who may post-edit; locked, where two calls of the same person must not run at once.

    Raises: NotFoundError; AccessError.
    """
    chosen = _LOCK_BY_NAME if for_update else _BY_NAME
    return _allowed(_found(one_row(StoredPerson, connection.execute(chosen, {"called": name})), name), EDITORS)


def find_reviewer(connection: Connection, name: str) -> Person:
    """Raises: NotFoundError; AccessError, when the person's role doesn't review."""
    return _allowed(find_person(connection, name), REVIEWERS)


def find_rater(connection: Connection, name: str) -> Person:
    """Raises: NotFoundError; AccessError, when the person's role doesn't rate."""
    return _allowed(find_person(connection, name), RATERS)


def check_unit(person: Person, task_class: TaskClass | None) -> None:
    """Raises: AccessError, when pairs of the class are another unit's; pairs without a class are everybody's."""
    if person.unit is not None and task_class is not None and task_class is not person.unit:
        raise AccessError(
            f"{person.name!r} is in the unit {person.unit}, but the pair or class belongs to {task_class}"
        )


def person_from_row(row: StoredPerson) -> Person:
    unit = None if row.unit is None else TaskClass(row.unit)
    return Person(
        row.id,
        row.name,
        PersonRole(row.role),
        unit,
        Seniority(row.seniority),
        row.is_active,
        row.created_at,
        bool(row.is_rater),
        row.time_zone or UTC_NAME,
    )


def store_person(
    connection: Connection, name: str, role: PersonRole | None, unit: TaskClass | None, now: datetime
) -> Person:
    """Adds the person, or changes what is given; None leaves what is there (at first: an annotator of every class)."""
    check_name(name)
    given = {"role": role and role.value, "unit": unit and unit.value}
    changes = {column: value for column, value in given.items() if value is not None}
    known = connection.scalar(select(PersonRow.id).where(PersonRow.name == name).with_for_update(key_share=True))
    if known is None:
        insert_person(connection, name, now, **{"role": PersonRole.ANNOTATOR.value, **changes})
    elif changes:
        connection.execute(update(PersonRow).where(PersonRow.id == known).values(**changes))
    return find_person(connection, name)


def insert_person(connection: Connection, name: str, now: datetime, **columns: object) -> None:
    values = {"seniority": Seniority.REGULAR.value, "is_active": True, **columns}
    connection.execute(insert(PersonRow).values(name=name, created_at=now, **values))


def check_name(name: str) -> None:
    """Of a new person: what looks like another's name, ends a line or leaves a path is no name. Raises: StoreError."""
    if not name.strip() or len(name) > MAX_NAME:
        raise StoreError(f"a person's name has 1 to {MAX_NAME} characters, not {len(name.strip())}")
    odd = sorted(
        {char for char in name if char in _ODD or unicodedata.category(char)[0] == "C" or char.isspace()} - {" "}
    )
    if odd or name != name.strip() or "  " in name:
        found = ", ".join(f"U+{ord(char):04X}" for char in odd) or "blanks at its ends or in a row"
        raise StoreError(
            f"the name {name!r} has {found}; take letters, digits, single blanks and the signs of addresses"
        )
    if unicodedata.normalize("NFKC", name) != name:
        raise StoreError(
            f"the name {name!r} can be written in several ways; take {unicodedata.normalize('NFKC', name)!r}"
        )


def _found(row: StoredPerson | None, name: str) -> Person:
    if row is None:
        raise NotFoundError(f"unknown person {name!r}; add them first")
    return person_from_row(row)


def _allowed(person: Person, roles: tuple[PersonRole, ...]) -> Person:
    if not person.is_active:
        raise AccessError(f"{person.name!r} is no longer active; an admin can change that")
    if person.role not in roles:
        raise AccessError(f"{person.name!r} has the role {person.role}; only {' or '.join(roles)} may do that")
    return person
