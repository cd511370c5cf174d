"""Where it is asked for, the turns of a conversation go to one person, each once the turn before is done."""

from dataclasses import replace

import pytest

from coachlm.pairs import InstructionPair
from coachlm.protocols.intake import IntakeBatch
from storage.engine.database import Database
from storage.intake.store import DatabaseStore
from tests.storage.conversations import make_conversation
from tests.storage.factories import PLAIN, Clock, Desk, make_intake, make_pair, make_revision

IN_ORDER = replace(PLAIN, conversations_in_order=True)


@pytest.fixture
def pairs(database: Database, clock: Clock) -> list[InstructionPair]:
    """Three turns of a conversation, then a pair that stands alone."""
    items = [*make_conversation(3), make_intake(make_pair(9), 9)]
    store = DatabaseStore(database, now=clock)
    store.commit_intake(IntakeBatch(items))
    found = [item.sourced.pair for item in items]
    store.save_revisions([make_revision(pair) for pair in found])
    return found


@pytest.fixture
def desk(database: Database, clock: Clock) -> Desk:
    return Desk(database, clock, rules=IN_ORDER)


def test_a_conversation_goes_to_one_person_turn_by_turn(desk: Desk, pairs: list[InstructionPair]):
    first = desk.claim("ada")
    assert first.pair_id == pairs[0].id
    other = desk.claim("ben")
    assert other.pair_id == pairs[3].id  # the second turn waits for the first
    desk.submit(first, "ada", "k1")
    assert desk.queue.claim("ben") is None  # the conversation is Ada's
    second = desk.claim("ada")
    assert second.pair_id == pairs[1].id
    desk.submit(second, "ada", "k2")
    assert desk.claim("ada").pair_id == pairs[2].id


def test_a_conversation_that_is_given_back_is_anybodys(desk: Desk, pairs: list[InstructionPair]):
    first = desk.claim("ada")
    desk.submit(first, "ada", "k1")
    second = desk.claim("ada")
    desk.queue.release(second.token, "ada")
    assert desk.claim("ben").pair_id == pairs[1].id


def test_a_conversation_waits_for_its_person_no_longer_than_a_lease(
    desk: Desk, pairs: list[InstructionPair], clock: Clock
):
    desk.submit(desk.claim("ada"), "ada", "k1")
    assert desk.claim("ben").pair_id == pairs[3].id
    clock.turn(601)
    assert desk.claim("ben").pair_id == pairs[1].id


def test_without_the_option_turns_come_like_all_items(database: Database, clock: Clock, pairs: list[InstructionPair]):
    desk = Desk(database, clock)
    assert [desk.claim(who).pair_id for who in ("ada", "ben", "ada")] == [pair.id for pair in pairs[:3]]
