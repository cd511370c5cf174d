"""What intake stores depends on its input alone: not on batches, repeats, restarts or the kind of database."""

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coachlm.errors import StoreError
from coachlm.pairs import ExcludeReason, Exclusion, InstructionPair, Position, Reject, RejectReason
from coachlm.protocols.intake import IntakeBatch, IntakeCounts, IntakePair, Progress
from coachlm.status import Status
from storage.engine.database import Database, open_database
from storage.intake.near_copies import NearCopies
from storage.intake.store import DatabaseStore
from storage.reading import StoreReader
from storage.tables.columns import from_column, to_column
from tests.content import content_digest, content_lines
from tests.databases import Databases
from tests.storage.factories import SOURCE, WORDS, make_intake, make_pair, make_reject

COPY = InstructionPair("Tell me about the red apple", "", "It is a fruit that grows on trees")
NEAR_COPY = InstructionPair("Tell me about the red apple", "", "It is a fruit that grows on big trees")
OTHER = InstructionPair("Tell me about boats", "", "They swim")


@pytest.fixture
def store(database: Database) -> DatabaseStore:
    return DatabaseStore(database, WORDS)


def links(database: Database) -> dict[str, str | None]:
    rows = StoreReader(database).dataset_rows(include_duplicates=True, include_excluded=True)
    return {row.pair_id: row.duplicate_of for row in rows}


def test_counts_of_a_mixed_batch(store: DatabaseStore):
    batch = IntakeBatch(
        pairs=[
            make_intake(COPY, 0, bands=(1, 2), redactions={"email": 2}),
            make_intake(COPY, 1, bands=(1, 2)),
            make_intake(NEAR_COPY, 2, bands=(2, 3)),
            make_intake(OTHER, 3, exclusion=Exclusion(ExcludeReason.SAFETY, "rule"), task_class=None),
        ],
        rejects=[make_reject(4), make_reject(5, RejectReason.EMPTY)],
        progress=[Progress(SOURCE, 6)],
    )
    assert store.commit_intake(batch) == IntakeCounts(
        accepted=1,
        excluded=1,
        exact_duplicates=1,
        near_duplicates=1,
        rejected=2,
        by_reason={"safety": 1, "malformed_json": 1, "empty": 1},
    )


def test_the_same_batch_again_adds_nothing(store: DatabaseStore, database: Database):
    batch = IntakeBatch(
        pairs=[make_intake(COPY, 0, bands=(1,), redactions={"email": 1}), make_intake(NEAR_COPY, 1, bands=(1,))],
        rejects=[make_reject(2)],
        progress=[Progress(SOURCE, 3, digest="10-5")],
    )
    store.commit_intake(batch)
    before = list(content_lines(database))
    assert store.commit_intake(batch) == IntakeCounts()
    assert DatabaseStore(database, WORDS).commit_intake(batch) == IntakeCounts()
    assert list(content_lines(database)) == before


def test_a_changed_file_may_hold_another_pair_at_the_same_place(store: DatabaseStore, database: Database):
    store.commit_intake(IntakeBatch([make_intake(COPY, 0)]))
    assert store.commit_intake(IntakeBatch([make_intake(OTHER, 0)])).accepted == 1
    assert StoreReader(database).flow_counts().occurrences == 2


def test_a_near_copy_is_linked_to_the_earliest_pair_that_is_alike(store: DatabaseStore, database: Database):
    first, second = COPY, InstructionPair("Tell me about the red apple", "", "It is a fruit that grows on old trees")
    unlike = InstructionPair("Tell me about the boat", "", "It swims on water")
    fillers = [(make_pair(number), ()) for number in range(6)]
    items = [(first, (1,)), *fillers, (second, (2,)), (unlike, (9,)), (NEAR_COPY, (2, 1, 9))]
    store.commit_intake(IntakeBatch([make_intake(pair, i, bands=bands) for i, (pair, bands) in enumerate(items)]))
    found = links(database)
    assert found[NEAR_COPY.id] == first.id
    assert [original for original in found.values() if original] == [first.id]


@pytest.mark.parametrize("batch_pairs", [1, 3])
def test_the_first_pair_with_a_key_keeps_it(store: DatabaseStore, database: Database, batch_pairs: int):
    items = [make_intake(pair, record, bands=(1,)) for record, pair in enumerate((COPY, OTHER, NEAR_COPY))]
    for start in range(0, 3, batch_pairs):
        store.commit_intake(IntakeBatch(items[start : start + batch_pairs]))
    assert links(database) == {COPY.id: None, OTHER.id: None, NEAR_COPY.id: COPY.id}


def test_copies_of_a_copy_are_no_chain(store: DatabaseStore, database: Database):
    farther = InstructionPair("Tell me about the red apple", "", "It is a fruit that grows on big old trees")
    for record, (pair, bands) in enumerate([(COPY, (1,)), (NEAR_COPY, (1, 2)), (farther, (2,))]):
        store.commit_intake(IntakeBatch([make_intake(pair, record, bands=bands)]))
    assert links(database) == {COPY.id: None, NEAR_COPY.id: COPY.id, farther.id: None}


def test_candidates_that_are_not_alike_are_accepted(store: DatabaseStore, database: Database):
    items = [make_intake(COPY, 0, bands=(1,)), make_intake(OTHER, 1, bands=(1,))]
    assert store.commit_intake(IntakeBatch(items)).accepted == 2
    assert set(links(database).values()) == {None}


VOCABULARY = ("red", "blue", "green", "big", "old", "sea")
SENTENCES = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=4).map(" ".join)


@st.composite
def streams(draw: st.DrawFn) -> list[IntakePair | Reject]:
    """Pairs that share words (and a band key for each word), some excluded, among rejects."""
    found: list[IntakePair | Reject] = []
    for record, sentence in enumerate(draw(st.lists(SENTENCES, min_size=1, max_size=16))):
        kind = draw(st.sampled_from(["pair", "pair", "pair", "excluded", "reject"]))
        if kind == "reject":
            found.append(make_reject(record))
            continue
        bands = tuple(VOCABULARY.index(word) - 2 for word in sorted(set(sentence.split())))
        excluded = Exclusion(ExcludeReason.TOO_SHORT) if kind == "excluded" else None
        pair = InstructionPair(sentence, "", sentence)
        found.append(
            make_intake(pair, record, bands=() if excluded else bands, exclusion=excluded, redactions={"email": record})
        )
    return found


def commit_in_batches(database: Database, stream: Sequence[IntakePair | Reject], cuts: Sequence[int]) -> None:
    edges = [0, *sorted(cuts), len(stream)]
    store = DatabaseStore(database, WORDS)
    for start, end in pairwise(edges):
        part = stream[start:end]
        pairs = [item for item in part if isinstance(item, IntakePair)]
        rejects = [item for item in part if isinstance(item, Reject)]
        store.commit_intake(IntakeBatch(pairs, rejects, [Progress(SOURCE, end)]))


@pytest.mark.slow
def test_content_is_the_same_however_the_input_is_cut(databases: Databases):
    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
    @given(stream=streams(), data=st.data())
    def check(stream: list[IntakePair | Reject], data: st.DataObject) -> None:
        cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6))
        one, other = open_database(databases.new()), open_database(databases.new())
        try:
            commit_in_batches(one, stream, [])
            commit_in_batches(other, stream, cuts)
            redone = stream[: data.draw(st.integers(0, len(stream)))]
            commit_in_batches(other, redone, [])  # at least once
            DatabaseStore(other).commit_intake(IntakeBatch(progress=[Progress(SOURCE, len(stream))]))
            assert list(content_lines(one)) == list(content_lines(other))
            assert [row.pair_id for row in StoreReader(one).dataset_rows()] == [
                row.pair_id for row in StoreReader(other).dataset_rows()
            ]
        finally:
            one.close()
            other.close()

    check()


def test_both_kinds_of_database_hold_the_same_content(sqlite_databases: Databases, postgres_databases: Databases):
    digests = []
    for databases in (sqlite_databases, postgres_databases):
        database = open_database(databases.new())
        items = [make_intake(COPY, 0, bands=(1,), timestamp=datetime(2026, 1, 1, tzinfo=UTC), extra={"b": 1, "a": "ü"})]
        items += [make_intake(NEAR_COPY, 1, bands=(1,), source="ä/logs.csv"), make_intake(OTHER, 2, source="Zeta")]
        DatabaseStore(database, WORDS).commit_intake(IntakeBatch(items, [make_reject(7)], [Progress("Zeta", 3)]))
        digests.append(content_digest(database))
        database.close()
    assert digests[0] == digests[1]


HOSTILE = "\x00 NUL, \ud800 alone, \x1bjson:\"x\", 'quote'; DROP TABLE pairs; -- \\N \\. \t\r\n{} %s ? :n \U0001f600"


def test_hostile_text_comes_back_as_it_was(store: DatabaseStore, database: Database):
    pair = InstructionPair(HOSTILE, HOSTILE, f"\x1bjson:{HOSTILE}")
    item = make_intake(
        pair,
        0,
        source=HOSTILE,
        format=HOSTILE,
        source_id=HOSTILE,
        model=HOSTILE,
        system_prompt=HOSTILE,
        session_hash=HOSTILE,
        language=HOSTILE,
        extra={"a": HOSTILE, "n": [1, None, float("inf")]},
    )
    reject = Reject(Position(HOSTILE, 1), RejectReason.UNREADABLE, HOSTILE, HOSTILE)
    store.commit_intake(IntakeBatch([item], [reject], [Progress(HOSTILE, 2, digest=HOSTILE)]))
    [row] = StoreReader(database).dataset_rows()
    assert (row.raw, row.provenance) == (pair, item.sourced.provenance)
    assert store.progress(HOSTILE) == Progress(HOSTILE, 2, digest=HOSTILE)
    assert store.awaiting_revision(1) == [(pair.id, pair)]


@given(st.text(st.characters(exclude_categories=()), max_size=20))
@settings(max_examples=200)
def test_every_text_survives_its_column(text: str):
    stored = to_column(text)
    assert from_column(stored) == text
    assert "\0" not in stored
    stored.encode()


def test_an_unmatched_half_is_withdrawn_when_it_joins_and_stays_so(store: DatabaseStore, database: Database):
    half = Position("requests.jsonl", 4)
    unmatched = Reject(half, RejectReason.UNMATCHED)
    store.commit_intake(IntakeBatch(rejects=[unmatched, make_reject(0)]))
    store.commit_intake(IntakeBatch([make_intake(record=9)], joined=[half, Position("responses.jsonl", 0)]))
    assert StoreReader(database).flow_counts().rejects_by_reason == {"malformed_json": 1}
    assert store.commit_intake(IntakeBatch(rejects=[unmatched])).rejected == 0
    assert store.commit_intake(IntakeBatch(joined=[half])) == IntakeCounts()
    assert StoreReader(database).flow_counts().rejects_by_reason == {"malformed_json": 1}


def test_progress_is_the_last_one_said(store: DatabaseStore):
    assert store.progress(SOURCE) is None
    store.commit_intake(IntakeBatch(progress=[Progress(SOURCE, 5), Progress(SOURCE, 8, has_fragments=True)]))
    assert store.progress(SOURCE) == Progress(SOURCE, 8, has_fragments=True)
    store.commit_intake(IntakeBatch(progress=[Progress(SOURCE, 2, finished=True, digest="new file")]))
    assert store.progress(SOURCE) == Progress(SOURCE, 2, finished=True, digest="new file")


def test_a_batch_that_fails_leaves_nothing_behind(database: Database):
    def fail(_one: str, _other: str) -> float:
        raise StoreError("as if the disk were full")

    before = list(content_lines(database))
    batch = IntakeBatch(
        [make_intake(COPY, 0, bands=(1,), system_prompt="Be brief."), make_intake(NEAR_COPY, 1, bands=(1,))],
        [make_reject(2)],
        [Progress(SOURCE, 3)],
    )
    store = DatabaseStore(database, NearCopies(fail, str, 0.5))
    with pytest.raises(StoreError):
        store.commit_intake(batch)
    assert list(content_lines(database)) == before
    store._near_copies = WORDS  # the same store goes on: it must not believe in rows that were rolled back
    assert store.commit_intake(batch).accepted == 1
    assert [row.provenance.system_prompt for row in StoreReader(database).dataset_rows()] == ["Be brief."]


def test_empty_batch(store: DatabaseStore):
    assert store.commit_intake(IntakeBatch()) == IntakeCounts()


@pytest.mark.slow
def test_several_writers_at_once_lose_and_double_nothing(database_url: str, database: Database):
    errors: list[BaseException] = []

    def write(offset: int) -> None:
        own = open_database(database_url)
        try:
            store = DatabaseStore(own, WORDS)
            for start in range(0, 60, 10):
                numbers = [(number + offset) % 60 for number in range(start, start + 10)]
                items = [
                    make_intake(make_pair(n), n, source=f"w{offset}", bands=(n, n + 1000), system_prompt=f"p{n % 7}")
                    for n in numbers
                ]
                store.commit_intake(IntakeBatch(items, [make_reject(start, source=f"w{offset}")]))
        except BaseException as error:
            errors.append(error)
        finally:
            own.close()

    threads = [threading.Thread(target=write, args=(offset,)) for offset in (0, 17, 34, 51)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    counts = StoreReader(database).flow_counts()
    near = counts.by_status.get(Status.DUPLICATE, 0)
    assert (counts.pairs, counts.occurrences, counts.exact_duplicates) == (60, 240, 180)
    assert counts.by_status[Status.ACCEPTED] + near == 60
    assert counts.rejects_by_reason == {"malformed_json": 24}
