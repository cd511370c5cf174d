"""The stream store's promises: one transaction, once in the database, announced at least once."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from coachlm.errors import StoreError
from coachlm.pairs import ExcludeReason, Exclusion, InstructionPair, RejectReason
from coachlm.protocols.intake import IntakeBatch, IntakeCounts
from coachlm.protocols.streams import (
    UNPUBLISHED,
    Announcement,
    DeadLetter,
    DeadReason,
    StreamMessage,
    StreamStore,
    Topic,
)
from coachlm.revision import Field, Flag, FlagKind, Outcome
from storage.engine.database import Database, open_database
from storage.intake.store import DatabaseStore
from storage.streams.dead_letters import DeadLetters
from storage.streams.store import DatabaseStreamStore
from storage.tables.desk import RevisionRow
from storage.tables.pairs import OccurrenceRow, PairRow
from storage.tables.streams import DeadLetterRow, OutboxRow
from tests.databases import Databases
from tests.storage.factories import WORDS, Clock, Desk, make_intake, make_pair, make_reject, make_revision

SOURCE = "logs.raw:0"


@pytest.fixture
def store(database: Database, clock: Clock) -> DatabaseStreamStore:
    return DatabaseStreamStore(database, WORDS, clock)


def make_letter(offset: int, **fields: object) -> DeadLetter:
    message = StreamMessage("logs.raw", 0, offset, b"key", b"{broken \xff\x00", (("name", b"\x00\xff"),), 1_700_000_000)
    return DeadLetter(message, DeadReason.UNREADABLE, str(fields.get("error", "malformed_json: no value")), 1)


def arrivals(offsets: range) -> IntakeBatch:
    return IntakeBatch([make_intake(record=offset, source=SOURCE) for offset in offsets])


def publish_all(store: StreamStore, limit: int = 100) -> list[Announcement]:
    sent: list[Announcement] = []
    while store.publish(limit, sent.extend):
        pass
    return sent


def count(database: Database, entity: type) -> int:
    with database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(entity)) or 0


def refuse(_announcements: Sequence[Announcement]) -> None:
    raise ConnectionError("the broker is gone")


def test_accepted_pairs_are_announced_with_their_text_and_origin(store: DatabaseStreamStore) -> None:
    moment = datetime(2026, 2, 3, 4, 5, tzinfo=UTC)
    pair = InstructionPair("Say \0 it", "in \ud800 put", "done")
    store.commit_stream_intake(
        IntakeBatch([make_intake(pair, 7, source=SOURCE, part=2, model="m", language="en", timestamp=moment)]), []
    )
    [sent] = publish_all(store)
    assert (sent.topic, sent.key) == (Topic.ACCEPTED, pair.id)
    assert sent.body == {
        "pair": pair.id,
        "instruction": "Say \0 it",
        "input": "in \ud800 put",
        "response": "done",
        "task_class": "qa",
        "context": None,
        "conversation": None,
        "turn": None,
        "provenance": {
            "format": "openai_chat",
            "source": SOURCE,
            "record": 7,
            "part": 2,
            "model": "m",
            "language": "en",
            "timestamp": "2026-02-03T04:05:00+00:00",
        },
    }


def test_excluded_pairs_are_announced_and_copies_are_not(store: DatabaseStreamStore) -> None:
    alike = InstructionPair("Tell me about the red apple", "", "It is a fruit that grows on trees")
    copy = InstructionPair("Tell me about the red apple", "", "It is a fruit that grows on old trees")
    short = make_intake(make_pair(9), 2, exclusion=Exclusion(ExcludeReason.TOO_SHORT, "1 character"), task_class=None)
    items = [make_intake(alike, 0, bands=(1,)), make_intake(copy, 1, bands=(1,)), short, make_intake(alike, 3)]
    counts = store.commit_stream_intake(IntakeBatch(items), [])
    assert (counts.accepted, counts.excluded, counts.near_duplicates, counts.exact_duplicates) == (1, 1, 1, 1)
    sent = publish_all(store)
    assert [(one.topic, one.key) for one in sent] == [(Topic.ACCEPTED, alike.id), (Topic.EXCLUDED, make_pair(9).id)]
    assert sent[1].body == {"pair": make_pair(9).id, "reason": "too_short", "detail": "1 character"}


def test_dead_letters_are_kept_as_they_came_and_announced_without_their_bytes(
    store: DatabaseStreamStore, database: Database
) -> None:
    store.commit_stream_intake(IntakeBatch(rejects=[make_reject(4, source=SOURCE)]), [make_letter(4)])
    with database.reading() as connection:
        row = connection.execute(select(DeadLetterRow.__table__)).one()
    assert (row.topic, row.partition, row.record, row.payload) == ("logs.raw", 0, 4, b"{broken \xff\x00")
    assert (row.key, row.headers, row.timestamp_ms) == (b"key", [["name", "AP8="]], 1_700_000_000)
    assert (row.state, row.payload_bytes, row.reason) == ("open", 10, "unreadable")
    [sent] = publish_all(store)
    assert (sent.topic, sent.key) == (Topic.DEAD, "logs.raw:0:4")
    assert sent.body == {
        "dead_letter": row.id,
        "topic": "logs.raw",
        "partition": 0,
        "offset": 4,
        "reason": "unreadable",
        "error": "malformed_json: no value",
        "tries": 1,
    }


def test_a_tombstone_is_no_empty_message(store: DatabaseStreamStore, database: Database) -> None:
    for offset, value in enumerate((None, b"")):
        message = StreamMessage("pairs.accepted", 3, offset, None, value)
        store.save_stream_revisions([], [DeadLetter(message, DeadReason.WRONG_SCHEMA, "no value")])
    with database.reading() as connection:
        rows = connection.execute(
            select(DeadLetterRow.payload, DeadLetterRow.payload_bytes).order_by(DeadLetterRow.id)
        ).all()
    assert [tuple(row) for row in rows] == [(None, None), (b"", 0)]


def test_revisions_are_announced_as_they_stand(store: DatabaseStreamStore) -> None:
    kept, refused = make_pair(0), make_pair(1)
    store.commit_stream_intake(IntakeBatch([make_intake(kept, 0), make_intake(refused, 1)]), [])
    publish_all(store)
    flag = Flag(FlagKind.ADDED_NUMBER, Field.RESPONSE, 0, 2, "12")
    revisions = [
        make_revision(kept, adapter="abc", flags=(flag,), prompt_tokens=5, output_tokens=6),
        make_revision(refused, outcome=Outcome.FALLBACK_GUARD, revised=refused, reason="code_fence"),
    ]
    assert store.save_stream_revisions(revisions, []) == 2
    one, other = publish_all(store)
    assert one.topic is other.topic is Topic.REVISED
    assert one.body == {
        "pair": kept.id,
        "instruction": kept.instruction,
        "input": "",
        "response": f"{kept.response} Gladly.",
        "outcome": "revised",
        "engine": "rules",
        "adapter": "abc",
        "reason": None,
        "prompt_tokens": 5,
        "output_tokens": 6,
        "flags": [{"kind": "added_number", "field": "response", "start": 0, "end": 2, "text": "12"}],
    }
    assert (other.body["response"], other.body["reason"], other.body["flags"]) == (refused.response, "code_fence", [])


def test_redelivery_writes_and_announces_nothing_twice(store: DatabaseStreamStore, database: Database) -> None:
    batch = IntakeBatch(arrivals(range(5)).pairs, [make_reject(6, RejectReason.EMPTY, SOURCE)])
    letters = [make_letter(7), make_letter(8)]
    assert store.commit_stream_intake(batch, letters).accepted == 5
    revisions = [make_revision(make_pair(number)) for number in range(3)]
    assert store.save_stream_revisions(revisions, [make_letter(9)]) == 3
    for again in (store, DatabaseStreamStore(database, WORDS)):
        assert again.commit_stream_intake(batch, letters) == IntakeCounts()
        assert again.save_stream_revisions(revisions, [make_letter(9)]) == 0
    assert (count(database, PairRow), count(database, RevisionRow), count(database, DeadLetterRow)) == (5, 3, 3)
    topics = Counter(one.topic for one in publish_all(store))
    assert topics == {Topic.ACCEPTED: 5, Topic.REVISED: 3, Topic.DEAD: 3}


def test_batches_that_overlap_store_the_rest(store: DatabaseStreamStore, database: Database) -> None:
    store.commit_stream_intake(arrivals(range(6)), [make_letter(20)])
    assert store.commit_stream_intake(arrivals(range(3, 9)), [make_letter(20), make_letter(21)]).accepted == 3
    assert (count(database, PairRow), count(database, OccurrenceRow), count(database, DeadLetterRow)) == (9, 9, 2)
    assert len(publish_all(store)) == 11


def test_what_is_still_accepted(store: DatabaseStreamStore) -> None:
    store.commit_stream_intake(arrivals(range(3)), [])
    store.save_stream_revisions([make_revision(make_pair(1))], [])
    ids = [make_pair(number).id for number in range(3)]
    assert store.still_accepted([*ids, "nonsense", "\0"]) == {ids[0], ids[2]}
    assert store.still_accepted([]) == set()


def test_nothing_is_kept_of_a_batch_that_fails(store: DatabaseStreamStore, database: Database) -> None:
    spoilt = DeadLetter(make_letter(1).message, DeadReason.FAILED, "it", tries=2**70)  # no column holds that many
    with pytest.raises((StoreError, OverflowError)):
        store.commit_stream_intake(arrivals(range(3)), [spoilt])
    assert count(database, PairRow) == count(database, OutboxRow) == 0
    assert store.commit_stream_intake(arrivals(range(3)), []).accepted == 3


def test_what_send_raises_passes_and_leaves_the_announcements(store: DatabaseStreamStore) -> None:
    store.commit_stream_intake(arrivals(range(4)), [])
    with pytest.raises(ConnectionError, match="gone"):
        store.publish(2, refuse)
    first: list[Announcement] = []
    assert store.publish(2, first.extend) == 2
    assert [one.key for one in first] == [make_pair(number).id for number in range(2)]
    assert [one.key for one in publish_all(store)] == [make_pair(number).id for number in (2, 3)]
    assert store.publish(2, refuse) == 0


def test_what_no_topic_takes_is_kept_as_a_dead_letter_and_told(store: DatabaseStreamStore, database: Database) -> None:
    store.commit_stream_intake(arrivals(range(2)), [])

    def give_up(announcements: Sequence[Announcement]) -> list[DeadLetter]:
        place = StreamMessage("pairs.accepted", UNPUBLISHED, announcements[0].number, b"key", b"value")
        return [DeadLetter(place, DeadReason.TOO_LARGE, "more bytes than it takes")]

    assert store.publish(1, give_up) == 1
    assert DeadLetters(database).show(1).letter.message.value == b"value"
    assert [(one.topic, one.key) for one in publish_all(store)] == [
        (Topic.ACCEPTED, make_pair(1).id),
        (Topic.DEAD, "pairs.accepted:-1:1"),
    ]


def test_numbers_of_announcements_are_never_used_again(store: DatabaseStreamStore) -> None:
    store.commit_stream_intake(arrivals(range(2)), [])
    before = publish_all(store)
    store.commit_stream_intake(arrivals(range(2, 4)), [])
    assert min(one.number for one in publish_all(store)) > max(one.number for one in before)


def test_a_restored_pair_goes_to_the_coach_again(store: DatabaseStreamStore, database: Database, clock: Clock) -> None:
    excluded = make_intake(record=0, exclusion=Exclusion(ExcludeReason.LANGUAGE), task_class=None)
    store.commit_stream_intake(IntakeBatch([excluded]), [])
    Desk(database, clock).reviews.restore(make_pair(0).id, "olga", version=1)
    [sent] = publish_all(store)  # that it was excluded is no news any more
    assert (sent.topic, sent.key) == (Topic.ACCEPTED, make_pair(0).id)
    assert store.still_accepted([sent.key]) == {sent.key}


def test_a_database_without_streams_announces_nothing(database: Database, clock: Clock) -> None:
    store = DatabaseStore(database)
    store.commit_intake(IntakeBatch([make_intake(record=0, exclusion=Exclusion(ExcludeReason.LANGUAGE))]))
    Desk(database, clock).reviews.restore(make_pair(0).id, "olga", version=1)
    assert count(database, OutboxRow) == 0


@pytest.fixture
def shared(postgres_databases: Databases) -> Iterator[Callable[[], DatabaseStreamStore]]:
    """Stores with connections of their own on one PostgreSQL database."""
    url = postgres_databases.new()
    opened: list[Database] = []

    def new() -> DatabaseStreamStore:
        opened.append(open_database(url))
        return DatabaseStreamStore(opened[-1], WORDS)

    yield new
    for database in opened:
        database.close()
    postgres_databases.drop()


@pytest.mark.postgres
def test_two_relays_never_have_the_same_in_hands(shared: Callable[[], DatabaseStreamStore]) -> None:
    store, other = shared(), shared()
    store.commit_stream_intake(arrivals(range(10)), [])
    inner: list[Announcement] = []
    outer: list[Announcement] = []

    def send(announcements: Sequence[Announcement]) -> None:
        outer.extend(announcements)
        assert other.publish(20, inner.extend) == 6

    assert store.publish(4, send) == 4
    assert len({one.number for one in (*outer, *inner)}) == 10


@pytest.mark.postgres
def test_workers_on_one_partition_after_another_rebalance(shared: Callable[[], DatabaseStreamStore]) -> None:
    """Four workers bring overlapping batches at once while two relays publish: once each, nothing lost."""
    batches = [range(start, start + 20) for start in range(0, 200, 10)]
    sent: list[Announcement] = []
    done = threading.Event()
    failures: list[BaseException] = []

    def work(store: DatabaseStreamStore, mine: Sequence[range]) -> None:
        for offsets in mine:
            store.commit_stream_intake(
                arrivals(offsets), [make_letter(offset) for offset in offsets if offset % 7 == 0]
            )

    def relay(store: DatabaseStreamStore) -> None:
        while store.publish(13, sent.extend) or not done.is_set():
            pass

    def guarded(task: Callable[..., None], *arguments: object) -> threading.Thread:
        def run() -> None:
            try:
                task(*arguments)
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    relays = [guarded(relay, shared()) for _ in range(2)]
    workers = [guarded(work, shared(), batches[::step]) for step in (1, -1, 2, -2)]
    for thread in workers:
        thread.join()
    done.set()
    for thread in relays:
        thread.join()
    assert not failures
    numbers = Counter(one.number for one in sent)
    assert set(numbers.values()) == {1}
    by_topic = Counter((one.topic, one.key) for one in sent)
    assert set(by_topic.values()) == {1}
    assert Counter(topic for topic, _key in by_topic) == {Topic.ACCEPTED: 210, Topic.DEAD: 30}
