"""Nothing that an owner has typed gets lost, and a decision that is sent twice counts once."""

from typing import Any

import pytest
from sqlalchemy import event, func, select

from coachlm.desk.post_edit import Decision, Review
from coachlm.desk.work import PersonRole, ReviewDraft
from coachlm.errors import AccessError, ConflictError, EmptyTextError, StaleError, StoreError
from coachlm.pairs import InstructionPair, TaskClass
from coachlm.status import Status
from storage.engine.database import Database
from storage.pairs.history import EntryKind
from storage.reading import StoreReader
from storage.tables.desk import ReviewRow
from tests.storage.factories import Clock, Desk, fill_queue, make_pair

MINE = make_pair(response="Bright red, as Olga sees it.")
BETTER = make_pair(response="Bright red, as Olga sees it at night.")


@pytest.fixture
def ids(database: Database, clock: Clock) -> list[str]:
    return fill_queue(database, 3, clock)


@pytest.fixture
def desk(database: Database, clock: Clock, ids: list[str]) -> Desk:
    return Desk(database, clock)


def draft_of(desk: Desk, person: str = "olga") -> ReviewDraft | None:
    (item,) = desk.reviews.awaiting(person, 5)
    return item.draft


def kept(database: Database, pair_id: str, kind: EntryKind) -> list[tuple[InstructionPair | None, str]]:
    return [(one.text, one.detail) for one in StoreReader(database).history(pair_id) if one.kind is kind]


def count_reviews(database: Database) -> int:
    with database.reading() as connection:
        return connection.execute(select(func.count()).select_from(ReviewRow)).scalar_one()


def test_what_an_owner_types_is_there_again_for_her_alone(desk: Desk, ids: list[str], clock: Clock):
    desk.queue.ensure_person("otto", PersonRole.OWNER)
    version = desk.submit(desk.claim()).version
    desk.reviews.save_draft(ids[0], "olga", MINE, version=version, writer="here", comment="Night?")
    clock.turn(5)
    desk.reviews.save_draft(ids[0], "olga", BETTER, version=version, writer="here", comment="Night!")
    assert draft_of(desk) == ReviewDraft(BETTER, "Night!", clock(), version, "here")
    assert draft_of(desk, "otto") is None


def test_two_browsers_keep_their_texts_beside_each_other(desk: Desk, ids: list[str], clock: Clock, database: Database):
    version = desk.submit(desk.claim()).version
    desk.reviews.save_draft(ids[0], "olga", MINE, version=version, writer="here")
    clock.turn(5)
    desk.reviews.save_draft(ids[0], "olga", BETTER, version=version, writer="there")
    found = draft_of(desk)
    assert found is not None
    assert (found.text, found.writer) == (BETTER, "there")
    assert kept(database, ids[0], EntryKind.DRAFT) == [(MINE, ""), (BETTER, "")]


def test_a_draft_outlives_a_change_of_the_pair_and_says_what_it_was_written_on(desk: Desk, ids: list[str]):
    version = desk.submit(desk.claim()).version
    desk.reviews.save_draft(ids[0], "olga", MINE, version=version, writer="here")
    after = desk.reviews.correct_class(ids[0], TaskClass.CREATIVE, "olga", version=version)
    (item,) = desk.reviews.awaiting("olga", 5)
    assert item.version == after
    assert item.draft is not None
    assert (item.draft.text, item.draft.version) == (MINE, version)


def test_what_was_decided_is_no_draft_any_more(desk: Desk, ids: list[str], clock: Clock, database: Database):
    version = desk.submit(desk.claim()).version
    desk.reviews.save_draft(ids[0], "olga", MINE, version=version, writer="here")
    clock.turn(5)
    desk.reviews.review(Review(ids[0], "olga", Decision.RETURN, comment="which red?"), version=version)
    clock.turn(5)
    desk.submit(desk.claim(), key="key-2", response="Dark red.")
    assert draft_of(desk) is None
    assert kept(database, ids[0], EntryKind.DRAFT) == [(MINE, "")]


@pytest.mark.parametrize("is_decided", [True, False])
def test_a_late_draft_is_refused_and_kept(desk: Desk, ids: list[str], database: Database, is_decided: bool):
    version = desk.submit(desk.claim()).version
    if is_decided:
        desk.reviews.review(Review(ids[0], "olga", Decision.APPROVE), version=version)
    else:
        desk.reviews.correct_class(ids[0], TaskClass.CREATIVE, "olga", version=version)
    with pytest.raises(StaleError):
        desk.reviews.save_draft(ids[0], "olga", MINE, version=version, writer="here", comment="Night?")
    assert kept(database, ids[0], EntryKind.REFUSED) == [(MINE, "Night?")]


def test_what_nobody_reviews_takes_no_draft(desk: Desk, ids: list[str], database: Database):
    item = desk.claim()
    with pytest.raises(ConflictError, match="is not waiting for review"):
        desk.reviews.save_draft(ids[0], "olga", MINE, version=item.version, writer="here")
    assert kept(database, ids[0], EntryKind.REFUSED) == [(MINE, "")]
    with pytest.raises(AccessError):
        desk.reviews.save_draft(ids[0], "ada", MINE, version=item.version, writer="here")


def test_what_has_gone_to_another_unit_is_refused_and_the_text_kept(desk: Desk, ids: list[str], database: Database):
    desk.queue.ensure_person("otto", PersonRole.OWNER, TaskClass.QA)
    version = desk.submit(desk.claim()).version
    desk.reviews.correct_class(ids[0], TaskClass.CREATIVE, "olga", version=version)
    with pytest.raises(AccessError):
        desk.reviews.save_draft(ids[0], "otto", MINE, version=version, writer="here")
    with pytest.raises(AccessError):
        desk.reviews.review(Review(ids[0], "otto", Decision.FIX, BETTER), version=version)
    assert [text for text, _ in kept(database, ids[0], EntryKind.REFUSED)] == [MINE, BETTER]


@pytest.mark.parametrize(
    ("decision", "final"), [(Decision.APPROVE, None), (Decision.FIX, MINE), (Decision.RETURN, None)]
)
def test_a_decision_sent_twice_counts_once(
    desk: Desk, ids: list[str], database: Database, decision: Decision, final: InstructionPair | None
):
    version = desk.submit(desk.claim()).version
    review = Review(ids[0], "olga", decision, final, "As said.")
    after = desk.reviews.review(review, version=version, key="one")
    assert desk.reviews.review(review, version=version, key="one") == after == version + 1
    assert count_reviews(database) == 1


def test_an_answer_sent_twice_counts_once(desk: Desk, ids: list[str], database: Database):
    item = desk.claim()
    desk.queue.send_to_owner(item.token, "ada", "Is it red?")
    (waiting,) = desk.reviews.awaiting("olga", 5)
    review = Review(ids[0], "olga", Decision.FIX, MINE)
    after = desk.reviews.review(review, version=waiting.version, key="one")
    assert desk.reviews.review(review, version=waiting.version, key="one") == after
    assert count_reviews(database) == 1
    assert StoreReader(database).history(ids[0])[-1].detail.startswith("post_edited → approved")


def test_a_key_used_for_another_decision_is_a_conflict_and_the_text_is_kept(
    desk: Desk, ids: list[str], database: Database
):
    version = desk.submit(desk.claim()).version
    desk.reviews.review(Review(ids[0], "olga", Decision.APPROVE), version=version, key="one")
    with pytest.raises(ConflictError, match="'one'"):
        desk.reviews.review(Review(ids[0], "olga", Decision.FIX, MINE), version=version, key="one")
    assert kept(database, ids[0], EntryKind.REFUSED) == [(MINE, "")]
    with pytest.raises(StoreError, match="200 characters"):
        desk.reviews.review(Review(ids[0], "olga", Decision.APPROVE), version=version, key="k" * 201)


def test_a_late_decision_is_refused_and_its_words_kept(desk: Desk, ids: list[str], database: Database):
    version = desk.submit(desk.claim()).version
    desk.reviews.review(Review(ids[0], "olga", Decision.APPROVE), version=version)
    with pytest.raises(StaleError):
        desk.reviews.review(Review(ids[0], "olga", Decision.FIX, MINE, "Better so."), version=version)
    with pytest.raises(StaleError):
        desk.reviews.review(Review(ids[0], "olga", Decision.RETURN, comment="Which red?"), version=version)
    assert kept(database, ids[0], EntryKind.REFUSED) == [
        (MINE, "Better so."),
        (InstructionPair("", "", ""), "Which red?"),
    ]
    assert count_reviews(database) == 1


def test_an_empty_text_is_refused_and_kept(desk: Desk, ids: list[str], database: Database):
    version = desk.submit(desk.claim()).version
    empty = InstructionPair("What colour?", "", " \n")
    with pytest.raises(EmptyTextError):
        desk.reviews.review(Review(ids[0], "olga", Decision.FIX, empty), version=version)
    assert kept(database, ids[0], EntryKind.REFUSED) == [(empty, "")]
    assert desk.reviews.awaiting("olga", 5)[0].version == version


def test_an_answer_that_comes_too_late_changes_nothing(desk: Desk, ids: list[str], database: Database):
    """The item is in somebody's hands again: the review isn't stored either."""
    item = desk.claim()
    desk.queue.send_to_owner(item.token, "ada", "Is it red?")
    desk.reviews.hand_over(ids[0], None, "olga")
    again = desk.claim()
    assert again.pair_id == ids[0]
    with pytest.raises(StoreError):
        desk.reviews.review(Review(ids[0], "olga", Decision.RETURN, comment="Yes."), version=again.version)
    assert count_reviews(database) == 0


def test_many_items_cost_no_more_statements_than_one(desk: Desk, database: Database, ids: list[str]):
    def statements() -> int:
        seen: list[Any] = []
        event.listen(database.engine, "before_cursor_execute", note := lambda *_: seen.append(1))
        found = desk.reviews.awaiting("olga", 5)
        event.remove(database.engine, "before_cursor_execute", note)
        assert all(one.revision and one.post_edit for one in found)
        return len(seen)

    desk.submit(desk.claim())
    one = statements()
    for key in ("key-2", "key-3"):
        desk.submit(desk.claim(), key=key)
    assert [item.pair_id for item in desk.reviews.awaiting("olga", 5)] == ids
    assert statements() == one
    assert desk.reviews.count_awaiting("olga", at_most=2) == 2
    assert desk.reviews.count_awaiting("olga", task_class=TaskClass.CREATIVE, at_most=5) == 0
    status = {row.status for row in StoreReader(database).dataset_rows()}
    assert status == {Status.POST_EDITED}
