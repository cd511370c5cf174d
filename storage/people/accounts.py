"""Accounts: who there is, with role, unit and seniority, and by which token or subject somebody is known."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypedDict, Unpack
from zoneinfo import available_timezones

from sqlalchemy import Connection, select, update
from sqlalchemy.orm import InstrumentedAttribute

from coachlm.desk.work import Person, PersonRole, Seniority, Unit
from coachlm.errors import ConflictError, StoreError
from coachlm.pairs import TaskClass
from storage.engine.database import Database, utc_now
from storage.engine.results import all_rows
from storage.people import leases
from storage.people.people import PERSON, StoredPerson, check_name, find_person, insert_person, person_from_row
from storage.people.reservations import end_reservations
from storage.tables.pairs import PersonRow

_Identity = InstrumentedAttribute[str | None]
UNIT_NAMES = ("Language tasks", "Q&A", "Creative composition")


class PersonChanges(TypedDict, total=False):
    """What is to change; what is left out stays. `unit` None: every class."""

    role: PersonRole
    unit: TaskClass | None
    seniority: Seniority
    is_active: bool
    time_zone: str


class Accounts:
    """Safe to share between threads and processes. `unit_names` are in the order of `TaskClass`.

    Raises (from every method): StoreError, naming the remedy; NotFoundError, for a person who isn't known.
    """

    def __init__(
        self, database: Database, unit_names: Sequence[str] = UNIT_NAMES, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._database = database
        self._unit_names = dict(zip(TaskClass, unit_names, strict=True))
        self._now = now

    def add(
        self,
        name: str,
        role: PersonRole = PersonRole.ANNOTATOR,
        unit: TaskClass | None = None,
        seniority: Seniority = Seniority.NEWCOMER,
    ) -> Person:
        """Raises: ConflictError, when somebody is called so already."""
        check_name(name)
        with self._database.writing(durable=True) as connection:
            if connection.scalar(select(PersonRow.id).where(PersonRow.name == name)) is not None:
                raise ConflictError(f"the name {name!r} is taken; choose another, or change that person")
            columns = _columns({"role": role, "unit": unit, "seniority": seniority})
            insert_person(connection, name, self._now(), **columns)
            return find_person(connection, name)

    def change(self, name: str, **changes: Unpack[PersonChanges]) -> Person:
        """Who is no longer active can't log in any more: the token is forgotten, what was in hands or reserved goes to
        the others; so does what was reserved and is another unit's now.

        Raises: ConflictError, when nobody active would be left as an admin.
        """
        with self._database.writing(durable=True) as connection:
            admins = _lock_admins(connection)
            person = find_person(connection, name)
            stays = changes.get("role", person.role) is PersonRole.ADMIN and changes.get("is_active", True)
            if admins == [person.id] and not stays:
                raise ConflictError(f"{name!r} is the last active admin; make somebody else an admin first")
            if zone := changes.get("time_zone"):
                check_time_zone(zone)
            columns = _columns(changes)
            if changes.get("is_active") is False:
                columns |= {"token_id": None, "token_hash": None}
            if columns:
                connection.execute(update(PersonRow).where(PersonRow.id == person.id).values(**columns))
            changed = find_person(connection, name)
        # In a transaction of its own: whoever submits locks the item first and the person after it.
        with self._database.writing(durable=True) as connection:
            end_reservations(connection, person=changed.id)
            if not changed.is_active:
                leases.give_back_all(connection, changed, self._now())
        return changed

    def deactivate(self, name: str) -> Person:
        return self.change(name, is_active=False)

    def people(self) -> list[Person]:
        """Everybody, in the order of their names."""
        with self._database.reading() as connection:
            rows = all_rows(StoredPerson, connection.execute(select(*PERSON)))
        return sorted(map(person_from_row, rows), key=lambda person: person.name)

    def person(self, name: str) -> Person:
        with self._database.reading() as connection:
            return find_person(connection, name)

    def units(self) -> list[Unit]:
        """The three units with their owners; an owner without a unit owns each."""
        active = [person for person in self.people() if person.is_active]
        return [
            Unit(
                task_class,
                name,
                tuple(p.name for p in active if p.role is PersonRole.OWNER and p.unit in (task_class, None)),
                sum(p.role is PersonRole.ANNOTATOR and p.unit in (task_class, None) for p in active),
            )
            for task_class, name in self._unit_names.items()
        ]

    def set_token(self, name: str, token_id: str | None, token_hash: str | None) -> None:
        """Replaces the person's token; None: without one. Raises: ConflictError, when the id is taken."""
        self._identify(name, PersonRow.token_id, token_id, token_id=token_id, token_hash=token_hash)

    def renew_hash(self, token_id: str, before: str, after: str) -> None:
        """Another hash of the same token; nothing happens where the token has been replaced meanwhile."""
        with self._database.writing() as connection:
            same = (PersonRow.token_id == token_id, PersonRow.token_hash == before)
            connection.execute(update(PersonRow).where(*same).values(token_hash=after))

    def token_holder(self, token_id: str) -> tuple[Person, str] | None:
        """The active person with the hash to check the secret against."""
        with self._database.reading() as connection:
            found = _identified(connection, PersonRow.token_id, token_id)
        if found is None:
            return None
        person, token_hash = found
        return None if token_hash is None else (person, token_hash)

    def set_subject(self, name: str, subject: str | None) -> None:
        """Whom the identity provider knows the person as. Raises: ConflictError, when the subject is taken."""
        self._identify(name, PersonRow.subject, subject, subject=subject)

    def find_by_subject(self, subject: str) -> Person | None:
        """Active people alone."""
        with self._database.reading() as connection:
            found = _identified(connection, PersonRow.subject, subject)
        return None if found is None else found[0]

    def _identify(self, name: str, column: _Identity, value: str | None, **values: str | None) -> None:
        with self._database.writing(durable=True) as connection:
            person = find_person(connection, name)
            taken = None if value is None else connection.scalar(select(PersonRow.id).where(column == value))
            if taken not in (None, person.id):
                raise ConflictError(f"the {column.key} for {name!r} belongs to somebody else; take another")
            connection.execute(update(PersonRow).where(PersonRow.id == person.id).values(**values))


def check_time_zone(name: str) -> None:
    """Raises: StoreError."""
    if name not in available_timezones():
        raise StoreError(f"no time zone is called {name[:60]!r}; give a name like Europe/Berlin, Asia/Shanghai or UTC")


def _columns(changes: PersonChanges) -> dict[str, object]:
    return {name: getattr(value, "value", value) for name, value in changes.items()}


def _identified(connection: Connection, column: _Identity, value: str) -> tuple[Person, str | None] | None:
    """The active person with the hash of the token's secret."""
    wanted = select(PersonRow.token_hash, *PERSON).where(column == value, PersonRow.is_active.is_(True))
    found = connection.execute(wanted).one_or_none()
    return None if found is None else (person_from_row(StoredPerson(*found[1:])), found[0])


def _lock_admins(connection: Connection) -> list[int]:
    admins = (PersonRow.role == PersonRole.ADMIN.value, PersonRow.is_active.is_(True))
    locked = select(PersonRow.id).where(*admins).order_by(PersonRow.id).with_for_update(key_share=True)
    return list(connection.scalars(locked))
