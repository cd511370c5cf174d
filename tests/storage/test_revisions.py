"""Revisions are stored once a pair, in its order, and the pair moves on to the queue."""

import pytest

from coachlm.pairs import ExcludeReason, Exclusion, TaskClass
from coachlm.protocols.intake import IntakeBatch
from coachlm.revision import Field, Flag, FlagKind, Outcome
from coachlm.status import Status
from storage.engine.database import Database
from storage.intake.store import DatabaseStore
from storage.pairs.history import EntryKind
from storage.reading import StoreReader
from tests.storage.factories import Clock, Desk, make_intake, make_pair, make_revision


@pytest.fixture
def store(database: Database, clock: Clock) -> DatabaseStore:
    store = DatabaseStore(database, now=clock)
    excluded = Exclusion(ExcludeReason.SAFETY)
    items = [make_intake(record=number, exclusion=excluded if number == 1 else None) for number in range(5)]
    store.commit_intake(IntakeBatch(items))
    return store


def test_accepted_pairs_wait_oldest_first(store: DatabaseStore):
    expected = [(make_pair(number).id, make_pair(number)) for number in (0, 2, 3)]
    assert store.awaiting_revision(3) == expected
    assert len(store.awaiting_revision(100)) == 4


def test_a_revision_is_stored_once(store: DatabaseStore, database: Database):
    revisions = [make_revision(make_pair(number)) for number in (3, 0)]
    assert store.save_revisions(revisions) == 2
    assert store.save_revisions([*revisions, make_revision(make_pair(2))]) == 1
    assert store.save_revisions([make_revision(make_pair(4)), make_revision(make_pair(4), reason="second")]) == 1
    assert store.awaiting_revision(9) == []
    assert StoreReader(database).flow_counts().revisions_by_outcome == {"revised": 4}


def test_a_pair_that_is_not_accepted_keeps_what_it_has(store: DatabaseStore, database: Database):
    assert store.save_revisions([make_revision(make_pair(1)), make_revision(make_pair(77))]) == 0
    assert store.save_revisions([]) == 0
    assert StoreReader(database).flow_counts().by_status == {"accepted": 4, "excluded": 1}


def test_everything_about_a_revision_comes_back(store: DatabaseStore, database: Database):
    flag = Flag(FlagKind.ADDED_NUMBER, Field.RESPONSE, 3, 5, "42\ud800")
    revised = make_revision(make_pair(0), adapter="abc", flags=(flag,), prompt_tokens=7, output_tokens=9, seconds=0.5)
    fallback = make_revision(make_pair(2), outcome=Outcome.FALLBACK_GUARD, revised=make_pair(2), reason="code_fence")
    store.save_revisions([revised, fallback])
    rows = {row.pair_id: row for row in StoreReader(database).dataset_rows()}
    assert rows[make_pair(0).id].revision == revised
    assert rows[make_pair(2).id].revision == fallback
    assert rows[make_pair(2).id].status is Status.REVISED
    counts = StoreReader(database).flow_counts()
    assert counts.fallbacks_by_reason == {"code_fence": 1}
    assert counts.flags_by_kind == {"added_number": 1}


def test_the_coach_and_its_adapter_stand_in_the_history(store: DatabaseStore, database: Database):
    revision = make_revision(make_pair(0), adapter="digest-1")
    store.save_revisions([revision])
    entries = {entry.kind: entry for entry in StoreReader(database).history(make_pair(0).id)}
    said = entries[EntryKind.REVISION]
    assert (said.who, said.adapter, said.text) == ("rules", "digest-1", revision.revised)
    assert "accepted → revised" in entries[EntryKind.CHANGE].detail


def test_revised_pairs_wait_for_annotators_of_their_class(database: Database, clock: Clock):
    store = DatabaseStore(database, now=clock)
    classes = [TaskClass.QA, TaskClass.CREATIVE]
    store.commit_intake(IntakeBatch([make_intake(record=n, task_class=name) for n, name in enumerate(classes)]))
    store.save_revisions([make_revision(make_pair(number)) for number in range(2)])
    assert Desk(database, clock).claim(task_class=TaskClass.CREATIVE).pair_id == make_pair(1).id
