"""The data set as a stream: one snapshot, flat memory, as many pairs as there are."""

import time
from collections.abc import AsyncIterator, Generator
from contextlib import ExitStack
from typing import Annotated, Any

import anyio
from anyio import to_thread
from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.access.gate import ADMIN, OPERATOR, Allowed
from api.routes.state import Responses, State, StateOf
from coachlm.desk.dataset import TextChoice
from coachlm.desk.where import parse_where
from coachlm.desk.work import Person
from coachlm.pairs import TaskClass
from coachlm.status import Status
from exports.export import KEPT_STATUSES, ExportOptions
from exports.export_formats import SUFFIXES, ExportFormat
from exports.export_stream import stream_dataset
from storage.reading import StoreReader

router = APIRouter(tags=["export"])

_MEDIA_TYPES = {
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
    ".csv": "text/csv; charset=utf-8",
}
Operator = Annotated[Person, Depends(Allowed(OPERATOR, ADMIN))]
Statuses = Annotated[list[Status] | None, Query(description="May be repeated. Default: all but excluded, duplicate.")]
_ANSWER: Responses = {
    200: {"description": "The file that `coachlm export` writes.", "content": {"application/x-ndjson": {}}}
}


@router.get("/v1/export", summary="The data set", response_class=StreamingResponse, responses=_ANSWER)
async def export(
    who: Operator,
    state: StateOf,
    format: ExportFormat = ExportFormat.JSONL,
    text: TextChoice = TextChoice.FINAL,
    status: Statuses = None,
    where: Annotated[
        str | None,
        Query(max_length=2000, description="Only pairs for which this holds, such as `signal:thumbs<0`."),
    ] = None,
    provenance: Annotated[bool, Query(description="With columns for id, status, class, engine and the like.")] = False,
) -> StreamingResponse:
    """Of their unit's pairs, and those without a class, where the operator has a unit.

    An answer whose ending is missing (a broken connection) is not the whole data set: ask again."""
    chosen = parse_where(where) if where else None
    options = ExportOptions(format, text, frozenset(status or KEPT_STATUSES), provenance, where=chosen)
    suffix = SUFFIXES[format]
    headers = {"Content-Disposition": f'attachment; filename="coachlm{suffix}"'}
    pieces = _pieces(state.services.reader, options, who.unit)
    return held_stream(state, who, pieces, media_type=_MEDIA_TYPES[suffix], headers=headers)


def held_stream(
    state: State, who: Person, pieces: Generator[bytes, None, None], *, media_type: str, headers: dict[str, str]
) -> StreamingResponse:
    """The pieces as an answer, in one of the places for exports. Raises: RefusedError, when there is none."""
    place = ExitStack()
    place.enter_context(state.exports.hold(who.id))
    return _Held(place, _stream(state, pieces), media_type=media_type, headers=headers)


class _Held(StreamingResponse):
    """Gives its place back when it ends, whatever becomes of the client."""

    def __init__(self, place: ExitStack, pieces: AsyncIterator[bytes], **options: Any) -> None:
        super().__init__(pieces, **options)
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._place:
            await super().__call__(scope, receive, send)


async def _stream(state: State, pieces: Generator[bytes, None, None]) -> AsyncIterator[bytes]:
    """Draws piece after piece in a thread, and closes the snapshot whatever becomes of the client."""
    until = time.monotonic() + state.settings.api.stream_seconds
    try:
        while piece := await to_thread.run_sync(next, pieces, b""):
            state.metrics.note_export(len(piece))
            if time.monotonic() > until:
                raise TimeoutError("an export took longer than COACHLM_API_STREAM_SECONDS")
            yield piece
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(pieces.close)


def _pieces(reader: StoreReader, options: ExportOptions, unit: TaskClass | None) -> Generator[bytes, None, None]:
    with reader.snapshot() as snapshot:
        rows = snapshot.dataset_rows(options.statuses)
        yield from stream_dataset((row for row in rows if unit is None or row.task_class in (None, unit)), options)
