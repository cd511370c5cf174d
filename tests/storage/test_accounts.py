"""Accounts: who may do what, how somebody is known, and that whoever leaves holds nothing any more."""

import pytest

from coachlm.desk.post_edit import Decision, Review
from coachlm.desk.work import PersonRole, Seniority
from coachlm.errors import AccessError, ConflictError, LeaseError, NotFoundError, StoreError
from coachlm.pairs import TaskClass
from storage.engine.database import Database
from storage.people.accounts import Accounts
from tests.storage.factories import Clock, Desk, fill_queue, read_rollups


@pytest.fixture
def accounts(database: Database, clock: Clock) -> Accounts:
    return Accounts(database, now=clock)


def test_people_are_added_and_changed(accounts: Accounts, clock: Clock):
    ada = accounts.add("Ada", unit=TaskClass.QA)
    assert (ada.role, ada.unit, ada.seniority) == (PersonRole.ANNOTATOR, TaskClass.QA, Seniority.NEWCOMER)
    assert (ada.is_active, ada.created_at) == (True, clock())
    accounts.add("Olga", PersonRole.OWNER, seniority=Seniority.SENIOR)
    changed = accounts.change("Ada", seniority=Seniority.REGULAR)
    assert (changed.seniority, changed.unit) == (Seniority.REGULAR, TaskClass.QA)
    assert accounts.change("Ada", unit=None, role=PersonRole.OPERATOR).unit is None
    assert [person.name for person in accounts.people()] == ["Ada", "Olga"]
    assert accounts.person("Ada").role is PersonRole.OPERATOR


@pytest.mark.parametrize("name", ["", "  ", "n" * 201])
def test_names_have_bounds(accounts: Accounts, name: str):
    with pytest.raises(StoreError, match="name"):
        accounts.add(name)


def test_names_tokens_and_subjects_belong_to_one_person(accounts: Accounts):
    accounts.add("Ada")
    accounts.add("Ben")
    with pytest.raises(ConflictError, match="Ada"):
        accounts.add("Ada", PersonRole.ADMIN)
    accounts.set_token("Ada", "t1", "hash")
    accounts.set_subject("Ada", "oidc|1")
    accounts.set_subject("Ada", "oidc|1")
    with pytest.raises(ConflictError):
        accounts.set_token("Ben", "t1", "other")
    with pytest.raises(ConflictError):
        accounts.set_subject("Ben", "oidc|1")
    for call in (lambda: accounts.set_token("Eve", "t", "h"), lambda: accounts.change("Eve")):
        with pytest.raises(NotFoundError, match="Eve"):
            call()


def test_a_token_and_a_subject_find_their_person(accounts: Accounts):
    ada = accounts.add("Ada")
    accounts.set_token("Ada", "t1", "hash 1")
    assert accounts.token_holder("t1") == (ada, "hash 1")
    accounts.set_token("Ada", "t2", "hash 2")
    assert accounts.token_holder("t1") is None
    accounts.set_subject("Ada", "oidc|1")
    assert accounts.find_by_subject("oidc|1") == ada
    for unknown in ("", "\x00\ud800", "x" * 10_000):
        assert accounts.token_holder(unknown) is None
        assert accounts.find_by_subject(unknown) is None
    accounts.set_token("Ada", None, None)
    assert accounts.token_holder("t2") is None


def test_who_leaves_holds_nothing_and_cannot_come_in(accounts: Accounts, database: Database, clock: Clock):
    ids = fill_queue(database, 3, clock)
    desk = Desk(database, clock)
    receipt = desk.submit(desk.claim("ada"))
    desk.reviews.review(Review(ids[0], "olga", Decision.RETURN), version=receipt.version)
    item = desk.claim("ben")
    accounts.set_token("ada", "t1", "hash")
    accounts.set_subject("ada", "s1")
    held = desk.claim("ada"), desk.claim("ada")
    assert [one.pair_id for one in held] == [ids[0], ids[2]]
    assert not accounts.deactivate("ada").is_active
    assert accounts.token_holder("t1") is None
    assert accounts.find_by_subject("s1") is None
    for act in (lambda: desk.queue.claim("ada"), lambda: desk.submit(held[0]), lambda: desk.queue.held("ada")):
        with pytest.raises(AccessError, match="active"):
            act()
    assert [desk.claim("ben").pair_id for _ in range(2)] == [ids[0], ids[2]]  # what was returned to Ada, too
    desk.queue.release(item.token, "ben")
    assert accounts.change("ada", is_active=True).is_active
    assert accounts.token_holder("t1") is None  # a new token is needed
    with pytest.raises(LeaseError, match="released"):
        desk.submit(held[1], key="key-2")
    assert read_rollups(database)


def test_what_is_returned_to_somebody_who_left_is_for_everybody(accounts: Accounts, database: Database, clock: Clock):
    ids = fill_queue(database, 1, clock)
    desk = Desk(database, clock)
    receipt = desk.submit(desk.claim("ada"))
    accounts.deactivate("ada")
    desk.reviews.review(Review(ids[0], "olga", Decision.RETURN), version=receipt.version)
    assert desk.claim("ben").pair_id == ids[0]


def test_the_last_active_admin_stays(accounts: Accounts):
    accounts.add("Root", PersonRole.ADMIN)
    with pytest.raises(ConflictError, match="last active admin"):
        accounts.change("Root", is_active=False)
    with pytest.raises(ConflictError, match="last active admin"):
        accounts.change("Root", role=PersonRole.OWNER)
    accounts.change("Root", seniority=Seniority.SENIOR)
    accounts.add("Second", PersonRole.ADMIN)
    accounts.deactivate("Root")
    with pytest.raises(ConflictError):
        accounts.deactivate("Second")
    assert accounts.person("Second").is_active


def test_units_have_owners(database: Database, clock: Clock):
    accounts = Accounts(database, ["Sprache", "Fragen", "Dichtung"], clock)
    accounts.add("Olga", PersonRole.OWNER, TaskClass.QA)
    accounts.add("Otto", PersonRole.OWNER)
    accounts.add("Ada", unit=TaskClass.QA)
    accounts.add("Ben")
    accounts.deactivate(accounts.add("Gone", unit=TaskClass.QA).name)
    units = {unit.task_class: unit for unit in accounts.units()}
    assert [unit.name for unit in units.values()] == ["Sprache", "Fragen", "Dichtung"]
    assert (units[TaskClass.QA].owners, units[TaskClass.QA].annotators) == (("Olga", "Otto"), 2)
    assert (units[TaskClass.CREATIVE].owners, units[TaskClass.CREATIVE].annotators) == (("Otto",), 1)


@pytest.mark.parametrize("role", [PersonRole.INGEST, PersonRole.OPERATOR])
def test_some_roles_never_post_edit(accounts: Accounts, database: Database, clock: Clock, role: PersonRole):
    fill_queue(database, 1, clock)
    desk = Desk(database, clock)
    accounts.add("machine", role)
    with pytest.raises(AccessError, match=role):
        desk.queue.claim("machine")
    with pytest.raises(AccessError, match=role):
        desk.reviews.awaiting("machine", 5)
