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
from api.http.problems import RefusedError
from api.routes.exporting.selection import selection
from api.routes.state import Responses, State, StateOf
from coachlm.desk.dataset import TextChoice
from coachlm.desk.work import Person
from coachlm.errors import ExportError
from coachlm.pairs import TaskClass
from coachlm.status import Status
from exports.choices.export_formats import SUFFIXES, ExportFormat, Rejected, Rows, TrainOn
from exports.choices.selection import Selection
from exports.export import KEPT_STATUSES, ExportOptions
from exports.export_stream import stream_dataset
from exports.records import read_statuses
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
    chosen: Annotated[Selection, Depends(selection)],
    format: ExportFormat = ExportFormat.JSONL,
    text: TextChoice = TextChoice.FINAL,
    status: Statuses = None,
    provenance: Annotated[bool, Query(description="With columns for id, status, class, engine and the like.")] = False,
    rows: Annotated[Rows | None, Query(description="What a row is. Default: as `coachlm export`.")] = None,
    train_on: Annotated[TrainOn, Query(description="Which answers of a conversation have weight 1.")] = TrainOn.ALL,
    with_reasoning: Annotated[bool, Query(description="With what the model thought.")] = False,
    rejected: Annotated[list[Rejected] | None, Query(description="Of preferences: where losing answers are.")] = None,
    same_question: Annotated[bool, Query(description="Of preferences: only where nobody edited the question.")] = False,
) -> StreamingResponse:
    """Of their unit's pairs, and those without a class, where the operator has a unit.

    An answer whose ending is missing (a broken connection) is not the whole data set: ask again."""
    options = _options(
        format=format,
        text=text,
        statuses=frozenset(status or KEPT_STATUSES),
        provenance=provenance,
        rows=rows,
        train_on=train_on,
        with_reasoning=with_reasoning,
        rejected=frozenset(rejected) if rejected else None,
        same_question=same_question,
        selection=chosen,
    )
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


def _options(**options: Any) -> ExportOptions:
    """Raises: RefusedError, for options that contradict one another."""
    try:
        return ExportOptions(**options)
    except ExportError as error:
        raise RefusedError(422, "input", str(error)) from error


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
        rows = snapshot.dataset_rows(read_statuses(options), together=options.is_whole)
        own = (row for row in rows if unit is None or row.task_class in (None, unit))
        # Studies know no unit: who may see one unit alone gets none of them.
        yield from stream_dataset(own, options, snapshot.rated_versions() if unit is None else ())
