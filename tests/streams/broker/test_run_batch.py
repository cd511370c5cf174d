"""The one safe way to take messages from a Faust stream, and what makes it necessary."""

import ast
import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from coachlm.protocols.streams import StreamMessage
from coachlm.settings import load_settings
from streams.broker.worker.driver import Subscription
from streams.broker.worker.faust_app import create_app
from streams.broker.worker.run_batch import run_batch

STREAMS = Path(__file__).parents[3] / "streams" / "broker"
PLACE = TP("logs.raw", 0)


@pytest.fixture
def offsets(tmp_path: Path) -> Iterator["Offsets"]:
    with asyncio.Runner() as runner:
        offsets = Offsets(runner, tmp_path)
        yield offsets
        offsets.close()


class Offsets:
    """Faust's own bookkeeping of offsets, in the consumer that the app would use; no broker is asked."""

    def __init__(self, runner: asyncio.Runner, folder: Path) -> None:
        self._runner = runner
        self._consumer = runner.run(self._build(folder))

    async def _build(self, folder: Path) -> Any:
        async def handle(messages: Sequence[StreamMessage]) -> None: ...

        settings = load_settings(kafka_servers="127.0.0.1:9")  # pyright: ignore
        app = create_app(Subscription(settings, PLACE.topic, "g", 10), handle, lambda error: None, str(folder))
        app.topics._acking_topics.add(PLACE.topic)  # pyright: ignore[reportAttributeAccessIssue]
        return app.consumer

    def close(self) -> None:
        self._consumer._thread.thread_loop.close()  # Faust opens it with the consumer, and closes it with the thread

    def commit(self, offset: int | None) -> None:
        self._consumer._committed_offset[PLACE] = offset

    def acknowledge(self, *offsets: int) -> int | None:
        """What Faust would commit next."""

        async def run() -> int | None:
            for offset in offsets:
                message = ConsumerMessage(PLACE.topic, 0, offset, 0.0, 0, {}, None, b"", None, tp=PLACE)
                self._consumer.ack(message)
            return self._consumer._new_offset(PLACE)

        return self._runner.run(run())


@pytest.mark.parametrize("committed", [None, 0, 500])
def test_batches_acknowledged_whole_and_in_order_commit_what_they_hold(offsets: Offsets, committed: int | None) -> None:
    offsets.commit(committed)
    first = committed or 0
    assert offsets.acknowledge(*range(first, first + 100)) == first + 100
    offsets.commit(first + 100)
    assert offsets.acknowledge(*range(first + 100, first + 150)) == first + 150


@pytest.mark.parametrize("committed", [None, 0, 500])
def test_faust_commits_past_an_unacknowledged_message_at_the_head(offsets: Offsets, committed: int | None) -> None:
    """faust-streaming issue 606. Once this fails Faust is mended, and `run_batch` may be thought over."""
    offsets.commit(committed)
    first = committed or 0
    skipped = 10 if not committed else 1
    assert offsets.acknowledge(first + skipped) == first + skipped + 1


def test_nothing_else_takes_messages_from_a_stream() -> None:
    """`take`, `noack_take`, `events`, `items` and `async for` on a Faust stream stand in run_batch.py alone."""
    found = []
    for file in STREAMS.rglob("*.py"):
        if file.name == "run_batch.py":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.AsyncFor | ast.comprehension) and getattr(node, "is_async", True):
                found.append(f"{file.name}: async for")
            if isinstance(node, ast.Attribute) and node.attr in ("take", "noack_take", "take_with_timestamp"):
                found.append(f"{file.name}: {node.attr}")
    assert not found


class _Stream:
    """Hands out batches as `noack_take` does, and keeps what was acknowledged."""

    def __init__(self, *batches: Sequence[int]) -> None:
        self._batches = batches
        self.acknowledged: list[int] = []
        self.taken = 0

    async def noack_take(self, max_: int, within: float) -> AsyncIterator[list[Any]]:
        for batch in self._batches:
            self.taken += 1
            yield [self._event(offset) for offset in batch]

    def _event(self, offset: int) -> Any:
        message = SimpleNamespace(
            topic="t", partition=0, offset=offset, key=None, value=b"v", headers={"h": b"1"}, timestamp=9e9
        )
        return SimpleNamespace(message=message, ack=lambda: self.acknowledged.append(offset))


def run(stream: _Stream, handle: Any, on_end: Any = lambda error: None) -> None:
    async def briefly() -> None:
        async with asyncio.timeout(0.2):
            await run_batch(stream, handle, 10, 0.1, on_end)

    asyncio.run(briefly())


def test_a_batch_is_acknowledged_in_order_once_it_is_handled() -> None:
    stream = _Stream([0, 1, 2], [3, 4])
    handled: list[list[StreamMessage]] = []

    async def handle(messages: list[StreamMessage]) -> None:
        assert stream.acknowledged == [message.offset for batch in handled for message in batch]
        handled.append(messages)

    run(stream, handle)
    assert stream.acknowledged == [0, 1, 2, 3, 4]
    assert handled[0][0] == StreamMessage("t", 0, 0, None, b"v", (("h", b"1"),), 9_000_000_000_000)


def test_after_a_failure_nothing_is_acknowledged_and_nothing_taken() -> None:
    stream = _Stream([0, 1], [2, 3])
    ends: list[BaseException] = []

    async def handle(messages: list[StreamMessage]) -> None:
        raise ValueError

    with pytest.raises(TimeoutError):
        run(stream, handle, ends.append)
    assert stream.acknowledged == []
    assert stream.taken == 1
    assert [type(error) for error in ends] == [ValueError]


def test_a_cancelled_batch_is_not_acknowledged() -> None:
    stream = _Stream([0, 1], [2, 3])
    ends: list[BaseException] = []

    async def handle(messages: list[StreamMessage]) -> None:
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        run(stream, handle, ends.append)
    assert stream.acknowledged == []
    assert ends == []
