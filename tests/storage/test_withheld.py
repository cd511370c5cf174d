"""Pairs that somebody rates blindly are kept from them until the study is closed, and what they met is not drawn."""

import pytest

from coachlm.desk.work import PersonRole
from coachlm.errors import AccessError, InputError
from coachlm.pairs import ExcludeReason, InstructionPair, TaskClass
from coachlm.status import Status
from storage.engine.database import Database
from tests.storage.factories import Clock, Desk, fill_queue
from tests.storage.rating_study import Study, versions


@pytest.fixture
def working(database: Database, clock: Clock) -> tuple[Desk, list[str]]:
    ids = fill_queue(database, 8, clock)
    return Desk(database, clock), ids


def test_raters_meet_its_pairs_nowhere_else_while_it_is_open(
    database: Database, clock: Clock, working: tuple[Desk, list[str]]
):
    desk, ids = working
    study = Study(database, clock, sources={name: pairs[:3] for name, pairs in versions(8).items()}, count=3)
    mine = {desk.claim("ada").pair_id for _ in range(5)}
    assert mine == set(ids[3:])
    assert desk.queue.claim("ada") is None
    assert desk.queue.claim("ada", task_class=TaskClass.QA) is None
    study.accounts.add("dora")
    desk.queue.skip(desk.claim("dora").token, "dora")
    assert {desk.claim("dora").pair_id for _ in range(3)} == set(ids[:3])
    ada = study.accounts.person("ada")
    for pair_id in (versions(8)["revised"][1].id, ids[0]):  # there is such a pair, or not: the same answer
        with pytest.raises(AccessError, match="blindly"):
            study.desk.check_withheld(ada, [pair_id])
    study.desk.check_withheld(ada, ids[3:])
    study.studies.close("spring")
    for item in desk.queue.held("dora"):
        desk.queue.release(item.token, "dora")
    assert {desk.claim("ada").pair_id for _ in range(3)} == set(ids[:3])


def test_an_owner_who_rates_does_not_get_its_pairs_to_review(
    database: Database, clock: Clock, working: tuple[Desk, list[str]]
):
    desk, ids = working
    studied = {name: pairs[:2] for name, pairs in versions(8).items()}
    Study(database, clock).accounts.add("otto", PersonRole.OWNER)
    study = Study(database, clock, "autumn", sources=studied, raters=("otto",), count=2)
    study.accounts.add("dora")
    for number in range(3):
        item = desk.claim("dora")
        if number == 1:
            desk.queue.exclude(item.pair_id, "dora", ExcludeReason.MANUAL, version=item.version)
        else:
            desk.submit(item, "dora", key=f"key-{number}")
    assert [item.pair_id for item in desk.reviews.awaiting("olga", 10)] == [ids[0], ids[2]]
    assert [item.pair_id for item in desk.reviews.awaiting("otto", 10)] == [ids[2]]
    assert [desk.reviews.count_awaiting(name, at_most=10) for name in ("olga", "otto")] == [2, 1]
    assert [item.pair_id for item in desk.reviews.exclusions("olga", 10).pairs] == [ids[1]]
    assert desk.reviews.exclusions("otto", 10, status=Status.EXCLUDED).pairs == ()
    study.studies.close("autumn")
    assert [item.pair_id for item in desk.reviews.awaiting("otto", 10)] == [ids[0], ids[2]]


def test_what_a_rater_had_in_hands_is_not_drawn(database: Database, clock: Clock, working: tuple[Desk, list[str]]):
    desk, ids = working
    met = [desk.claim("ada").pair_id for _ in range(2)]
    desk.submit(desk.claim("dora" if desk.queue.ensure_person("dora") else ""), "dora")
    study = Study(database, clock, count=6)
    assert not {pair.id for pair in study.order("ben")} & set(met)
    with pytest.raises(InputError, match=r"7 pairs .* 6 \(2 were seen"):
        Study(database, clock, "next", count=7)
    study.accounts.add("otto", PersonRole.OWNER)
    with pytest.raises(InputError, match=r"8 pairs .* 7 \(1 were seen"):  # what Dora submitted came before owners
        Study(database, clock, "next", raters=("otto",), count=8)
    assert ids


def test_pairs_behind_the_texts_are_withheld_too(database: Database, clock: Clock, working: tuple[Desk, list[str]]):
    """Where both versions are some coach's, no text of the study is the raw one."""
    desk, ids = working
    coached = versions(8)["revised"]
    other = [InstructionPair(pair.instruction, "", f"{pair.response} Again.") for pair in coached]
    Study(database, clock, sources={"old": coached, "new": other}, pair_ids=tuple(ids))
    assert desk.queue.claim("ada") is None
    assert desk.queue.claim("olga") is not None
