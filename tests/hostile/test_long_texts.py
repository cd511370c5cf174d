"""Texts that nobody can work on: an excerpt is stored, and older ones leave the database cut."""

from coachlm.desk.work import PersonRole
from coachlm.pairs import ExcludeReason, Exclusion, InstructionPair
from coachlm.protocols.intake import IntakeBatch
from coachlm.text.excerpts import excerpt_pair
from storage.engine.database import open_database
from storage.intake.store import DatabaseStore
from storage.people.accounts import Accounts
from storage.review import exclusions
from storage.review.desk import ReviewDesk
from tests.storage.factories import make_intake


def test_an_excerpt_tells_texts_apart_and_stays_the_same():
    one, two = (InstructionPair("Say it.", "", "a" * 9_000_000 + end) for end in "bc")
    assert len(excerpt_pair(one).response) < 2_200
    assert excerpt_pair(one) == excerpt_pair(one)
    assert excerpt_pair(one).id != excerpt_pair(two).id
    assert excerpt_pair(one).instruction == "Say it."


def test_a_page_of_exclusions_has_a_budget(database_url, monkeypatch):
    """As an older version stored them: whole."""
    monkeypatch.setattr(exclusions, "PAGE_CHARS", 100_000)
    database = open_database(database_url)
    Accounts(database).add("root", PersonRole.ADMIN)
    long = "word \0 " * 20_000
    pairs = [InstructionPair(f"Say number {number}.", "", f"{number} {long}") for number in range(7)]
    too_long = Exclusion(ExcludeReason.TOO_LONG, "")
    items = [make_intake(pair, number, exclusion=too_long) for number, pair in enumerate(pairs)]
    DatabaseStore(database).commit_intake(IntakeBatch(items))
    desk, after, found = ReviewDesk(database), 0, []
    while True:
        page = desk.exclusions("root", 500, after=after)
        assert 1 <= len(page.pairs) <= 3
        found += page.pairs
        if page.next is None:
            break
        after = page.next
    assert [item.pair_id for item in found] == [pair.id for pair in pairs]
    for item, pair in zip(found, pairs, strict=True):
        assert pair.response.startswith(item.raw.response)
        assert 20_000 < len(item.raw.response) <= exclusions.TEXT_CHARS
    database.close()
