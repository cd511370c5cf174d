"""Whose pairs a person may see and work on: those of their unit and those that have no class, but none of which
they rate blindly."""

from api.http.services import Services
from coachlm.desk.work import Person
from coachlm.pairs import TaskClass
from storage.people.people import check_unit


def within_unit(person: Person, wanted: TaskClass | None) -> TaskClass | None:
    """The class to look for: the wanted one, if it is the person's. Raises: AccessError."""
    check_unit(person, wanted)
    return person.unit or wanted


def check_pairs(services: Services, person: Person, *pair_ids: str) -> None:
    """Raises: AccessError, when one of the pairs is another unit's, or is withheld; NotFoundError."""
    check_withheld(services, person, *pair_ids)
    if person.unit is None:
        return
    for task_class in services.pairs.classes(pair_ids).values():
        check_unit(person, task_class)


def check_withheld(services: Services, person: Person, *pair_ids: str) -> None:
    """For every route that takes a pair: whether there is one of this id would tell a rater which text is the raw one.

    Raises: AccessError.
    """
    services.rating_desk.check_withheld(person, pair_ids)
