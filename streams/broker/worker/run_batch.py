"""The one way in which a Faust agent may take messages from its stream; a test forbids every other.

Faust 0.15 loses messages unless used just so (docs/explanations/streams.md says how): `take` and `async for` on a
stream acknowledge whatever happened, and the offset that Faust commits passes over an unacknowledged message at the
head of what was acknowledged (faust-streaming issue 606). Hence: `noack_take`; the whole batch is handled, with every
retry, before any of it is acknowledged; then all of it, in order, without a pause in which Faust could commit a part;
and where handling ends for good, nothing is acknowledged ever after.
"""

# See docs/decisions/0093-faust-acknowledgement.md

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from coachlm.protocols.streams import StreamMessage

Handle = Callable[[Sequence[StreamMessage]], Awaitable[None]]


async def run_batch(
    stream: Any, handle: Handle, max_messages: int, within_seconds: float, on_end: Callable[[BaseException], None]
) -> None:
    """Runs until it is cancelled. What `handle` raises is final: it goes to `on_end`, and no further batch is taken."""
    async for events in stream.noack_take(max_messages, within=within_seconds):
        try:
            await handle([_message(event.message) for event in events])
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - an exception that escaped would make Faust skip messages
            on_end(error)
            await asyncio.Event().wait()  # until it is cancelled: to return would let Faust take on its own
        for event in events:
            event.ack()


def _message(message: Any) -> StreamMessage:
    headers = message.headers
    if isinstance(headers, dict):
        headers = headers.items()
    return StreamMessage(
        message.topic,
        message.partition,
        message.offset,
        message.key,
        message.value,
        tuple(headers or ()),
        int((message.timestamp or 0) * 1000),
    )
