"""What people take back: counted as if it had never been, kept in the history, and never somebody else's item."""

import pytest

from coachlm.desk.post_edit import Decision, Review
from coachlm.desk.work import ReviewReason
from coachlm.errors import ConflictError, DivergedError, LeaseError, StaleError
from coachlm.pairs import ExcludeReason, InstructionPair
from coachlm.status import Status
from storage.desk.pair_views import PairViews
from storage.desk.rules import DeskRules
from storage.engine.database import Database
from storage.figures.recount import rebuild_rollups
from storage.pairs.edits import Seen
from storage.reading import StoreReader
from tests.storage.factories import Clock, Desk, fill_queue, read_rollups

EVERYTHING = DeskRules(review_share=1.0, review_trusted_share=1.0, control_share=0.0, newcomer_reviews=0)
NOTHING = DeskRules(review_share=0.0, review_flagged_share=0.0, review_trusted_share=0.0, control_share=0.0)


def recounts(database: Database) -> bool:
    kept = read_rollups(database)
    rebuild_rollups(database)
    return read_rollups(database) == kept


def test_what_an_annotator_did_last_is_taken_back(database: Database, clock: Clock):
    fill_queue(database, 3, clock)
    desk = Desk(database, clock)
    before = read_rollups(database)
    item = desk.claim()
    claimed = read_rollups(database)
    desk.queue.save_draft(item.pair_id, "ada", InstructionPair("Half.", "", "Done."), token=item.token)
    for act in ("skip", "exclude", "ask"):
        version = PairViews(database).pair(item.pair_id).version
        if act == "skip":
            desk.queue.skip(item.token, "ada")
        elif act == "exclude":
            desk.queue.exclude(item.pair_id, "ada", ExcludeReason.SAFETY, version=version, detail="a threat")
        else:
            desk.queue.send_to_owner(item.token, "ada", "Is it?")
        clock.turn(3)
        back = desk.queue.take_back("ada", item.pair_id)
        assert desk.queue.take_back("ada", item.pair_id) == back
        assert (back.token, back.draft and back.draft.text.response) == (item.token, "Done.")
        assert (back.status, back.question) == (Status.REVISED, "")
    assert PairViews(database).pair(item.pair_id).exclude_reason is None
    assert desk.reviews.awaiting("olga", 5) == []
    assert read_rollups(database) == claimed != before
    assert recounts(database)
    desk.submit(back)


def test_too_late_and_in_other_hands(database: Database, clock: Clock):
    fill_queue(database, 2, clock)
    desk = Desk(database, clock)
    item = desk.claim()
    with pytest.raises(ConflictError, match="was not in"):
        desk.queue.take_back("ben", item.pair_id)
    desk.queue.skip(item.token, "ada")
    assert desk.claim("ben").pair_id == item.pair_id
    with pytest.raises(ConflictError, match="with somebody else"):
        desk.queue.take_back("ada", item.pair_id)
    other = desk.claim()
    desk.queue.exclude(other.pair_id, "ada", ExcludeReason.SAFETY, version=other.version)
    clock.turn(61)
    with pytest.raises(ConflictError, match="60 s"):
        desk.queue.take_back("ada", other.pair_id)


def test_owners_have_reviews_in_hands_like_leases(database: Database, clock: Clock):
    ids = fill_queue(database, 5, clock)
    desk = Desk(database, clock, rules=EVERYTHING)
    desk.queue.ensure_person("otto", desk.queue.ensure_person("olga").role)
    for number in range(4):
        desk.submit(desk.claim(), key=f"key-{number}")
        clock.turn(1)
    asked = desk.claim()
    desk.queue.send_to_owner(asked.token, "ada", "Is it?")
    olga = [item.pair_id for item in desk.reviews.claim("olga", 2)]
    otto = [item.pair_id for item in desk.reviews.claim("otto", 2)]
    assert (olga, otto) == ([ids[4], ids[0]], [ids[1], ids[2]])  # the question first
    assert [item.pair_id for item in desk.reviews.claim("olga", 2)] == olga
    assert [item.pair_id for item in desk.reviews.claim("olga", 1, known=olga)] == [ids[3]]
    assert desk.reviews.claim("otto", 1, known=otto) == []
    assert {item.pair_id: item.reserved_by for item in desk.reviews.awaiting("otto", 9)} == {
        **dict.fromkeys([ids[4], ids[0], ids[3]], "olga"),
        **dict.fromkeys(otto, "otto"),
    }
    version = PairViews(database).pair(ids[0]).version
    with pytest.raises(LeaseError, match="'olga' is reviewing"):
        desk.reviews.review(Review(ids[0], "otto", Decision.APPROVE), version=version)
    with pytest.raises(LeaseError, match="'olga' is reviewing"):
        desk.queue.exclude(ids[0], "otto", ExcludeReason.SAFETY, version=version)
    assert desk.reviews.hold("otto", [ids[0], ids[1]]) == [ids[1]]
    desk.reviews.release("olga", [ids[0]])
    assert [item.pair_id for item in desk.reviews.claim("otto", 1, known=otto)] == [ids[0]]
    clock.turn(1801)
    assert len(desk.reviews.claim("otto", 9)) == 5
    assert desk.reviews.review(Review(ids[0], "otto", Decision.APPROVE), version=version) == version + 1


def test_a_decision_is_taken_back(database: Database, clock: Clock):
    [pair_id] = fill_queue(database, 1, clock)
    desk = Desk(database, clock, rules=EVERYTHING)
    desk.submit(desk.claim())
    submitted = read_rollups(database)
    final = InstructionPair("Name it.", "", "Blue.")
    for decision in (Decision.APPROVE, Decision.FIX, Decision.RETURN, None):
        clock.turn(5)
        version = PairViews(database).pair(pair_id).version
        if decision is None:
            after = desk.queue.exclude(pair_id, "olga", ExcludeReason.SAFETY, version=version)
        else:
            review = Review(pair_id, "olga", decision, final if decision is Decision.FIX else None, "Why?")
            after = desk.reviews.review(review, version=version)
        with pytest.raises(StaleError):
            desk.reviews.reopen(pair_id, "olga", version=version)
        item = desk.reviews.reopen(pair_id, "olga", version=after)
        assert (item.reason, item.annotator, item.reserved_by) == (ReviewReason.SAMPLED, "ada", "olga")
        pair = PairViews(database).pair(pair_id)
        assert (pair.status, pair.final and pair.final.response, pair.reviewer) == (Status.POST_EDITED, "Red.", None)
        assert desk.queue.claim("ada") is None
    assert read_rollups(database) == submitted
    assert recounts(database)
    history = [entry.kind for entry in StoreReader(database).history(pair_id)]
    assert history.count("review") == 3


def test_an_answer_and_an_unsampled_approval_are_taken_back(database: Database, clock: Clock):
    asked, passed = fill_queue(database, 2, clock)
    desk = Desk(database, clock, rules=NOTHING)
    desk.queue.send_to_owner(desk.claim().token, "ada", "Is it?")
    desk.submit(desk.claim())
    clock.turn(61)
    submitted = read_rollups(database)
    assert desk.reviews.approve_unsampled() == 1
    version = PairViews(database).pair(passed).version
    assert desk.reviews.reopen(passed, "olga", version=version).reason is ReviewReason.REOPENED
    version = PairViews(database).pair(asked).version
    answered = desk.reviews.review(Review(asked, "olga", Decision.RETURN, comment="No."), version=version)
    question = desk.reviews.reopen(asked, "olga", version=answered)
    assert (question.comment, question.reason, question.post_edit) == ("Is it?", ReviewReason.SENT, None)
    assert desk.queue.claim("ada") is None
    assert read_rollups(database) == submitted
    assert recounts(database)
    answered = desk.reviews.review(Review(asked, "olga", Decision.RETURN, comment="Yes."), version=question.version)
    item = desk.claim()
    assert (item.question, item.owner_comment) == ("Is it?", "Yes.")
    with pytest.raises(ConflictError, match="in hands by now"):
        desk.reviews.reopen(asked, "olga", version=answered)


def test_of_two_browsers_the_one_that_has_not_seen_the_newer_text_is_refused(database: Database, clock: Clock):
    fill_queue(database, 1, clock)
    desk = Desk(database, clock)
    item = desk.claim()

    def save(writer: str, seen: int, response: str) -> None:
        text = InstructionPair("Name it.", "", response)
        desk.queue.save_draft(item.pair_id, "ada", text, token=item.token, seen=Seen(writer, seen))

    save("office", 0, "One.")
    save("office", 0, "One, more.")
    save("home", 2, "Two.")
    with pytest.raises(DivergedError):
        save("office", 0, "One, still more.")
    [held] = desk.queue.held("ada")
    assert held.draft is not None
    assert (held.draft.text.response, held.draft.version, held.draft.writer) == ("Two.", 3, "home")
    save("office", 3, "Both.")
    with pytest.raises(DivergedError):
        save("home", 2, "Two, more.")
