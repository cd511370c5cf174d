"""A study of blind ratings for the storage suite, with its people and texts."""

from typing import Any

from coachlm.desk.ratings import Rating
from coachlm.desk.work import PersonRole
from coachlm.pairs import InstructionPair
from storage.engine.database import Database
from storage.people.accounts import Accounts
from storage.studies.desk import RatingDesk
from storage.studies.draw import StudyPlan
from storage.studies.studies import RatingStudies
from tests.storage.factories import Clock, make_pair, make_revision

RATERS = ("ada", "ben", "cleo")


def versions(rows: int) -> dict[str, list[InstructionPair]]:
    """The pairs of the queue, and what the coach made of them; every other instruction differs."""
    raw = [make_pair(number) for number in range(rows)]
    revised = [make_revision(pair).revised for pair in raw]
    changed = [
        InstructionPair(f"{pair.instruction} Please." if row % 2 else pair.instruction, "", pair.response)
        for row, pair in enumerate(revised)
    ]
    return {"original": raw, "revised": changed}


class Study:
    """A study of eight pairs with three raters, made by Olga."""

    def __init__(self, database: Database, clock: Clock, name: str = "spring", **plan: Any) -> None:
        self.name = name
        self.accounts = Accounts(database)
        known = {person.name for person in self.accounts.people()}
        people = dict.fromkeys(RATERS, PersonRole.ANNOTATOR) | {"olga": PersonRole.OWNER, "oscar": PersonRole.OPERATOR}
        for person, role in people.items():
            if person not in known:
                self.accounts.add(person, role)
        self.studies = RatingStudies(database, clock)
        self.desk = RatingDesk(database, clock)
        self.made = self.studies.make(
            StudyPlan(name, **{"sources": versions(8), "raters": RATERS, "count": 8, "seed": 3, **plan}), "olga"
        )

    def order(self, rater: str) -> list[InstructionPair]:
        tasks = self.desk.studies(rater)[0].tasks
        return [self.desk.task(rater, self.name, place).text for place in range(1, tasks + 1)]

    def rate(self, rater: str, place: int, rating: Rating, version: int = 0, key: str = "") -> Any:
        given = key or f"{self.name}-{place}-{version}"
        return self.desk.save(rater, self.name, place, rating, version=version, key=given)

    def sources_of(self) -> dict[InstructionPair, str]:
        return {pair: source for source, pairs in versions(8).items() for pair in pairs}
