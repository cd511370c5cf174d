"""Records that became no pair: page by page, one record's, or all as a file."""

import json
from collections.abc import Generator
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from api.access.gate import ADMIN, OPERATOR, OWNER, Allowed
from api.models import rejects as models
from api.routes.exporting.export import held_stream
from api.routes.state import Responses, StateOf
from coachlm.desk.work import Person
from coachlm.pairs import RejectReason
from coachlm.rejects import RejectedRecord, read_place
from storage.intake.rejects import RejectChoice, Rejects

router = APIRouter(prefix="/v1/rejects", tags=["rejects"])

Overseer = Annotated[Person, Depends(Allowed(OWNER, OPERATOR, ADMIN))]
Limit = Annotated[int, Query(ge=1, le=500)]
Source = Annotated[str | None, Query(max_length=1000, description="A part of the file's path or the topic's name.")]
Place = Annotated[str, Query(max_length=2000, description="FILE:RECORD, as a page of rejects gives it.")]
After = Annotated[str | None, Query(max_length=200, description="`next` of the page before.")]
_ANSWER: Responses = {
    200: {"description": "JSON lines: a reject each.", "content": {"application/x-ndjson": {}}},
}
_LINES_AT_ONCE = 200


def _choice(reason: RejectReason | None = None, source: Source = None, format: str | None = None) -> RejectChoice:
    return RejectChoice(reason, source or None, format)


ChoiceOf = Annotated[RejectChoice, Depends(_choice)]


@router.get("", summary="Records that became no pair")
def page(who: Overseer, state: StateOf, choice: ChoiceOf, limit: Limit = 50, after: After = None) -> models.Rejects:
    """With reason, detail and an excerpt without personal data, in order of sources and records."""
    found = state.services.rejects.page(choice, after=after, limit=limit)
    counts = state.services.rejects.counts() if after is None else None
    return models.Rejects(rejects=tuple(map(_told, found.rejects)), next=found.next, counts=counts)


@router.get("/record", summary="All rejects of one record")
def record(who: Overseer, state: StateOf, place: Place) -> models.RecordRejects:
    """With what can be done."""
    found = state.services.rejects.of_record(*read_place(place))
    return models.RecordRejects(rejects=tuple(map(_told, found)))


@router.get("/export", summary="All rejects as JSON lines", response_class=StreamingResponse, responses=_ANSWER)
async def export(who: Overseer, state: StateOf, choice: ChoiceOf) -> StreamingResponse:
    """An answer whose ending is missing (a broken connection) is not all of them: ask again."""
    headers = {"Content-Disposition": 'attachment; filename="rejects.jsonl"'}
    pieces = _pieces(state.services.rejects, choice)
    return held_stream(state, who, pieces, media_type="application/x-ndjson", headers=headers)


def _told(one: RejectedRecord) -> models.Reject:
    return models.Reject.model_validate(one)


def _pieces(rejects: Rejects, choice: RejectChoice) -> Generator[bytes, None, None]:
    found = rejects.each(choice)
    while lines := b"".join(map(_line, islice(found, _LINES_AT_ONCE))):
        yield lines


def _line(one: RejectedRecord) -> bytes:
    values: dict[str, Any] = _told(one).model_dump(mode="json")
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"
