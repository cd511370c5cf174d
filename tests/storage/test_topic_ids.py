"""Topics that were deleted and made anew: noticed by their ids, and never mixed up with the old ones."""

import pytest

from coachlm.errors import StoreError
from coachlm.pairs import Position, RejectReason
from coachlm.protocols.intake import IntakeBatch
from coachlm.protocols.streams import DeadLetter, DeadReason, StreamMessage
from storage.engine.database import Database
from storage.streams.dead_letters import DeadLetters, LetterChoice
from storage.streams.reconciling import Fate, StreamAudit
from storage.streams.store import DatabaseStreamStore
from tests.storage.factories import WORDS, Clock, make_intake, make_pair, make_reject


@pytest.fixture
def store(database: Database, clock: Clock) -> DatabaseStreamStore:
    return DatabaseStreamStore(database, WORDS, clock)


def letter(offset: int, value: bytes, at: int) -> DeadLetter:
    message = StreamMessage("logs.raw", 1, offset, None, value, (), at)
    return DeadLetter(message, DeadReason.UNREADABLE, "no shape")


def fill(store: DatabaseStreamStore, first_pair: int, at: int) -> None:
    """Pairs at offsets 0 and 1, a reject at 2, a dead letter at 3."""
    pairs = [make_intake(make_pair(first_pair + number), number, source="logs.raw:1") for number in range(2)]
    rejects = [make_reject(2, RejectReason.EMPTY, source="logs.raw:1")]
    store.commit_stream_intake(IntakeBatch(pairs, rejects), [letter(3, b"%d" % at, at)])


def test_a_topic_is_known_by_the_id_it_was_first_seen_with(store: DatabaseStreamStore) -> None:
    assert store.remember_topics({}) == {}
    assert store.remember_topics({"logs.raw": "aaaa", "pairs.accepted": "bbbb"}) == {}
    assert store.remember_topics({"logs.raw": "aaaa", "other": "cccc"}) == {}
    assert store.remember_topics({"logs.raw": "dddd", "other": "cccc"}) == {"logs.raw": "aaaa"}
    assert store.remember_topics({"logs.raw": "dddd"}) == {"logs.raw": "aaaa"}  # not taken for the topic meanwhile


def test_a_topic_made_anew_loses_nothing_of_either(store: DatabaseStreamStore, database: Database) -> None:
    store.remember_topics({"logs.raw": "a1b2c3d4-0000"})
    fill(store, 0, at=1_000)
    with pytest.raises(StoreError, match=r"coachlm topics --made-anew logs\.raw"):
        fill(store, 10, at=900_000)
    assert store.retire_topic("logs.raw") == "logs.raw~a1b2c3d4"
    assert store.remember_topics({"logs.raw": "eeee"}) == {}
    fill(store, 10, at=900_000)
    audit = StreamAudit(database)
    for topic in ("logs.raw", "logs.raw~a1b2c3d4"):
        outcomes = audit.outcomes(topic, 1, 0, 4)
        assert outcomes.fates == {Fate.ACCEPTED: 2, Fate.REJECTED: 1, Fate.DEAD: 1}, topic
    letters = DeadLetters(database).page(LetterChoice())
    assert [one.letter.message.topic for one in letters] == ["logs.raw~a1b2c3d4", "logs.raw"]
    assert [DeadLetters(database).show(one.number).letter.message.value for one in letters] == [b"1000", b"900000"]


def test_a_message_that_comes_again_by_another_driver_is_the_same(store: DatabaseStreamStore) -> None:
    """Their clocks' figures differ by rounding."""
    store.commit_stream_intake(IntakeBatch(), [letter(3, b"x", 1_000)])
    store.commit_stream_intake(IntakeBatch(), [letter(3, b"x", 1_001)])


def test_only_the_named_topic_is_retired(store: DatabaseStreamStore, database: Database) -> None:
    assert store.retire_topic("logs.raw") is None
    store.remember_topics({"logs.raw": "aaaa", "logs.raw2": "bbbb"})
    pairs = [make_intake(make_pair(number), 0, source=f"logs.raw{number or ''}:1") for number in (0, 2)]
    joined = [Position("logs.raw2:1", 1)]
    store.commit_stream_intake(IntakeBatch(pairs, joined=joined), [])
    store.retire_topic("logs.raw")
    audit = StreamAudit(database)
    assert audit.outcomes("logs.raw2", 1, 0, 2).fates == {Fate.ACCEPTED: 1, Fate.JOINED: 1}
    assert audit.outcomes("logs.raw", 1, 0, 2).fates == {}
    assert store.remember_topics({"logs.raw2": "cccc"}) == {"logs.raw2": "bbbb"}
