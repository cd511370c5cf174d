"""The data set as a stream: one snapshot, flat memory, as many pairs as there are."""

from collections.abc import AsyncIterator, Generator
from typing import Annotated

import anyio
from anyio import to_thread
from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from api.access.gate import ADMIN, OPERATOR, Allowed
from api.http.problems import RefusedError
from api.routes.state import Responses, State, StateOf
from coachlm.desk.dataset import TextChoice
from coachlm.desk.where import parse_where
from coachlm.desk.work import Person
from coachlm.status import Status
from exports.export import KEPT_STATUSES, ExportOptions
from exports.export_formats import SUFFIXES, ExportFormat
from exports.export_stream import stream_dataset
from storage.reading import StoreReader

router = APIRouter(tags=["export"])

_BUSY_SECONDS = 10.0
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
    """An answer whose ending is missing (a broken connection) is not the whole data set: ask again."""
    check_room(state)
    chosen = parse_where(where) if where else None
    options = ExportOptions(format, text, frozenset(status or KEPT_STATUSES), provenance, where=chosen)
    suffix = SUFFIXES[format]
    headers = {"Content-Disposition": f'attachment; filename="coachlm{suffix}"'}
    pieces = _pieces(state.services.reader, options)
    return StreamingResponse(streamed(state, pieces), media_type=_MEDIA_TYPES[suffix], headers=headers)


def check_room(state: State) -> None:
    """Raises: RefusedError, where as many exports as the settings allow are under way."""
    if state.exports.available_tokens < 1:
        said = "as many exports as this service streams at once are under way"
        raise RefusedError(429, "busy", said, retry_after_seconds=_BUSY_SECONDS)


async def streamed(state: State, pieces: Generator[bytes, None, None]) -> AsyncIterator[bytes]:
    """Draws piece after piece in a thread, and closes the snapshot whatever becomes of the client."""
    borrower = object()
    await state.exports.acquire_on_behalf_of(borrower)
    try:
        while piece := await to_thread.run_sync(next, pieces, b""):
            state.metrics.note_export(len(piece))
            yield piece
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(pieces.close)
        state.exports.release_on_behalf_of(borrower)


def _pieces(reader: StoreReader, options: ExportOptions) -> Generator[bytes, None, None]:
    with reader.snapshot() as snapshot:
        yield from stream_dataset(snapshot.dataset_rows(options.statuses), options)
