"""What logs say about their own answers orders the queue, and nobody waits for ever."""

import pytest

from coachlm.desk.signals import Opinion
from coachlm.protocols.intake import IntakeBatch
from storage.desk.pair_views import PairViews
from storage.engine.database import Database
from storage.intake.store import DatabaseStore
from storage.pairs.revision_claims import RevisionClaims
from tests.storage.factories import Clock, Desk, make_intake, make_pair, make_revision

MARKS = {1: "good", 6: "bad", 7: "bad"}
EXTRA = {"good": {"mark": "good", "signals": {"thumbs": "up"}}, "bad": {"mark": "bad", "signals": {"thumbs": -1}}}


def fill(database: Database, clock: Clock, head_start: int, *, by_worker: bool = False) -> list[str]:
    """Eight pairs in order of arrival; some have marks. `head_start` is COACHLM_SIGNAL_HEAD_START."""
    store = DatabaseStore(database, now=clock, head_start=head_start)
    pairs = [make_pair(number) for number in range(8)]
    extras = [EXTRA.get(MARKS.get(number, ""), {}) for number in range(8)]
    items = [make_intake(pair, number, extra=extras[number]) for number, pair in enumerate(pairs)]
    store.commit_intake(IntakeBatch(items))
    claims = RevisionClaims(database, now=clock, head_start=head_start)
    revisions = [make_revision(pair) for pair in pairs]
    if by_worker:
        claims.claim("worker", 8)
        claims.save("worker", revisions)
    else:
        store.save_revisions(revisions)
    return [pair.id for pair in pairs]


def handed_out(database: Database, clock: Clock, ids: list[str]) -> list[int]:
    desk = Desk(database, clock)
    return [ids.index(desk.claim("ada").pair_id) for _ in ids]


@pytest.mark.parametrize("by_worker", [False, True])
def test_what_the_log_calls_bad_comes_earlier_and_what_it_calls_good_later(
    database: Database, clock: Clock, by_worker: bool
):
    ids = fill(database, clock, 1000, by_worker=by_worker)
    assert handed_out(database, clock, ids) == [6, 7, 0, 2, 3, 4, 5, 1]


def test_nobody_is_overtaken_by_more_than_the_head_start(database: Database, clock: Clock):
    """An item waits for so many later ones and no more, however many are bad."""
    ids = fill(database, clock, 2)
    assert handed_out(database, clock, ids) == [0, 2, 1, 3, 4, 6, 5, 7]


def test_without_a_head_start_arrival_decides(database: Database, clock: Clock):
    ids = fill(database, clock, 0)
    assert handed_out(database, clock, ids) == list(range(8))


def test_a_persons_priority_comes_before_what_the_log_says(database: Database, clock: Clock):
    ids = fill(database, clock, 1000)
    Desk(database, clock).reviews.prioritise([ids[1]], 10)
    assert handed_out(database, clock, ids)[:2] == [1, 6]


def test_people_see_what_the_log_says(database: Database, clock: Clock):
    ids = fill(database, clock, 1000)
    item = Desk(database, clock).claim("ada")
    assert item.background.remarks.opinion is Opinion.BAD
    assert item.background.remarks.signals == ("thumbs: -1",)
    assert PairViews(database).pair(ids[1]).background.remarks.opinion is Opinion.GOOD
