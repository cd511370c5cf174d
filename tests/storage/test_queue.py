"""The queue's promises: one holder, fenced and idempotent submits, no lost text."""

import pytest

from coachlm.desk.categories import RevisionCategory
from coachlm.desk.post_edit import Decision, Review
from coachlm.desk.rubric import Dimension, Scores
from coachlm.desk.work import PersonRole
from coachlm.errors import ConflictError, LeaseError, NotFoundError, StoreError, TransitionError
from coachlm.pairs import ExcludeReason, TaskClass
from coachlm.status import Status
from storage.engine.database import Database
from storage.pairs.history import EntryKind
from storage.reading import StoreReader
from tests.storage.factories import Clock, Desk, fill_queue, make_edit, make_pair, make_revision


@pytest.fixture
def ids(database: Database, clock: Clock) -> list[str]:
    return fill_queue(database, 3, clock)


@pytest.fixture
def desk(database: Database, clock: Clock, ids: list[str]) -> Desk:
    return Desk(database, clock)


def texts(database: Database, pair_id: str, kind: EntryKind) -> list[str]:
    return [e.text.response for e in StoreReader(database).history(pair_id) if e.kind is kind and e.text]


def test_items_come_in_order_and_to_one_person_each(desk: Desk, ids: list[str]):
    assert [desk.claim(person).pair_id for person in ("ada", "ben", "ada")] == ids
    assert desk.queue.claim("ben") is None
    assert [item.pair_id for item in desk.queue.held("ada")] == [ids[0], ids[2]]


def test_an_item_brings_all_that_is_needed(desk: Desk, clock: Clock):
    item = desk.claim()
    assert (item.raw, item.revision, item.task_class) == (make_pair(0), make_revision(make_pair(0)), TaskClass.QA)
    assert (item.status, item.draft, item.last_edit) == (Status.REVISED, None, None)
    assert (item.expires_at - clock()).total_seconds() == 600


def test_priority_goes_before_age(desk: Desk, ids: list[str]):
    assert desk.reviews.prioritise([ids[2], "unknown"], 1) == 1
    assert [desk.claim().pair_id for _ in range(3)] == [ids[2], ids[0], ids[1]]


def test_a_unit_gets_its_class_and_then_what_has_none(database: Database, clock: Clock):
    classes = [None, TaskClass.CREATIVE, TaskClass.QA]
    ids = fill_queue(database, 3, clock, task_classes=classes)
    desk = Desk(database, clock)
    desk.queue.ensure_person("quinn", unit=TaskClass.QA)
    assert [desk.claim("quinn").pair_id for _ in range(2)] == [ids[2], ids[0]]
    assert desk.queue.claim("quinn") is None
    assert desk.queue.claim("ada", task_class=TaskClass.LANGUAGE_TASK) is None
    assert desk.claim("ada").pair_id == ids[1]


def test_submit_stores_the_edit_and_moves_the_pair_on(desk: Desk, ids: list[str], database: Database):
    item = desk.claim()
    scores = Scores(70, 96, frozenset({Dimension.FEASIBILITY}))
    categories = (RevisionCategory.RESPONSE_FACTS, RevisionCategory.INSTRUCTION_LANGUAGE)
    edit = make_edit(ids[0], scores=scores, categories=categories, comment="hm")
    receipt = desk.queue.submit(edit, token=item.token, version=item.version, idempotency_key="k")
    assert receipt.version == item.version + 1
    [review] = desk.reviews.awaiting("olga", 5)
    assert review.post_edit is not None
    assert review.post_edit.scores == scores
    assert set(review.post_edit.categories) == set(categories)
    assert (review.post_edit.final, review.post_edit.comment) == (edit.final, "hm")
    row = next(StoreReader(database).dataset_rows())
    assert (row.status, row.final, row.annotator, row.scores) == (Status.POST_EDITED, edit.final, "ada", scores)


def test_a_retried_submit_gives_the_same_receipt_and_no_second_row(desk: Desk, ids: list[str], database: Database):
    item = desk.claim()
    assert desk.submit(item) == desk.submit(item)
    desk.clock.turn(10_000)
    assert desk.submit(item) == desk.submit(item)
    assert texts(database, ids[0], EntryKind.POST_EDIT) == ["Red."]
    assert texts(database, ids[0], EntryKind.REFUSED) == []


def test_a_key_used_for_another_text_is_a_conflict_and_the_text_is_kept(desk: Desk, ids: list[str], database: Database):
    item, other = desk.claim(), desk.claim()
    desk.submit(item)
    with pytest.raises(ConflictError, match="key-1"):
        desk.submit(item, response="Blue.")
    with pytest.raises(ConflictError, match="key-1"):
        desk.submit(other)
    assert texts(database, ids[0], EntryKind.POST_EDIT) == ["Red."]
    assert texts(database, ids[0], EntryKind.REFUSED) == ["Blue."]
    assert texts(database, ids[1], EntryKind.REFUSED) == ["Red."]


@pytest.mark.slow
def test_two_people_may_use_the_same_key(desk: Desk):
    assert desk.submit(desk.claim("ada"), "ada") != desk.submit(desk.claim("ben"), "ben")


@pytest.mark.parametrize("late", [600, 601])
def test_a_late_submit_is_refused_and_its_text_kept(desk: Desk, ids: list[str], database: Database, late: int):
    item = desk.claim()
    desk.clock.turn(late)
    for _ in range(2):
        with pytest.raises(LeaseError, match="ran out"):
            desk.submit(item)
    assert texts(database, ids[0], EntryKind.REFUSED) == ["Red."]
    again = desk.claim()
    assert again.pair_id == ids[0]
    assert again.draft is not None
    assert (again.draft.text.response, again.draft.is_refused) == ("Red.", True)
    with pytest.raises(LeaseError, match="expired"):
        desk.submit(item, response="Blue.")
    desk.submit(again, key="key-2")


def test_somebody_elses_lease_is_refused_and_the_text_kept(desk: Desk, ids: list[str], database: Database):
    item = desk.claim("ada")
    with pytest.raises(LeaseError, match="not 'ben'"):
        desk.submit(item, "ben")
    with pytest.raises(LeaseError, match="not 'ben'"):
        desk.queue.heartbeat(item.token, "ben")
    with pytest.raises(LeaseError, match="not 'ben'"):
        desk.queue.release(item.token, "ben")
    with pytest.raises(LeaseError, match="not 'ben'"):
        desk.queue.save_draft(ids[0], "ben", make_pair(response="Green."), token=item.token)
    assert sorted(texts(database, ids[0], EntryKind.REFUSED)) == ["Green.", "Red."]
    desk.submit(item, "ada")


@pytest.mark.parametrize("token", ["", "never issued", "x" * 10_000, "\x00\ud800"])
def test_an_unknown_token_is_refused_and_the_text_kept(desk: Desk, ids: list[str], database: Database, token: str):
    with pytest.raises(LeaseError):
        desk.queue.submit(make_edit(ids[0]), token=token, version=2, idempotency_key="k")
    assert texts(database, ids[0], EntryKind.REFUSED) == ["Red."]


def test_a_token_holds_for_its_pair_alone(desk: Desk, ids: list[str], database: Database):
    item = desk.claim()
    with pytest.raises(LeaseError):
        desk.queue.submit(make_edit(ids[1]), token=item.token, version=item.version, idempotency_key="k")
    assert texts(database, ids[1], EntryKind.REFUSED) == ["Red."]


def test_a_stale_version_is_a_conflict_and_the_text_kept(desk: Desk, ids: list[str], database: Database):
    item = desk.claim()
    version = desk.reviews.correct_class(ids[0], TaskClass.CREATIVE, "olga", version=item.version)
    with pytest.raises(ConflictError, match="changed"):
        desk.submit(item)
    assert texts(database, ids[0], EntryKind.REFUSED) == ["Red."]
    edit = make_edit(ids[0])
    assert desk.queue.submit(edit, token=item.token, version=version, idempotency_key="k").version == version + 1


def test_a_heartbeat_keeps_the_item(desk: Desk, ids: list[str]):
    item = desk.claim()
    for _ in range(3):
        desk.clock.turn(599)
        assert (desk.queue.heartbeat(item.token, "ada") - desk.clock()).total_seconds() == 600
    assert desk.claim("ben").pair_id == ids[1]
    desk.submit(item)
    with pytest.raises(LeaseError, match="submitted"):
        desk.queue.heartbeat(item.token, "ada")


def test_an_expired_item_goes_to_the_next_in_its_old_place(desk: Desk, ids: list[str]):
    item = desk.claim("ada")
    desk.clock.turn(600)
    assert desk.queue.held("ada") == []
    assert desk.claim("ben").pair_id == ids[0]
    with pytest.raises(LeaseError):
        desk.queue.heartbeat(item.token, "ada")


def test_a_saved_draft_comes_back_to_its_writer_alone(desk: Desk, ids: list[str], database: Database):
    item = desk.claim("ada")
    for response in ("R", "Re", "Red"):
        desk.clock.turn(1)
        desk.queue.save_draft(ids[0], "ada", make_pair(response=response), token=item.token, comment=response)
    desk.queue.release(item.token, "ada")
    assert desk.claim("ben").draft is None
    desk.clock.turn(600)
    draft = desk.claim("ada").draft
    assert draft is not None
    assert (draft.text.response, draft.comment, draft.is_refused) == ("Red", "Red", False)
    assert texts(database, ids[0], EntryKind.DRAFT) == ["Red"]


def test_a_late_draft_is_kept_beside_the_saved_one(desk: Desk, ids: list[str], database: Database):
    item = desk.claim()
    desk.queue.save_draft(ids[0], "ada", make_pair(response="early"), token=item.token)
    desk.clock.turn(600)
    with pytest.raises(LeaseError):
        desk.queue.save_draft(ids[0], "ada", make_pair(response="late"), token=item.token)
    assert texts(database, ids[0], EntryKind.DRAFT) == ["early"]
    assert texts(database, ids[0], EntryKind.REFUSED) == ["late"]


def test_a_skipped_item_goes_to_others_first_and_comes_back_at_last(desk: Desk, ids: list[str]):
    item = desk.claim("ada")
    desk.queue.skip(item.token, "ada")
    desk.clock.turn(1)
    second = desk.claim("ada")
    desk.queue.skip(second.token, "ada")
    assert desk.claim("ada").pair_id == ids[2]
    assert desk.claim("ben").pair_id == ids[0]
    assert desk.claim("ada").pair_id == ids[1]
    assert desk.queue.claim("ada") is None


def test_all_skipped_items_come_back_longest_ago_first(desk: Desk, ids: list[str]):
    for _ in ids:
        desk.queue.skip(desk.claim().token, "ada")
        desk.clock.turn(1)
    for expected in (*ids, ids[0]):
        item = desk.claim()
        assert item.pair_id == expected
        desk.queue.skip(item.token, "ada")
        desk.clock.turn(1)


def test_a_released_item_is_free_at_once(desk: Desk, ids: list[str]):
    desk.queue.release(desk.claim("ada").token, "ada")
    assert desk.claim("ada").pair_id == ids[0]


def test_excluding_an_own_item(desk: Desk, ids: list[str], database: Database):
    item = desk.claim()
    desk.queue.exclude(ids[0], "ada", ExcludeReason.BEYOND_EXPERTISE, version=item.version, detail="law")
    assert StoreReader(database).flow_counts().excluded_by_reason == {"beyond_expertise": 1}
    with pytest.raises(LeaseError, match="excluded"):
        desk.submit(item)
    assert desk.claim().pair_id == ids[1]


def test_an_item_in_anothers_hands_is_not_excluded(desk: Desk, ids: list[str]):
    item = desk.claim("ada")
    with pytest.raises(LeaseError, match="ada"):
        desk.queue.exclude(ids[0], "ben", ExcludeReason.MANUAL, version=item.version)
    with pytest.raises(ConflictError):
        desk.queue.exclude(ids[0], "ada", ExcludeReason.MANUAL, version=item.version - 1)
    desk.clock.turn(600)
    desk.queue.exclude(ids[0], "ben", ExcludeReason.MANUAL, version=item.version)


def test_an_approved_pair_is_not_excluded(desk: Desk, ids: list[str]):
    receipt = desk.submit(desk.claim())
    version = desk.reviews.review(Review(ids[0], "olga", Decision.APPROVE), version=receipt.version)
    with pytest.raises(TransitionError, match="approved and can't become excluded"):
        desk.queue.exclude(ids[0], "olga", ExcludeReason.MANUAL, version=version)


@pytest.mark.parametrize(("key", "seconds"), [("", 1.0), ("k" * 201, 1.0), ("k", -1.0), ("k", float("nan"))])
def test_malformed_submits_are_refused(desk: Desk, key: str, seconds: float):
    item = desk.claim()
    edit = make_edit(item.pair_id, active_seconds=seconds)
    with pytest.raises(StoreError):
        desk.queue.submit(edit, token=item.token, version=item.version, idempotency_key=key)


def test_unknown_people_and_pairs(desk: Desk):
    for name in ("mallory", "\x00\ud800"):
        with pytest.raises(NotFoundError, match="unknown person"):
            desk.queue.claim(name)
    for pair_id in ("f" * 32, "\x00\ud800", ""):
        with pytest.raises(NotFoundError, match="does not exist"):
            desk.queue.submit(make_edit(pair_id), token="t", version=1, idempotency_key="k")
        assert desk.reviews.prioritise([pair_id], 1) == 0


def test_people_are_added_once_and_changed_only_as_told(desk: Desk):
    olga = desk.queue.ensure_person("olga", unit=TaskClass.QA)
    assert (olga.role, olga.unit) == (PersonRole.OWNER, TaskClass.QA)
    assert desk.queue.ensure_person("olga") == olga
    assert desk.queue.ensure_person("olga", PersonRole.ADMIN).id == olga.id
    for name in ("", "  ", "n" * 201):
        with pytest.raises(StoreError):
            desk.queue.ensure_person(name)


def test_depth(desk: Desk, ids: list[str], database: Database):
    desk.submit(desk.claim())
    desk.claim()
    depth = StoreReader(database).queue_depth()
    assert (depth.free, depth.reserved, depth.leased, depth.awaiting_review) == (1, 0, 1, 1)
    assert depth.free_by_class == {"qa": 1}
