"""Logs come in: lines streamed into the store, a verdict for each."""

import asyncio
import re
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import IO, Annotated

import anyio.to_thread
from anyio import from_thread
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse

from api.access.gate import ADMIN, INGEST, OPERATOR, Allowed
from api.http.posted_lines import Packed, PostLimits, posted_lines, unpacked
from api.http.problems import RefusedError, refusal
from api.models.flow import IntakeSummary, LineVerdict
from api.routes.state import Responses, State, StateOf
from coachlm.desk.work import Person
from coachlm.errors import InputError, StoreError, StreamError
from coachlm.protocols.doors import LogDoor

router = APIRouter(tags=["intake"])

_SPOOLED_BYTES = 1_000_000
_SENT_BYTES = 256 * 1024
_IDLE_SECONDS = 60.0
_FREE_SECONDS = 20.0  # of waiting, before the rate counts
_LEAST_BYTES_PER_SECOND = 1_000
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9._-]")

_NDJSON = "application/x-ndjson"
_REQUEST = {
    "requestBody": {
        "required": True,
        "description": "Log records of any format, one a line; packed with gzip or zstd if you like.",
        "content": {_NDJSON: {"schema": {"type": "string"}, "example": '{"messages": [], "response": {}}\n'}},
    }
}
_ANSWER: Responses = {
    200: {
        "description": "A verdict for every line that isn't blank, in no certain order; the summary is the last line.",
        "content": {_NDJSON: {"example": '{"line":0,"ok":true,"reason":""}\n'}},
    }
}
Poster = Annotated[Person, Depends(Allowed(INGEST, OPERATOR, ADMIN))]
Format = Annotated[str | None, Query(max_length=40, description="Name of the log format; without it: detected.")]


@router.post("/v1/logs", summary="Post log lines", responses=_ANSWER, openapi_extra=_REQUEST)
async def post_logs(request: Request, who: Poster, state: StateOf, format: Format = None) -> StreamingResponse:
    """Stores what the lines hold, then answers. Whatever goes wrong: the same lines under the same `X-Request-Id` may
    be posted any number of times, and nothing is stored twice."""
    door = state.services.log_door
    if door is None:
        raise RefusedError(501, "no_intake", "this service takes no logs; use `coachlm ingest` or `coachlm stream`")
    # What a client calls its requests is its own affair: two clients may draw the same id.
    request_id = f"{_NOT_IN_IDS.sub('_', who.name)[:60]}-{who.id}.{request.state.request_id}"
    post = _Post(door, state, format, request_id, request.state.request_id)
    body = _Body(request, state.settings.api.stream_seconds)
    encoding = request.headers.get("content-encoding", "")
    with state.log_posts.hold(who.id):
        verdicts = await anyio.to_thread.run_sync(post.read, body.next_chunk, encoding, limiter=state.readers)
    return StreamingResponse(_sent(verdicts), media_type=_NDJSON)


class _Body:
    """The request's body, drawn chunk by chunk from the thread that reads it: nobody sends faster than we store."""

    def __init__(self, request: Request, most_seconds: float) -> None:
        self._chunks: AsyncIterator[bytes] = aiter(request.stream())
        self._most_seconds = most_seconds
        self._until = time.monotonic() + most_seconds
        self._waited = 0.0  # for the client, not for the store
        self._bytes = 0

    def next_chunk(self) -> bytes:
        return from_thread.run(self._next)

    async def _next(self) -> bytes:
        began = time.monotonic()
        try:
            async with asyncio.timeout(_IDLE_SECONDS):
                async for chunk in self._chunks:
                    if chunk:
                        self._check_pace(len(chunk), began)
                        return chunk
                return b""
        except TimeoutError:
            said = f"nothing came for {_IDLE_SECONDS:.0f} s; post the same lines again under the same request id"
            raise RefusedError(408, "idle", said) from None

    def _check_pace(self, size: int, began: float) -> None:
        """Raises: RefusedError, for a client that drips."""
        now = time.monotonic()
        self._bytes += size
        self._waited += now - began
        if now > self._until:
            said = f"the post took longer than {self._most_seconds:g} s; send the rest under another request id"
            raise RefusedError(408, "too_slow", said)
        if self._waited > _FREE_SECONDS and self._bytes < _LEAST_BYTES_PER_SECOND * self._waited:
            said = f"the post comes at less than {_LEAST_BYTES_PER_SECOND:,} bytes a second; send it from a file"
            raise RefusedError(408, "too_slow", said)


@dataclass(frozen=True, slots=True)
class _Post:
    """One post. The verdicts wait in a spooled file until the whole body is read: clients that don't read while they
    send (most don't) would stand still otherwise, and so would we."""

    door: LogDoor
    state: State
    format: str | None
    request_id: str
    shown_id: str

    def read(self, next_chunk: Callable[[], bytes], encoding: str) -> IO[bytes]:
        """Raises: RefusedError, ClientDisconnect."""
        verdicts = tempfile.SpooledTemporaryFile(_SPOOLED_BYTES)  # noqa: SIM115  # closed when it has been sent
        try:
            self._write(verdicts, next_chunk, encoding)
        except BaseException:
            verdicts.close()
            raise
        verdicts.seek(0)
        return verdicts

    def _write(self, verdicts: IO[bytes], next_chunk: Callable[[], bytes], encoding: str) -> None:
        settings = self.state.settings
        packed = Packed(next_chunk)
        api = settings.api
        limits = PostLimits(settings.intake.max_record_bytes, api.log_bytes, api.log_lines, api.log_ratio)
        lines = posted_lines(unpacked(packed.next_chunk, encoding), limits, packed)
        counts = [0, 0]
        try:
            for verdict in self.door.accept(lines, self.format, self.request_id):
                counts[verdict.ok] += 1
                verdicts.write(LineVerdict.model_validate(verdict).model_dump_json().encode() + b"\n")
                if counts[False] > api.log_rejects:
                    said = f"more than {api.log_rejects:,} lines were refused, the last: {verdict.reason[:200]}"
                    raise RefusedError(413, "too_many_rejects", f"{said}; check the format and send the rest anew")
        except (InputError, StoreError, StreamError) as error:
            raise self._broken_off(refusal(error), counts) from error
        except RefusedError as error:
            raise self._broken_off(error, counts) from error
        finally:
            self.state.metrics.note_lines(counts[True], counts[False])
        summary = IntakeSummary(request_id=self.shown_id, lines=sum(counts), ok=counts[True], refused=counts[False])
        verdicts.write(summary.model_dump_json().encode() + b"\n")

    def _broken_off(self, error: RefusedError, counts: list[int]) -> RefusedError:
        stored = (
            f"{sum(counts):,} lines had been dealt with; nothing is stored twice when they are posted again "
            f"under the X-Request-Id {self.shown_id}"
        )
        detail = f"{error.detail} ({stored})" if sum(counts) else error.detail
        return RefusedError(error.status, error.code, detail, retry_after_seconds=error.retry_after_seconds)


async def _sent(verdicts: IO[bytes]) -> AsyncIterator[bytes]:
    with verdicts:
        while piece := await anyio.to_thread.run_sync(verdicts.read, _SENT_BYTES):
            yield piece
