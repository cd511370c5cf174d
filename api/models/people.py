"""Who works with the service."""

from datetime import datetime

from pydantic import Field

from api.models.base import Given, Name, Taken, Text
from coachlm.desk.work import PersonRole, Seniority
from coachlm.pairs import TaskClass


class Me(Given):
    """Whom the token belongs to, and what may be done with it."""

    name: Text
    role: PersonRole
    unit: TaskClass | None = Field(description="Whose items the person gets; null: every class.")
    undo_seconds: int = Field(description="How long a submit can be taken back.")
    idle_seconds: int = Field(description="A longer gap between signs of activity doesn't count as work.")
    class_names: dict[TaskClass, Text] = Field(description="What this installation calls the task classes and units.")
    time_zone: Text = Field(default="UTC", description="An IANA name: where the person's days begin.")


class MyChange(Taken):
    """What people choose for themselves; what is left out stays."""

    time_zone: Name | None = Field(default=None, description="An IANA name: where the person's days begin.")


class Person(Given):
    """Somebody who annotates, reviews or operates."""

    name: Text
    role: PersonRole
    unit: TaskClass | None = None
    seniority: Seniority
    is_active: bool = True
    created_at: datetime | None = None


class Unit(Given):
    """The annotators of a task class."""

    task_class: TaskClass
    name: Text
    owners: tuple[Text, ...]
    annotators: int


class Units(Given):
    """The units."""

    units: tuple[Unit, ...]


class People(Given):
    """Everybody, in the order of their names."""

    people: tuple[Person, ...]


class NewPerson(Taken):
    """Somebody to add; the answer to `POST /v1/people/NAME/token` lets them in."""

    name: Name
    role: PersonRole = PersonRole.ANNOTATOR
    unit: TaskClass | None = None
    seniority: Seniority = Seniority.NEWCOMER


class PersonChange(Taken):
    """What is to change; what is left out stays. `unit: null` means every class."""

    role: PersonRole = PersonRole.ANNOTATOR
    unit: TaskClass | None = None
    seniority: Seniority = Seniority.REGULAR
    is_active: bool = True


class NewToken(Given):
    """A token in clear, this once: only its hash is kept. The person's earlier one no longer works."""

    name: Text
    token: str
