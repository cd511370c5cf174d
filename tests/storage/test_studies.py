"""Studies of blind ratings in the database: drawn blindly, rated once a place, kept for ever, read like sheets."""

import itertools
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from coachlm.desk.ratings import Rating
from coachlm.desk.rubric import Dimension, Part
from coachlm.desk.work import PersonRole
from coachlm.errors import (
    AccessError,
    CoachLMError,
    ConflictError,
    InputError,
    NotFoundError,
    StaleError,
    StoreError,
    StudyClosedError,
)
from coachlm.pairs import TaskClass
from storage.engine.database import Database, open_database
from storage.engine.schema import upgrade
from storage.studies.draw import StudyPlan
from tests.databases import Databases
from tests.storage.factories import Clock, make_pair
from tests.storage.rating_study import RATERS, Study, versions


@pytest.fixture
def study(database: Database, clock: Clock) -> Study:
    return Study(database, clock)


def test_every_rater_gets_every_version_in_an_order_of_her_own(study: Study):
    orders = [study.order(rater) for rater in RATERS]
    assert all(Counter(order) == Counter(study.sources_of().keys()) for order in orders)
    assert len({tuple(order) for order in orders}) == 3
    assert (study.made.items, study.made.sources, study.made.owner) == (8, ("original", "revised"), "olga")
    assert [(each.rater, each.tasks, each.rated) for each in study.made.raters] == [(name, 16, 0) for name in RATERS]


def test_the_same_seed_draws_the_same_pairs_but_the_orders_are_the_databases_own(databases: Databases, clock: Clock):
    """Else a rater could try small seeds until one gives the order that they have, and with it the key."""
    drawn, orders = [], []
    for _ in range(2):
        database = open_database(databases.new(migrated=False))  # a copy would have the salt of its template
        upgrade(database)
        other = Study(database, clock, sources=versions(30), count=5)
        orders.append(other.order("ada"))
        drawn.append(Counter(orders[-1]))
        database.close()
    assert drawn[0] == drawn[1]
    assert orders[0] != orders[1]


def test_a_rating_is_stored_once_and_can_be_changed_until_the_study_is_closed(study: Study):
    first = Rating(90, 70, frozenset({Dimension.CORRECTNESS}), "a year is wrong")
    receipt = study.rate("ada", 2, first, key="one")
    assert (receipt.place, receipt.version, receipt.rated) == (2, 1, 1)
    assert study.rate("ada", 2, first, key="one") == receipt
    with pytest.raises(ConflictError, match="another rating"):
        study.rate("ada", 2, Rating(91, 70), key="one")
    with pytest.raises(ConflictError, match="another rating"):
        study.rate("ada", 3, first, key="one")
    with pytest.raises(StaleError, match="rated meanwhile"):
        study.rate("ada", 2, Rating(80, 70), key="two")
    second = study.rate("ada", 2, Rating(80, 75), version=1, key="two")
    assert (second.version, second.rated) == (2, 1)
    task = study.desk.task("ada", "spring", 2)
    assert (task.version, task.rating) == (2, Rating(80, 75))
    assert study.desk.task("ben", "spring", 2).rating is None
    own = study.desk.studies("ada")[0]
    assert (own.rated, own.next, own.is_closed) == (1, 1, False)
    closed = study.studies.close("spring", "olga")
    assert closed.closed_at is not None
    assert study.studies.close("spring", "olga") == closed
    with pytest.raises(StudyClosedError, match="closed"):
        study.rate("ada", 2, Rating(81, 75), version=2)
    assert study.rate("ada", 2, Rating(80, 75), version=1, key="two").version == 2  # a retry that was stored
    assert study.desk.studies("ada")[0].is_closed


def test_of_many_at_once_one_is_stored(study: Study):
    """Two tabs, or a retry beside its original."""

    def rate(number: int) -> str:
        try:
            return f"stored {study.rate('ada', 1, Rating(80 + number, 80), key=f'key-{number}').version}"
        except CoachLMError as error:
            return type(error).__name__

    with ThreadPoolExecutor(4) as pool:
        assert Counter(pool.map(rate, range(4))) == {"stored 1": 1, "StaleError": 3}


@pytest.mark.parametrize("table", ["rating_tasks", "rating_places", "ratings"])
def test_what_was_drawn_and_given_is_append_only(study: Study, database: Database, table: str):
    study.rate("ada", 1, Rating(90, 90))
    for change in (f"UPDATE {table} SET id = id + 1000", f"DELETE FROM {table}"):
        with pytest.raises(StoreError, match="append-only"), database.writing() as connection:
            connection.execute(text(change))


def test_what_was_given_is_read_with_its_version(study: Study):
    source_of = study.sources_of()
    for rater, place in itertools.product(("ada", "ben"), range(1, 17)):
        source = source_of[study.desk.task(rater, "spring", place).text]
        study.rate(rater, place, Rating(70, 90 if source == "revised" else 60), key=f"{rater}-{place}")
    place = next(n for n in range(1, 17) if source_of[study.desk.task("ada", "spring", n).text] == "revised")
    study.rate("ada", place, Rating(75, 91), version=1, key="again")
    found = study.studies.ratings("spring", "olga")
    assert [(sheet.rater, len(sheet.scores), sheet.unrated) for sheet in found.sheets] == [
        ("ada", 32, 0),
        ("ben", 32, 0),
        ("cleo", 0, 32),
    ]
    scores = [score for sheet in found.sheets for score in sheet.scores]
    responses = Counter((score.task.source, score.value) for score in scores if score.part is Part.RESPONSE)
    assert responses == {("original", 60): 16, ("revised", 90): 15, ("revised", 91): 1}
    assert sum(task.instruction_differs for task in found.tasks.values()) == 8
    assert [given.version for given in found.ratings].count(2) == 1


def test_nobody_rates_what_is_not_hers(study: Study):
    study.accounts.add("dora")
    with pytest.raises(NotFoundError, match="dora"):
        study.desk.task("dora", "spring", 1)
    for name, place in (("spring", 17), ("spring", 0), ("autumn", 1)):
        with pytest.raises(NotFoundError):
            study.desk.task("ada", name, place)
        with pytest.raises(NotFoundError):
            study.desk.save("ada", name, place, Rating(90, 90), version=0, key="k")
    with pytest.raises(AccessError, match="operator"):
        study.desk.studies("oscar")
    study.accounts.deactivate("ada")
    with pytest.raises(AccessError, match="active"):
        study.desk.task("ada", "spring", 1)


def test_who_may_know_which_version_is_which(study: Study):
    study.accounts.add("otto", PersonRole.OWNER)
    assert study.studies.studies("otto") == []
    for call in (study.studies.ratings, study.studies.close):
        with pytest.raises(NotFoundError, match="no study"):
            call("spring", "otto")
        with pytest.raises(AccessError, match="annotator"):
            call("spring", "ada")
    assert [each.name for each in study.studies.studies("oscar")] == ["spring"]
    study.accounts.change("ada", role=PersonRole.OPERATOR)  # a rater who may read everything since
    assert study.studies.studies("ada") == []
    with pytest.raises(AccessError, match="revealed when it is closed"):
        study.studies.ratings("spring", "ada")
    study.studies.close("spring")
    assert study.studies.ratings("spring", "ada").study.name == "spring"


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        ({"name": "with blanks"}, "letters"),
        ({"name": "plain-vs-Revised"}, "'revised'"),
        ({"sources": {"original": []}}, "two versions"),
        ({"sources": {"original": [make_pair(1)], " ": [make_pair(2)]}}, "version's name"),
        ({"sources": {"original": [make_pair(1)], "revised": []}}, "row by row"),
        ({"count": 9}, "9 pairs"),
        ({"count": 0}, "at least one"),
        ({"raters": ("ada", "ada")}, "twice"),
        ({"raters": ("ada", "oscar")}, "'oscar' can't rate"),
        ({"raters": ("olga",)}, "knows the versions"),
        ({"pair_ids": ("x",)}, "pair ids"),
    ],
)
def test_what_makes_no_study_is_said(study: Study, plan: dict[str, Any], says: str):
    given = {"name": "next", "sources": versions(8), "raters": RATERS, "count": 2, **plan}
    with pytest.raises(InputError, match=says):
        study.studies.make(StudyPlan(**given), "olga")
    assert len(study.studies.studies()) == 1


def test_a_name_is_taken_once_and_raters_must_exist(study: Study):
    with pytest.raises(ConflictError, match="already"):
        study.studies.make(StudyPlan("spring", versions(2), RATERS, 1), "olga")
    with pytest.raises(NotFoundError, match="nobody"):
        study.studies.make(StudyPlan("next", versions(2), ("nobody",), 1), "olga")
    with pytest.raises(AccessError, match="annotator"):
        study.studies.make(StudyPlan("next", versions(2), RATERS, 1), "ada")


def test_without_raters_three_annotators_are_drawn(study: Study):
    study.accounts.change("cleo", unit=TaskClass.CREATIVE)
    study.accounts.change("olga", unit=TaskClass.QA)
    with pytest.raises(InputError, match="2 active annotators"):
        study.studies.make(StudyPlan("next", versions(4), count=2), "olga")
    with pytest.raises(AccessError, match="unit"):
        study.studies.make(StudyPlan("next", versions(4), ("cleo",), 2), "olga")
    made = study.studies.make(StudyPlan("next", versions(4), count=2))
    assert {each.rater for each in made.raters} == set(RATERS)
