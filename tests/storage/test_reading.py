"""What exports and reports read: every pair once, in order, with counts that balance."""

import pytest

from coachlm.desk.ratings import Rating
from coachlm.errors import NotFoundError
from coachlm.pairs import ExcludeReason, Exclusion, InstructionPair, RejectReason, TaskClass
from coachlm.protocols.intake import IntakeBatch
from coachlm.status import Status
from storage import reading
from storage.engine.database import Database
from storage.intake.store import DatabaseStore
from storage.reading import StoreReader
from tests.content import content_digest
from tests.storage.conversations import make_conversation
from tests.storage.factories import WORDS, Clock, Desk, fill_queue, make_intake, make_pair, make_reject, make_revision
from tests.storage.rating_study import Study


@pytest.fixture
def filled(database: Database) -> StoreReader:
    """Pairs 0 to 9: 3 excluded, 4 a near copy of 0, 5 twice; and two rejects."""
    store = DatabaseStore(database, WORDS)
    items = [make_intake(record=number, redactions={"email": 1}) for number in range(10)]
    items[0] = make_intake(make_pair(0), 0, bands=(1,), system_prompt="Be brief.", model="m")
    items[3] = make_intake(record=3, exclusion=Exclusion(ExcludeReason.SAFETY, "rule"), task_class=None)
    near = InstructionPair(make_pair(0).instruction, "", make_pair(0).response + " Really.")
    items[4] = make_intake(near, 4, bands=(1,))
    items.append(make_intake(make_pair(5), 10, format="alpaca", source="other"))
    rejects = [make_reject(11), make_reject(12, RejectReason.EMPTY)]
    store.commit_intake(IntakeBatch(items, rejects))
    return StoreReader(database)


def records(rows) -> list[int]:
    return [row.provenance.position.record for row in rows]


def test_excluded_pairs_and_copies_come_only_when_asked_for(filled: StoreReader):
    assert records(filled.dataset_rows()) == [0, 1, 2, 5, 6, 7, 8, 9]
    assert records(filled.dataset_rows(include_excluded=True)) == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert records(filled.dataset_rows(include_duplicates=True)) == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    assert records(filled.dataset_rows(statuses=[Status.EXCLUDED])) == [3]
    assert records(filled.dataset_rows(statuses=[], include_duplicates=True)) == [4]


def test_rows_carry_where_they_came_from_and_why_they_are_out(filled: StoreReader):
    rows = {
        row.provenance.position.record: row
        for row in filled.dataset_rows(include_excluded=True, include_duplicates=True)
    }
    assert (rows[0].provenance.system_prompt, rows[0].provenance.model) == ("Be brief.", "m")
    assert rows[3].exclude_reason is ExcludeReason.SAFETY
    assert rows[4].duplicate_of == rows[0].pair_id
    assert rows[5].provenance.format == "openai_chat"  # of its first occurrence


@pytest.mark.parametrize("window", [1, 3, 10])
def test_rows_do_not_depend_on_how_many_are_read_at_a_time(
    filled: StoreReader, window: int, monkeypatch: pytest.MonkeyPatch
):
    whole = list(filled.dataset_rows(include_duplicates=True))
    monkeypatch.setattr(reading, "_WINDOW", window)
    assert list(filled.dataset_rows(include_duplicates=True)) == whole


def test_counts_balance(filled: StoreReader):
    counts = filled.flow_counts()
    assert counts.occurrences == counts.pairs + counts.exact_duplicates == 11
    assert counts.pairs == sum(counts.by_status.values()) == 10
    assert counts.by_status == {"accepted": 8, "excluded": 1, "duplicate": 1}
    assert counts.excluded_by_reason == {"safety": 1}
    assert counts.rejects_by_reason == {"malformed_json": 1, "empty": 1}
    assert counts.occurrences_by_format == {"openai_chat": 10, "alpaca": 1}
    assert counts.redactions_by_kind == {"email": 7}
    assert counts.by_class == {"qa": 9}


def test_an_empty_store(database: Database):
    reader = StoreReader(database)
    assert list(reader.dataset_rows()) == []
    assert reader.flow_counts().pairs == 0
    assert reader.queue_depth().free == 0
    with pytest.raises(NotFoundError, match="does not exist"):
        reader.history("0" * 32)


def test_a_reader_sees_one_moment_while_others_write(
    filled: StoreReader, database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reading, "_WINDOW", 1)
    rows = filled.dataset_rows()
    first = next(rows)
    store = DatabaseStore(database)
    store.commit_intake(IntakeBatch([make_intake(make_pair(50), 50)]))
    store.save_revisions([make_revision(make_pair(9))])
    *_, last = seen = [first, *rows]
    assert 50 not in records(seen)
    assert (last.raw, last.status, last.revision) == (make_pair(9), Status.ACCEPTED, None)
    assert 50 in records(filled.dataset_rows())


def test_a_reader_that_stops_early_leaves_no_transaction(filled: StoreReader, database: Database):
    rows = filled.dataset_rows()
    next(rows)
    rows.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert database.engine.pool.checkedout() == 0  # pyright: ignore[reportAttributeAccessIssue]


def test_content_says_when_anything_differs(database: Database, clock: Clock):
    ids = fill_queue(database, 2, clock)
    desk = Desk(database, clock)
    seen = {content_digest(database)}
    receipt = desk.submit(desk.claim())
    seen.add(content_digest(database))
    desk.reviews.correct_class(ids[1], TaskClass.CREATIVE, "olga", version=2)
    seen.add(content_digest(database))
    DatabaseStore(database).commit_intake(IntakeBatch(rejects=[make_reject(9)]))
    seen.add(content_digest(database))
    clock.turn(50)
    assert content_digest(database) in seen
    assert len(seen) == 4
    assert receipt.pair_id == ids[0]


@pytest.mark.parametrize("window", [1, 2, 100])
def test_turns_of_a_conversation_come_together_and_share_a_beginning(
    database: Database, window: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reading, "_WINDOW", window)
    first, *later = make_conversation(3)
    store = DatabaseStore(database, WORDS)
    store.commit_intake(IntakeBatch([first, make_intake(make_pair(20), 20)]))
    store.commit_intake(IntakeBatch([make_intake(make_pair(21), 21), *later]))
    with StoreReader(database).snapshot() as snapshot:
        rows = list(snapshot.dataset_rows(Status, together=True))
        apart = list(snapshot.dataset_rows(Status))
    assert [row.provenance.turn for row in rows] == [1, 2, 3, None, None]
    assert [row.provenance.turn for row in apart] == [1, None, None, 2, 3]
    assert {row.beginning.position.record for row in rows[:3] if row.beginning} == {0}
    assert sorted(row.pair_id for row in rows) == sorted(row.pair_id for row in apart)


def test_ratings_of_closed_studies_alone_are_read(database: Database, clock: Clock):
    fill_queue(database, 8, clock)
    study = Study(database, clock)
    study.rate("ada", 1, Rating(80, 70))
    with StoreReader(database).snapshot() as snapshot:
        assert list(snapshot.rated_versions()) == []
    study.studies.close("spring", "olga")
    with StoreReader(database).snapshot() as snapshot:
        (rated,) = snapshot.rated_versions()
    assert (rated.study, [score for _, score in rated.versions]) == ("spring", [70])
