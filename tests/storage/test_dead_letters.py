"""Dead letters are listed, marked and discarded; their rows stay."""

import pytest

from coachlm.errors import NotFoundError
from coachlm.protocols.streams import DeadLetter, DeadReason, StreamMessage
from storage.engine.database import Database
from storage.streams.dead_letters import DeadLetters, DeadState, LetterChoice
from storage.streams.store import DatabaseStreamStore
from tests.storage.factories import Clock

HEADERS = (("coachlm-format", b"openai_chat"), ("odd", b"\x00\xff"), ("odd", b""))


@pytest.fixture
def letters(database: Database, clock: Clock) -> DeadLetters:
    """Numbered from 1: two of logs.raw, then a tombstone of pairs.accepted an hour later."""
    store = DatabaseStreamStore(database, now=clock)
    store.save_stream_revisions([], [make_letter(5), make_letter(6, reason=DeadReason.TOO_LARGE)])
    clock.turn(3600)
    store.save_stream_revisions([], [make_letter(5, "pairs.accepted", value=None, reason=DeadReason.WRONG_SCHEMA)])
    return DeadLetters(database, clock)


def make_letter(
    offset: int, topic: str = "logs.raw", value: bytes | None = b"\xff{", reason: DeadReason = DeadReason.UNREADABLE
) -> DeadLetter:
    return DeadLetter(StreamMessage(topic, 0, offset, b"\x01key", value, HEADERS, -1), reason, "no \0 value", 3)


def numbers(letters: DeadLetters, **chosen: object) -> list[int]:
    return [one.number for one in letters.page(LetterChoice(**chosen))]  # pyright: ignore[reportArgumentType]


def test_what_comes_back_is_what_was_given(letters: DeadLetters, clock: Clock) -> None:
    one = letters.show(1)
    assert one.letter == make_letter(5)
    assert (one.state, one.payload_bytes, one.replayed_at, one.discarded_at) == (DeadState.OPEN, 2, None, None)
    tombstone = letters.show(3)
    assert (tombstone.letter.message.value, tombstone.payload_bytes) == (None, None)
    assert tombstone.dead_at == clock()


def test_lists_leave_bytes_out(letters: DeadLetters) -> None:
    for one in letters.page(LetterChoice()):
        assert (one.letter.message.key, one.letter.message.value, one.letter.message.headers) == (None, None, ())


def test_choices(letters: DeadLetters, clock: Clock) -> None:
    letters.mark_replayed([2])
    assert numbers(letters) == [1, 2, 3]
    assert numbers(letters, topic="logs.raw") == [1, 2]
    assert numbers(letters, topic="nonsense \0") == []
    assert numbers(letters, reason=DeadReason.TOO_LARGE) == [2]
    assert numbers(letters, state=DeadState.OPEN) == [1, 3]
    assert numbers(letters, since=clock()) == [3]
    assert numbers(letters, until=clock()) == [1, 2]


def test_pages(letters: DeadLetters) -> None:
    first = letters.page(LetterChoice(), limit=2)
    assert [one.number for one in (*first, *letters.page(LetterChoice(), after=2, limit=2))] == [1, 2, 3]


def test_replayed_letters_keep_their_bytes(letters: DeadLetters, clock: Clock) -> None:
    assert letters.mark_replayed([1, 3, 99]) == 2
    one = letters.show(1)
    assert (one.state, one.replayed_at, one.letter) == (DeadState.REPLAYED, clock(), make_letter(5))


def test_discarded_letters_lose_their_bytes_alone(letters: DeadLetters, clock: Clock) -> None:
    letters.mark_replayed([1])
    assert letters.discard([1, 2, 99]) == 2
    assert letters.discard([1, 2]) == 0
    one = letters.show(1)
    assert (one.state, one.discarded_at, one.replayed_at) == (DeadState.DISCARDED, clock(), clock())
    message = one.letter.message
    assert (message.key, message.value, message.headers, one.payload_bytes) == (None, None, (), 2)
    assert (message.offset, one.letter.error) == (5, "no \0 value")


def test_old_ones_are_purged(letters: DeadLetters, clock: Clock) -> None:
    clock.turn(86_400 - 3600)
    assert letters.purge(1) == 0
    clock.turn(1)
    assert letters.purge(1) == 2
    assert numbers(letters, state=DeadState.OPEN) == [3]


def test_an_idle_relay_purges_once_an_hour(letters: DeadLetters, database: Database, clock: Clock) -> None:
    store = DatabaseStreamStore(database, now=clock, dead_letter_days=0)
    keeper = DatabaseStreamStore(database, now=clock)
    clock.turn(1)
    while keeper.publish(10, lambda _: None):
        pass
    assert numbers(letters, state=DeadState.OPEN) == [1, 2, 3]
    store.publish(10, lambda _: None)
    assert numbers(letters, state=DeadState.OPEN) == []
    store.save_stream_revisions([], [make_letter(7)])
    for seconds, left in ((1, [4]), (3600, [])):
        clock.turn(seconds)
        while store.publish(10, lambda _: None):
            pass
        assert numbers(letters, state=DeadState.OPEN) == left


def test_counts(letters: DeadLetters) -> None:
    letters.discard([2])
    assert letters.counts() == {
        (DeadState.OPEN, "logs.raw", DeadReason.UNREADABLE): 1,
        (DeadState.DISCARDED, "logs.raw", DeadReason.TOO_LARGE): 1,
        (DeadState.OPEN, "pairs.accepted", DeadReason.WRONG_SCHEMA): 1,
    }


@pytest.mark.parametrize("number", [0, 4, -1, 2**70])
def test_unknown_numbers(letters: DeadLetters, number: int) -> None:
    with pytest.raises(NotFoundError, match="coachlm dead list"):
        letters.show(number)
