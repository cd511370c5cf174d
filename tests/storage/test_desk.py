"""The desk beyond the queue's promises: undo, questions to the owner, sampling, the control arm, active time."""

from typing import Any

import pytest
from sqlalchemy import func, select

from coachlm.desk.efficiency import Arm
from coachlm.desk.post_edit import Decision, Review
from coachlm.desk.work import ReviewReason, Seniority, WorkItem
from coachlm.errors import AccessError, ConflictError, EmptyTextError, LeaseError, StaleError, TransitionError
from coachlm.pairs import ExcludeReason, InstructionPair, TaskClass
from coachlm.protocols.intake import IntakeBatch
from coachlm.revision import Field, Flag, FlagKind
from coachlm.status import Status
from storage.desk.rules import DeskRules
from storage.engine.database import Database
from storage.intake.store import DatabaseStore
from storage.pairs.history import EntryKind
from storage.people.accounts import Accounts
from storage.reading import StoreReader
from storage.tables.desk import DraftRow
from tests.storage.factories import (
    Clock,
    Desk,
    fill_queue,
    make_edit,
    make_intake,
    make_pair,
    make_revision,
)

UNSAMPLED = DeskRules(control_share=0, review_share=0, review_flagged_share=0, max_held_items=3)


@pytest.fixture
def ids(database: Database, clock: Clock) -> list[str]:
    return fill_queue(database, 3, clock)


@pytest.fixture
def desk(database: Database, clock: Clock, ids: list[str]) -> Desk:
    return Desk(database, clock)


def status(database: Database, pair_id: str) -> Status:
    rows = StoreReader(database).dataset_rows(include_excluded=True)
    return next(row.status for row in rows if row.pair_id == pair_id)


def seconds_of(desk: Desk, item: WorkItem, said: float = 999, key: str = "k") -> float:
    """Submits, and gives the active time that was stored."""
    edit = make_edit(item.pair_id, active_seconds=said)
    desk.queue.submit(edit, token=item.token, version=item.version, idempotency_key=key)
    found = [one.post_edit for one in desk.reviews.awaiting("olga", 99) if one.pair_id == item.pair_id]
    assert found[0] is not None
    return found[0].active_seconds


# Undo


def test_a_fresh_submit_is_taken_back_with_its_text(desk: Desk, ids: list[str], database: Database):
    receipt = desk.submit(desk.claim())
    desk.clock.turn(60)
    item = desk.queue.undo("ada", ids[0], receipt.post_edit)
    assert (item.pair_id, item.status, item.version) == (ids[0], Status.REVISED, receipt.version + 1)
    assert item.draft is not None
    assert item.draft.text.response == "Red."
    assert desk.reviews.awaiting("olga", 5) == []
    assert desk.queue.undo("ada", ids[0], receipt.post_edit).token == item.token  # after a lost answer
    row = next(StoreReader(database).dataset_rows())
    assert (row.status, row.final) == (Status.REVISED, None)
    history = StoreReader(database).history(ids[0])
    assert [one.text.response for one in history if one.kind is EntryKind.POST_EDIT and one.text] == ["Red."]
    assert any("taken back" in one.detail and one.who == "ada" for one in history)
    desk.submit(item, key="key-2", response="Blue.")
    assert next(StoreReader(database).dataset_rows()).final == make_edit(ids[0], response="Blue.").final


def test_a_withdrawn_key_does_not_count_as_submitted(desk: Desk, ids: list[str]):
    item = desk.claim()
    receipt = desk.submit(item)
    desk.queue.undo("ada", ids[0], receipt.post_edit)
    with pytest.raises(ConflictError, match="taken back"):
        desk.submit(item)


def test_undo_is_refused_late_to_others_and_after_the_owner(desk: Desk, ids: list[str], database: Database):
    receipt = desk.submit(desk.claim())
    for person, number in (("ben", receipt.post_edit), ("ada", receipt.post_edit + 1)):
        with pytest.raises(ConflictError):
            desk.queue.undo(person, ids[0], number)
    desk.clock.turn(61)
    with pytest.raises(ConflictError, match="60 s"):
        desk.queue.undo("ada", ids[0], receipt.post_edit)
    second = desk.submit(desk.claim(), key="key-2")
    desk.reviews.review(Review(ids[1], "olga", Decision.APPROVE), version=second.version)
    with pytest.raises(ConflictError, match="approved"):
        desk.queue.undo("ada", ids[1], second.post_edit)
    assert status(database, ids[0]) is Status.POST_EDITED


def test_an_owner_who_saw_what_was_taken_back_is_told(desk: Desk, ids: list[str]):
    receipt = desk.submit(desk.claim())
    desk.queue.undo("ada", ids[0], receipt.post_edit)
    with pytest.raises(StaleError):
        desk.reviews.review(Review(ids[0], "olga", Decision.APPROVE), version=receipt.version)


def test_undo_of_a_returned_pair_leaves_it_returned(desk: Desk, ids: list[str]):
    receipt = desk.submit(desk.claim())
    desk.reviews.review(Review(ids[0], "olga", Decision.RETURN, comment="why?"), version=receipt.version)
    again = desk.submit(desk.claim(), key="key-2", response="Blue.")
    item = desk.queue.undo("ada", ids[0], again.post_edit)
    assert (item.status, item.owner_comment) == (Status.RETURNED, "why?")
    desk.queue.release(item.token, "ada")
    assert desk.claim("ben").pair_id == ids[1]
    assert desk.claim("ada").pair_id == ids[0]


# Questions to the owner


def test_a_question_waits_for_the_owner_and_her_answer_comes_back(desk: Desk, ids: list[str], database: Database):
    item = desk.claim()
    desk.queue.send_to_owner(item.token, "ada", "is this allowed?")
    with pytest.raises(LeaseError, match="sent"):
        desk.submit(item)
    assert [desk.claim(who).pair_id for who in ("ada", "ben")] == ids[1:]
    assert desk.queue.claim("ada") is None
    [question] = desk.reviews.awaiting("olga", 5)
    assert (question.pair_id, question.reason, question.annotator) == (ids[0], ReviewReason.SENT, "ada")
    assert (question.post_edit, question.comment) == (None, "is this allowed?")
    answer = Review(ids[0], "olga", Decision.RETURN, comment="yes")
    desk.reviews.review(answer, version=question.version)
    assert desk.queue.claim("ben") is None
    again = desk.claim("ada")
    assert (again.pair_id, again.owner_comment, again.status) == (ids[0], "yes", Status.REVISED)
    desk.submit(again, key="key-2")
    details = [one.detail for one in StoreReader(database).history(ids[0])]
    assert any("is this allowed?" in detail for detail in details)
    assert any("yes" in detail for detail in details)


def test_an_owner_writes_the_text_herself(desk: Desk, ids: list[str], database: Database):
    desk.queue.send_to_owner(desk.claim().token, "ada", "too hard")
    [question] = desk.reviews.awaiting("olga", 5)
    with pytest.raises(TransitionError, match="without a text"):
        desk.reviews.review(Review(ids[0], "olga", Decision.APPROVE), version=question.version)
    final = make_pair(response="Crimson.")
    desk.reviews.review(Review(ids[0], "olga", Decision.FIX, final), version=question.version)
    row = next(StoreReader(database).dataset_rows(statuses=[Status.APPROVED]))
    assert (row.pair_id, row.final, row.annotator) == (ids[0], final, "olga")
    assert desk.reviews.awaiting("olga", 5) == []


@pytest.mark.parametrize("heir", ["ben", None])
def test_an_owner_gives_a_question_to_somebody_else(desk: Desk, ids: list[str], heir: str | None):
    desk.queue.send_to_owner(desk.claim().token, "ada")
    desk.reviews.hand_over(ids[0], heir, "olga")
    assert desk.reviews.awaiting("olga", 5) == []
    assert desk.claim("ben").pair_id == ids[0]


def test_only_the_owner_sets_a_question_aside(desk: Desk, ids: list[str], database: Database):
    desk.queue.send_to_owner(desk.claim().token, "ada")
    [question] = desk.reviews.awaiting("olga", 5)
    with pytest.raises(AccessError, match="owner"):
        desk.queue.exclude(ids[0], "ada", ExcludeReason.MANUAL, version=question.version)
    desk.queue.exclude(ids[0], "olga", ExcludeReason.MANUAL, version=question.version)
    assert desk.reviews.awaiting("olga", 5) == []
    page = desk.reviews.exclusions("olga", 5, reason=ExcludeReason.MANUAL)
    assert ([one.pair_id for one in page.pairs], page.next) == ([ids[0]], None)


# Units


def test_nobody_leaves_the_own_unit(database: Database, clock: Clock):
    ids = fill_queue(database, 3, clock, task_classes=[TaskClass.QA, TaskClass.CREATIVE, TaskClass.CREATIVE])
    desk = Desk(database, clock)
    desk.queue.ensure_person("quinn", unit=TaskClass.QA)
    desk.queue.ensure_person("olga", unit=TaskClass.QA)
    desk.queue.ensure_person("carl", unit=TaskClass.CREATIVE)
    with pytest.raises(AccessError, match="qa"):
        desk.queue.claim("quinn", task_class=TaskClass.CREATIVE)
    with pytest.raises(AccessError):
        desk.queue.exclude(ids[1], "quinn", ExcludeReason.MANUAL, version=2)
    with pytest.raises(AccessError):
        desk.reviews.correct_class(ids[1], TaskClass.QA, "quinn", version=2)
    receipt = desk.submit(desk.claim("carl"), "carl")
    desk.queue.send_to_owner(desk.claim("carl").token, "carl")
    assert desk.reviews.awaiting("olga", 5) == []
    with pytest.raises(AccessError):
        desk.reviews.awaiting("olga", 5, task_class=TaskClass.CREATIVE)
    with pytest.raises(AccessError):
        desk.reviews.review(Review(ids[1], "olga", Decision.APPROVE), version=receipt.version)
    for call in (
        lambda: desk.reviews.hand_over(ids[2], None, "olga"),
        lambda: desk.reviews.exclusions("olga", 5, task_class=TaskClass.CREATIVE),
        lambda: desk.reviews.awaiting("ada", 5),
        lambda: desk.reviews.exclusions("ada", 5),
    ):
        with pytest.raises(AccessError):
            call()
    desk.submit(desk.claim("quinn"), "quinn")
    assert [one.pair_id for one in desk.reviews.awaiting("olga", 5)] == [ids[0]]


def test_pages_of_what_was_set_aside(desk: Desk, ids: list[str]):
    for pair_id in ids:
        desk.queue.exclude(pair_id, "ada", ExcludeReason.MANUAL, version=2, detail="odd")
    first = desk.reviews.exclusions("olga", 2)
    assert [(one.pair_id, one.detail, one.status) for one in first.pairs] == [
        (pair_id, "odd", Status.EXCLUDED) for pair_id in ids[:2]
    ]
    assert first.next is not None
    second = desk.reviews.exclusions("olga", 2, after=first.next)
    assert ([one.pair_id for one in second.pairs], second.next) == (ids[2:], None)
    assert desk.reviews.exclusions("olga", 5, reason=ExcludeReason.SAFETY).pairs == ()
    desk.reviews.restore(ids[0], "olga", version=3)
    assert len(desk.reviews.exclusions("olga", 5).pairs) == 2


# Empty texts, drafts, items in hands


@pytest.mark.parametrize("final", [InstructionPair("", "", "x"), InstructionPair("x", "y", " \n\t")])
def test_an_empty_text_is_refused_and_kept(desk: Desk, ids: list[str], database: Database, final: InstructionPair):
    item = desk.claim()
    edit = make_edit(ids[0], final=final)
    with pytest.raises(EmptyTextError, match="empty"):
        desk.queue.submit(edit, token=item.token, version=item.version, idempotency_key="k")
    kept = [one.text for one in StoreReader(database).history(ids[0]) if one.kind is EntryKind.REFUSED]
    assert kept == [final]
    desk.submit(item)


def test_of_many_refused_texts_the_newest_are_kept(desk: Desk, ids: list[str], database: Database):
    item = desk.claim("ada")
    for number in range(25):
        with pytest.raises(LeaseError):
            desk.submit(item, "ben", response=f"text {number}", key=f"key {number}")
    with pytest.raises(LeaseError):
        desk.queue.save_draft(ids[0], "ben", make_pair(response="a draft"), token=item.token)
    desk.queue.save_draft(ids[0], "ada", make_pair(response="her own"), token=item.token)
    history = StoreReader(database).history(ids[0])
    refused = [one.text.response for one in history if one.kind is EntryKind.REFUSED and one.text]
    assert refused == [*(f"text {number}" for number in range(6, 25)), "a draft"]
    with database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(DraftRow)) == 21


def test_a_person_holds_a_bounded_number_of_items(database: Database, clock: Clock):
    ids = fill_queue(database, 5, clock)
    desk = Desk(database, clock, rules=UNSAMPLED)
    items = [desk.claim() for _ in range(3)]
    with pytest.raises(LeaseError, match="holds 3"):
        desk.queue.claim("ada")
    assert desk.claim("ben").pair_id == ids[3]
    desk.queue.release(items[0].token, "ada")
    assert desk.claim().pair_id == ids[0]
    desk.clock.turn(600)
    assert desk.claim().pair_id == ids[0]


# Active time


def test_time_between_heartbeats_is_work_up_to_the_idle_cut(desk: Desk):
    item = desk.claim()
    for gap in (30, 60, 61, 20):
        desk.clock.turn(gap)
        desk.queue.heartbeat(item.token, "ada")
    desk.clock.turn(45)
    desk.queue.heartbeat(item.token, "ada", active=False)
    desk.clock.turn(10)
    assert seconds_of(desk, item) == 30 + 60 + 20 + 10


def test_the_clients_figure_counts_only_without_heartbeats_and_up_to_the_lease(desk: Desk):
    first, second = desk.claim(), desk.claim()
    desk.clock.turn(100)
    assert seconds_of(desk, first, said=40) == 40
    assert seconds_of(desk, second, said=500, key="k2") == 100


def test_time_runs_for_the_item_she_works_on_alone(desk: Desk):
    first, second = desk.claim(), desk.claim()
    for item in (first, second, first, second):
        desk.clock.turn(30)
        desk.queue.heartbeat(item.token, "ada")
    desk.clock.turn(20)
    assert seconds_of(desk, first) == 30 + 30 + 20
    desk.clock.turn(10)
    assert seconds_of(desk, second, key="k2") == 30 + 30 + 10


def test_time_goes_on_after_an_undo(desk: Desk, ids: list[str]):
    item = desk.claim()
    desk.clock.turn(30)
    desk.queue.heartbeat(item.token, "ada")
    receipt = desk.submit(item)
    desk.clock.turn(15)
    again = desk.queue.undo("ada", ids[0], receipt.post_edit)
    desk.clock.turn(5)
    desk.queue.heartbeat(again.token, "ada")
    assert seconds_of(desk, again) == 30 + 5  # what lay between submit and undo was for no item


# The control arm


def test_a_share_of_pairs_is_handed_out_without_the_revision(database: Database, clock: Clock):
    fill_queue(database, 60, clock)
    desk = Desk(database, clock, rules=DeskRules(control_share=0.3, max_held_items=100, review_share=1))
    arms: dict[str, Arm] = {}
    for number in range(60):
        item = desk.claim()
        assert (item.revision is None) == (item.arm is Arm.CONTROL)
        arms[item.pair_id] = item.arm
        if number % 2:
            desk.queue.skip(item.token, "ada")
    assert 5 <= sum(arm is Arm.CONTROL for arm in arms.values()) <= 32
    everything = Desk(database, clock, rules=DeskRules(control_share=0, max_held_items=100))
    for _ in range(30):  # who has seen the revision has seen it: an arm once drawn stays, whatever the setting
        item = everything.claim("ben")
        assert item.arm is arms[item.pair_id]


def test_the_arm_stays_through_return_and_undo_and_the_owner_sees_it(database: Database, clock: Clock):
    ids = fill_queue(database, 1, clock)
    desk = Desk(database, clock, rules=DeskRules(control_share=0.5, review_share=1, max_held_items=9))
    item = desk.claim()
    receipt = desk.submit(item)
    undone = desk.queue.undo("ada", ids[0], receipt.post_edit)
    receipt = desk.submit(undone, key="key-2")
    [review] = desk.reviews.awaiting("olga", 5)
    assert review.revision is not None
    desk.reviews.review(Review(ids[0], "olga", Decision.RETURN), version=receipt.version)
    assert {item.arm, undone.arm, review.arm, desk.claim().arm} == {item.arm}


# Sampling


def test_what_is_not_sampled_is_approved_once_it_cannot_be_taken_back(database: Database, clock: Clock):
    ids = fill_queue(database, 2, clock)
    desk = Desk(database, clock, rules=UNSAMPLED)
    receipt = desk.submit(desk.claim())
    assert desk.reviews.awaiting("olga", 5) == []
    desk.clock.turn(60)
    assert desk.reviews.approve_unsampled() == 0
    desk.queue.undo("ada", ids[0], receipt.post_edit)
    desk.clock.turn(1)
    assert desk.reviews.approve_unsampled() == 0
    desk.submit(desk.queue.held("ada")[0], key="key-2", response="Blue.")
    desk.clock.turn(61)
    assert desk.claim("ben").pair_id == ids[1]  # a claim does it as well
    assert desk.reviews.approve_unsampled() == 0
    row = next(StoreReader(database).dataset_rows(statuses=[Status.APPROVED]))
    assert row.final == make_edit(ids[0], response="Blue.").final
    assert any("not sampled" in one.detail for one in StoreReader(database).history(ids[0]))


def test_an_owner_may_act_on_what_was_not_sampled(database: Database, clock: Clock):
    ids = fill_queue(database, 1, clock)
    desk = Desk(database, clock, rules=UNSAMPLED)
    receipt = desk.submit(desk.claim())
    desk.reviews.review(Review(ids[0], "olga", Decision.RETURN), version=receipt.version)
    desk.clock.turn(600)
    assert desk.reviews.approve_unsampled() == 0
    desk.submit(desk.claim(), key="key-2")
    assert [one.reason for one in desk.reviews.awaiting("olga", 5)] == [ReviewReason.RETURNED]


def test_newcomers_are_looked_at_first(database: Database, clock: Clock):
    fill_queue(database, 4, clock)
    rules = DeskRules(control_share=0, review_share=0, newcomer_reviews=2)
    desk = Desk(database, clock, rules=rules)
    Accounts(database, now=clock).add("nina", seniority=Seniority.NEWCOMER)
    for key in "abcd":
        desk.submit(desk.claim("nina"), "nina", key=key)
    assert [one.reason for one in desk.reviews.awaiting("olga", 9)] == [ReviewReason.NEWCOMER] * 2


def test_flagged_revisions_are_looked_at_more_often(database: Database, clock: Clock):
    store = DatabaseStore(database, now=clock)
    store.commit_intake(IntakeBatch([make_intake(make_pair(number), number) for number in range(2)]))
    flag = Flag(FlagKind.ADDED_NUMBER, Field.RESPONSE, 0, 2, "It")
    store.save_revisions([make_revision(make_pair(0)), make_revision(make_pair(1), flags=(flag,))])
    desk = Desk(database, clock, rules=DeskRules(control_share=0, review_share=0, review_flagged_share=1))
    for key in "ab":
        desk.submit(desk.claim(), key=key)
    found = desk.reviews.awaiting("olga", 9)
    assert [(one.pair_id, one.reason) for one in found] == [(make_pair(1).id, ReviewReason.FLAGGED)]


@pytest.mark.slow
def test_a_good_record_is_looked_at_less(database: Database, clock: Clock):
    fill_queue(database, 60, clock)
    everything: dict[str, Any] = {"control_share": 0, "review_share": 1}
    desk = Desk(database, clock, rules=DeskRules(**everything, review_trusted_share=1))
    for number in range(50):
        receipt = desk.submit(desk.claim(), key=f"a{number}")
        decision = Decision.RETURN if number == 0 else Decision.APPROVE
        desk.reviews.review(Review(receipt.pair_id, "olga", decision), version=receipt.version)
        if number == 0:
            desk.queue.exclude(receipt.pair_id, "olga", ExcludeReason.MANUAL, version=receipt.version + 1)
    trusting = Desk(database, clock, rules=DeskRules(**everything, review_trusted_share=0))
    for number in range(5):
        trusting.submit(trusting.claim("ada"), "ada", key=f"b{number}")
        trusting.submit(trusting.claim("ben"), "ben", key=f"b{number}")
    waiting = trusting.reviews.awaiting("olga", 99)
    assert {(one.annotator, one.reason) for one in waiting} == {("ben", ReviewReason.SAMPLED)}
    assert len(waiting) == 5
