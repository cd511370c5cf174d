"""Reviews: only by owners, only of what was seen, and returned pairs go back to their annotator."""

import pytest

from coachlm.desk.post_edit import Decision, Review
from coachlm.errors import AccessError, ConflictError, StoreError, TransitionError
from coachlm.pairs import ExcludeReason, Exclusion, TaskClass
from coachlm.protocols.intake import IntakeBatch
from coachlm.status import Status
from storage.engine.database import Database
from storage.intake.store import DatabaseStore
from storage.pairs.history import EntryKind
from storage.reading import StoreReader
from tests.storage.factories import Clock, Desk, fill_queue, make_intake, make_pair, make_revision


@pytest.fixture
def ids(database: Database, clock: Clock) -> list[str]:
    return fill_queue(database, 3, clock)


@pytest.fixture
def desk(database: Database, clock: Clock, ids: list[str]) -> Desk:
    return Desk(database, clock)


def status_of(database: Database, pair_id: str) -> Status:
    rows = StoreReader(database).dataset_rows(include_excluded=True, include_duplicates=True)
    return {row.pair_id: row.status for row in rows}[pair_id]


def test_approval_keeps_the_annotators_text(desk: Desk, ids: list[str], database: Database):
    receipt = desk.submit(desk.claim())
    assert desk.reviews.review(Review(ids[0], "olga", Decision.APPROVE), version=receipt.version) == receipt.version + 1
    row = next(StoreReader(database).dataset_rows(statuses=[Status.APPROVED]))
    assert row.final is not None
    assert row.final.response == "Red."
    assert desk.reviews.awaiting("olga", 5) == []


def test_a_fix_is_the_last_word(desk: Desk, ids: list[str], database: Database):
    receipt = desk.submit(desk.claim())
    fixed = make_pair(response="Bright red.")
    desk.reviews.review(Review(ids[0], "olga", Decision.FIX, fixed), version=receipt.version)
    row = next(StoreReader(database).dataset_rows(statuses=[Status.APPROVED]))
    assert (row.final, row.annotator) == (fixed, "ada")


def test_a_returned_pair_goes_first_and_to_its_annotator_alone(desk: Desk, ids: list[str]):
    receipt = desk.submit(desk.claim("ada"))
    desk.reviews.review(Review(ids[0], "olga", Decision.RETURN, comment="which red?"), version=receipt.version)
    assert desk.claim("ben").pair_id == ids[1]
    item = desk.claim("ada")
    assert (item.pair_id, item.status, item.owner_comment) == (ids[0], Status.RETURNED, "which red?")
    assert item.last_edit is not None
    assert item.last_edit.final.response == "Red."
    desk.queue.release(item.token, "ada")
    assert desk.claim("ben").pair_id == ids[2]
    assert desk.queue.claim("ben") is None
    again = desk.claim("ada")
    desk.submit(again, key="key-2", response="Dark red.")
    [review] = desk.reviews.awaiting("olga", 5)
    assert review.post_edit is not None
    assert review.post_edit.final.response == "Dark red."


def test_an_expired_returned_item_stays_with_its_annotator(desk: Desk, ids: list[str]):
    receipt = desk.submit(desk.claim("ada"))
    desk.reviews.review(Review(ids[0], "olga", Decision.RETURN), version=receipt.version)
    desk.claim("ada")
    desk.clock.turn(600)
    assert [desk.claim("ben").pair_id for _ in range(2)] == ids[1:]
    assert desk.queue.claim("ben") is None
    assert desk.claim("ada").pair_id == ids[0]


def test_a_returned_pair_of_somebody_who_left_is_handed_over(desk: Desk, ids: list[str]):
    for heir, key in (("ben", "a"), (None, "b")):
        item = desk.claim("ada")
        receipt = desk.submit(item, key=key)
        desk.reviews.review(Review(item.pair_id, "olga", Decision.RETURN), version=receipt.version)
        desk.reviews.hand_over(item.pair_id, heir, "olga")
        assert desk.claim("ben").pair_id == item.pair_id
    with pytest.raises(ConflictError):
        desk.reviews.hand_over(ids[0], "ada", "olga")


def test_only_owners_review(desk: Desk, ids: list[str], database: Database):
    receipt = desk.submit(desk.claim())
    with pytest.raises(AccessError, match="annotator"):
        desk.reviews.review(Review(ids[0], "ada", Decision.APPROVE), version=receipt.version)
    with pytest.raises(AccessError, match="annotator"):
        desk.reviews.hand_over(ids[1], "ben", "ada")
    assert status_of(database, ids[0]) is Status.POST_EDITED


def test_a_review_of_what_changed_meanwhile_is_a_conflict(desk: Desk, ids: list[str]):
    receipt = desk.submit(desk.claim())
    approve = Review(ids[0], "olga", Decision.APPROVE)
    with pytest.raises(ConflictError):
        desk.reviews.review(approve, version=receipt.version - 1)
    desk.reviews.review(approve, version=receipt.version)
    with pytest.raises(ConflictError):
        desk.reviews.review(approve, version=receipt.version)


def test_what_is_not_post_edited_is_not_reviewed(desk: Desk, ids: list[str]):
    with pytest.raises(TransitionError, match="revised"):
        desk.reviews.review(Review(ids[0], "olga", Decision.APPROVE), version=2)


@pytest.mark.parametrize("decision", list(Decision))
def test_a_text_goes_with_a_fix_alone(desk: Desk, ids: list[str], decision: Decision):
    final = None if decision is Decision.FIX else make_pair()
    with pytest.raises(StoreError, match="fix"):
        desk.reviews.review(Review(ids[0], "olga", decision, final), version=2)


def test_an_excluded_pair_is_restored_and_revised_again(database: Database, clock: Clock):
    store = DatabaseStore(database, now=clock)
    store.commit_intake(IntakeBatch([make_intake(record=0, exclusion=Exclusion(ExcludeReason.SAFETY, "rule"))]))
    desk = Desk(database, clock)
    pair = make_pair(0)
    desk.reviews.restore(pair.id, "olga", version=1)
    assert store.awaiting_revision(5) == [(pair.id, pair)]
    assert store.save_revisions([make_revision(pair)]) == 1
    assert desk.claim().pair_id == pair.id
    with pytest.raises(TransitionError):
        desk.reviews.restore(pair.id, "olga", version=3)


def test_a_corrected_class_moves_the_item_and_keeps_the_prediction(desk: Desk, ids: list[str], database: Database):
    desk.reviews.correct_class(ids[0], TaskClass.CREATIVE, "ada", version=2)
    assert desk.claim(task_class=TaskClass.QA).pair_id == ids[1]
    assert desk.claim(task_class=TaskClass.CREATIVE).pair_id == ids[0]
    assert next(StoreReader(database).dataset_rows()).task_class is TaskClass.CREATIVE
    changes = [entry for entry in StoreReader(database).history(ids[0]) if entry.kind is EntryKind.CHANGE]
    assert any("qa → creative" in entry.detail and entry.who == "ada" for entry in changes)


def test_the_whole_life_of_a_pair_stands_in_its_history(desk: Desk, ids: list[str], database: Database):
    first = desk.claim()
    desk.clock.turn(1)
    desk.queue.save_draft(ids[0], "ada", make_pair(response="R"), token=first.token)
    desk.clock.turn(1)
    receipt = desk.submit(first)
    desk.clock.turn(1)
    returned = Review(ids[0], "olga", Decision.RETURN, comment="more")
    desk.reviews.review(returned, version=receipt.version)
    desk.clock.turn(1)
    receipt = desk.submit(desk.claim(), key="key-2", response="Dark red.")
    desk.clock.turn(1)
    fixed = Review(ids[0], "olga", Decision.FIX, make_pair(response="Deep red."))
    desk.reviews.review(fixed, version=receipt.version)
    history = StoreReader(database).history(ids[0])
    said = [(entry.kind, entry.who, entry.text and entry.text.response) for entry in history if entry.text]
    assert said == [
        (EntryKind.RAW, None, "It is colour 0."),
        (EntryKind.REVISION, "rules", "It is colour 0. Gladly."),
        (EntryKind.DRAFT, "ada", "R"),
        (EntryKind.POST_EDIT, "ada", "Red."),
        (EntryKind.POST_EDIT, "ada", "Dark red."),
        (EntryKind.REVIEW, "olga", "Deep red."),
    ]
    assert [entry.at for entry in history] == sorted(entry.at for entry in history)
