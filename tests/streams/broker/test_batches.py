"""Whatever a handler does, every message ends committed or as a dead letter, and outages are waited out."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.errors import SchemaError, StoreError
from coachlm.protocols.streams import DeadLetter, DeadReason, StreamMessage
from streams.broker.worker.batches import Batches, Stopped
from streams.broker.worker.handler import Handler, Observer
from tests.streams.broker.messages import raw

Step = Callable[[Sequence[StreamMessage]], None]


class ScriptedHandler(Handler):
    """Commits what it is given, unless `step` raises; `down` makes its database go away."""

    def __init__(self, step: Step = lambda messages: None) -> None:
        self.step = step
        self.down = 0  # calls, of any kind, for which the database is away
        self.committed: list[int] = []
        self.buried: list[DeadLetter] = []

    def handle(self, messages: Sequence[StreamMessage]) -> None:
        self._database()
        self.step(messages)
        self.committed += [message.offset for message in messages]

    def bury(self, letters: Sequence[DeadLetter]) -> None:
        self._database()
        self.buried += letters

    def is_healthy(self) -> bool:
        self._database()
        return True

    def _database(self) -> None:
        if self.down:
            self.down -= 1
            raise StoreError("the database is away")


class Heard(Observer):
    def __init__(self) -> None:
        self.said: list[str] = []
        self.batches = 0

    def waiting(self, why: str) -> None:
        self.said.append(why)

    def back(self) -> None:
        self.said.append("back")

    def batch(self, seconds: float) -> None:
        self.batches += 1


def batches(handler: Handler, tries: int = 3, observer: Observer | None = None) -> Batches:
    return Batches(handler, tries, observer or Observer(), first_pause_seconds=0)


def messages(count: int) -> list[StreamMessage]:
    return [raw(offset, b"x") for offset in range(count)]


def poison(*offsets: int) -> Step:
    def step(part: Sequence[StreamMessage]) -> None:
        if any(message.offset in offsets for message in part):
            raise ValueError("the text of the message")

    return step


def test_a_batch_is_handled_whole_and_once() -> None:
    handler, heard = ScriptedHandler(), Heard()
    batches(handler, observer=heard).run(messages(5))
    assert handler.committed == [0, 1, 2, 3, 4]
    assert heard.batches == 1


def test_one_bad_message_holds_nobody_up() -> None:
    handler = ScriptedHandler(poison(137))
    batches(handler).run(messages(500))
    assert handler.committed == [offset for offset in range(500) if offset != 137]
    (letter,) = handler.buried
    assert letter.message.offset == 137
    assert letter.reason is DeadReason.FAILED
    assert letter.tries == 3
    assert "ValueError" in letter.error
    assert "the text" not in letter.error


def test_a_message_that_is_handled_at_its_last_try_is_no_dead_letter() -> None:
    failures = [ValueError(), ValueError()]

    def step(part: Sequence[StreamMessage]) -> None:
        if failures:
            raise failures.pop()

    handler = ScriptedHandler(step)
    batches(handler).run(messages(1))
    assert handler.committed == [0]
    assert not handler.buried


@given(st.sets(st.integers(0, 39)), st.integers(0, 30), st.integers(1, 4))
def test_every_message_ends_somewhere(bad: set[int], down: int, tries: int) -> None:
    handler = ScriptedHandler(poison(*bad))
    handler.down = down
    batches(handler, tries).run(messages(40))
    assert sorted(handler.committed) == [offset for offset in range(40) if offset not in bad]
    assert sorted(letter.message.offset for letter in handler.buried) == sorted(bad)
    assert all(letter.tries == tries for letter in handler.buried)


def test_an_outage_is_waited_out_and_buries_nobody() -> None:
    handler, heard = ScriptedHandler(), Heard()
    handler.down = 40
    batches(handler, tries=1, observer=heard).run(messages(8))
    assert handler.committed == list(range(8))
    assert not handler.buried
    assert len(heard.said) == 21
    assert "away" in heard.said[0]
    assert heard.said[-1] == "back"


def test_where_a_dead_letter_cannot_be_kept_the_message_is_tried_on() -> None:
    failures = [ValueError()] * 4

    def step(part: Sequence[StreamMessage]) -> None:
        if failures:
            raise failures.pop()

    def bury(letters: Sequence[DeadLetter]) -> None:
        raise StoreError("the disk is full")

    handler = ScriptedHandler(step)
    handler.bury = bury  # pyright: ignore[reportAttributeAccessIssue]
    batches(handler, tries=2).run(messages(1))
    assert handler.committed == [0]


def test_a_refused_text_is_not_taken_for_an_outage() -> None:
    def step(part: Sequence[StreamMessage]) -> None:
        if any(message.offset == 2 for message in part):
            raise StoreError("it refused the operation")

    handler = ScriptedHandler(step)
    batches(handler).run(messages(4))
    assert [letter.message.offset for letter in handler.buried] == [2]


def test_a_schema_of_another_version_ends_the_worker() -> None:
    def step(part: Sequence[StreamMessage]) -> None:
        raise SchemaError("run `coachlm db upgrade`")

    with pytest.raises(SchemaError):
        batches(ScriptedHandler(step)).run(messages(2))


def test_stop_ends_the_waiting_and_nothing_is_buried() -> None:
    handler = ScriptedHandler()
    handler.down = 10**9
    runner = batches(handler)
    runner.stop()
    with pytest.raises(Stopped):
        runner.run(messages(2))
    assert not handler.committed
    assert not handler.buried


def test_a_batch_in_hand_is_finished_after_stop() -> None:
    handler = ScriptedHandler()
    runner = batches(handler)
    runner.stop()
    runner.run(messages(3))
    assert handler.committed == [0, 1, 2]
