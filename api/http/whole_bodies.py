"""Bodies that are read as a whole, because their records can't be told apart before their end: bounded while they are
unpacked, in size and in how much a byte of theirs may grow to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import Request

from api.http.posted_lines import pieces, unpacked
from api.http.problems import RefusedError

_IDLE_SECONDS = 60.0
_QUEUE_SECONDS = 20.0
_BUSY_SECONDS = 5.0
_MOST_GROWTH = 500  # gzip's own limit is 1,032; histories that repeat reach some dozens
_SMALL_BYTES = 4_000_000  # unpacked; as much does no harm, whatever it was packed from


@asynccontextmanager
async def place_of(posts: CapacityLimiter) -> AsyncIterator[None]:
    """Waits for its turn: exporters try again late or never. Raises: RefusedError."""
    try:
        async with asyncio.timeout(_QUEUE_SECONDS):
            await posts.acquire()
    except TimeoutError:
        said = "as many posts as this service reads at once are under way"
        raise RefusedError(503, "busy", said, retry_after_seconds=_BUSY_SECONDS) from None
    try:
        yield
    finally:
        posts.release()


async def whole_body(request: Request, max_bytes: int) -> bytes:
    """Unpacked. Raises: RefusedError, for an encoding that isn't known, broken packing, and what is too long."""
    packed = await _received(request, max_bytes)
    encoding = request.headers.get("content-encoding", "")
    if encoding.strip().lower() in ("", "identity"):
        return packed
    return await anyio.to_thread.run_sync(_unpack, packed, encoding, max_bytes)


async def _received(request: Request, max_bytes: int) -> bytes:
    body = bytearray()
    chunks = aiter(request.stream())
    try:
        while True:
            async with asyncio.timeout(_IDLE_SECONDS):
                chunk = await anext(chunks, None)
            if chunk is None:
                return bytes(body)
            body += chunk
            if len(body) > max_bytes:
                raise _too_long(max_bytes)
    except TimeoutError:
        raise RefusedError(408, "idle", f"nothing came for {_IDLE_SECONDS:.0f} s; send the same again") from None


def _unpack(packed: bytes, encoding: str, max_bytes: int) -> bytes:
    chunks = iter((packed,))
    body = bytearray()
    for piece in pieces(unpacked(lambda: next(chunks, b""), encoding), max_bytes):
        body += piece
        if len(body) > max(_SMALL_BYTES, len(packed) * _MOST_GROWTH):
            said = f"the body unpacks to more than {_MOST_GROWTH} times its size; send it unpacked, or less at once"
            raise RefusedError(413, "too_long", said)
    return bytes(body)


def _too_long(max_bytes: int) -> RefusedError:
    return RefusedError(413, "too_long", f"the body is longer than {max_bytes:,} bytes; send less at once")
