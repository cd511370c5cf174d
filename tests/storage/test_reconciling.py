"""What offsets came to, and which accepted pairs are on no way to the coach."""

import pytest

from coachlm.pairs import ExcludeReason, Exclusion, InstructionPair, Position, RejectReason
from coachlm.protocols.intake import IntakeBatch
from coachlm.protocols.streams import DeadLetter, DeadReason, StreamMessage
from storage.engine.database import Database
from storage.intake.store import DatabaseStore
from storage.streams import reconciling
from storage.streams.dead_letters import DeadLetters, LetterChoice
from storage.streams.reconciling import Fate, StreamAudit
from storage.streams.store import DatabaseStreamStore
from tests.storage.factories import WORDS, Clock, make_intake, make_pair, make_reject, make_revision

TOPIC = "logs.raw"
SOURCE = "logs.raw:0"
ACCEPTED = "pairs.accepted"


@pytest.fixture
def store(database: Database, clock: Clock) -> DatabaseStreamStore:
    return DatabaseStreamStore(database, WORDS, clock)


@pytest.fixture
def audit(database: Database) -> StreamAudit:
    return StreamAudit(database)


def letter(offset: int, topic: str = TOPIC, key: bytes | None = None, partition: int = 0) -> DeadLetter:
    return DeadLetter(StreamMessage(topic, partition, offset, key, b"?"), DeadReason.UNREADABLE, "unknown shape")


def test_every_offset_has_one_fate(store: DatabaseStreamStore, audit: StreamAudit) -> None:
    one = InstructionPair("Tell me about the red apple", "", "It is a fruit that grows on trees")
    near = InstructionPair("Tell me about the red apple", "", "It is a fruit that grows on old trees")
    short = Exclusion(ExcludeReason.TOO_SHORT)
    pairs = [
        make_intake(one, 10, source=SOURCE, bands=(1,)),
        make_intake(near, 11, source=SOURCE, bands=(1,)),
        make_intake(one, 12, source=SOURCE),
        make_intake(make_pair(13), 13, source=SOURCE, exclusion=short),
        make_intake(make_pair(14), 14, source=SOURCE, part=1, exclusion=short),  # and a kept one in the same message
        make_intake(make_pair(15), 14, source=SOURCE, part=2),
        make_intake(make_pair(99), 10, source="logs.raw:1"),
        make_intake(make_pair(98), 20, source="logs/file.jsonl"),
    ]
    rejects = [make_reject(16, RejectReason.EMPTY, SOURCE), make_reject(17, source=SOURCE)]
    joined = [Position(SOURCE, 18)]
    store.commit_stream_intake(
        IntakeBatch(pairs, rejects, joined=joined), [letter(17), letter(20), letter(21, partition=1)]
    )
    found = audit.outcomes(TOPIC, 0, 9, 24)
    assert found.fates == {
        Fate.ACCEPTED: 2,
        Fate.DUPLICATE: 2,
        Fate.EXCLUDED: 1,
        Fate.REJECTED: 1,
        Fate.DEAD: 2,
        Fate.JOINED: 1,
    }
    assert found.missing == [range(9, 10), range(15, 16), range(19, 20), range(21, 24)]
    assert (audit.first_offset(TOPIC, 0), audit.first_offset(TOPIC, 1), audit.first_offset("other", 0)) == (
        10,
        10,
        None,
    )


def test_no_messages_and_unknown_topics(audit: StreamAudit) -> None:
    assert audit.outcomes(TOPIC, 0, 5, 5).missing == []
    assert audit.outcomes("\0 nonsense", 0, 0, 3).missing == [range(3)]


@pytest.mark.slow
def test_windows_make_no_difference(
    store: DatabaseStreamStore, audit: StreamAudit, monkeypatch: pytest.MonkeyPatch
) -> None:
    offsets = [0, 1, 2, 6, 7, 9, 20, 21, 22, 23, 24, 40]
    store.commit_stream_intake(IntakeBatch([make_intake(record=offset, source=SOURCE) for offset in offsets]), [])
    whole = audit.outcomes(TOPIC, 0, 0, 45)
    assert sorted(offset for one in whole.missing for offset in one) == sorted(set(range(45)) - set(offsets))
    assert whole.missing_offsets == 45 - len(offsets)
    for window in (1, 3, 5, 44, 45):
        monkeypatch.setattr(reconciling, "_WINDOW", window)
        assert audit.outcomes(TOPIC, 0, 0, 45) == whole


@pytest.mark.slow
def test_accepted_pairs_are_announced_in_flight_dead_or_stranded(
    store: DatabaseStreamStore, audit: StreamAudit, database: Database
) -> None:
    store.commit_stream_intake(IntakeBatch([make_intake(record=number, source=SOURCE) for number in range(6)]), [])
    store.publish(4, lambda _: None)
    store.save_stream_revisions([make_revision(make_pair(0))], [letter(1, ACCEPTED, make_pair(1).id.encode())])
    with audit.unannounced(ACCEPTED) as left:
        assert (left.waiting, left.in_outbox, left.dead, left.count()) == (5, 2, 1, 2)
        keys = [make_pair(number).id.encode() for number in (0, 2, 5)]
        assert left.strike([*keys, b"\xff\x00 nonsense"]) == 1
        assert left.strike(keys) == 0
        assert left.some(20) == [make_pair(3).id]
    numbers = [one.number for one in DeadLetters(database).page(LetterChoice())]
    DeadLetters(database).discard(numbers)
    with audit.unannounced(ACCEPTED) as left:
        assert set(left.some(20)) == {make_pair(number).id for number in (1, 2, 3)}


def test_stranded_pairs_are_announced_anew(
    store: DatabaseStreamStore, audit: StreamAudit, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "_CHUNK", 2)
    embedded = DatabaseStore(database)
    embedded.commit_intake(IntakeBatch([make_intake(record=number) for number in range(5)]))
    embedded.save_revisions([make_revision(make_pair(1))])
    with audit.unannounced(ACCEPTED) as left:
        assert left.announce() == 4
    sent: list[str] = []
    while store.publish(3, lambda announcements: sent.extend(one.key for one in announcements)):
        pass
    assert sent == [make_pair(number).id for number in (0, 2, 3, 4)]
    with audit.unannounced(ACCEPTED) as left:
        assert (left.count(), left.in_outbox) == (4, 0)
