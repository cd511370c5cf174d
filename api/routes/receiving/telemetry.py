"""An OTLP/HTTP receiver: traces and logs of applications that are instrumented with OpenTelemetry.

Source: OTLP specification 1.9, "OTLP/HTTP".
"""

from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Depends, Request, Response

from api.access.gate import ADMIN, INGEST, OPERATOR, Allowed, KeyPair
from api.http.batches import UNREAD, Batch, in_words, log_door, sender_name, store, unread
from api.http.otlp_answers import JSON, PROTOBUF, OtlpRoute, is_json, success
from api.http.problems import RefusedError
from api.http.whole_bodies import place_of, whole_body
from api.routes.state import Responses, State, StateOf
from coachlm.desk.work import Person
from coachlm.errors import InputError
from coachlm.pairs import RejectReason
from coachlm.protocols.intake import Call
from streams.reading.sources.flaws import Unreadable
from streams.receiving.otlp import LOGS, TRACES, ExportLines, Signal, read_export

router = APIRouter(tags=["intake"], route_class=OtlpRoute)

_BYTES = {"schema": {"type": "string", "format": "binary"}}
_OBJECT = {"schema": {"type": "object"}}
_REQUEST: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "An export request of OTLP, in protobuf or JSON; packed with gzip or zstd if you like.",
        "content": {PROTOBUF: _BYTES, JSON: _OBJECT},
    }
}
_ANSWER: Responses = {
    200: {
        "description": "Stored; `partialSuccess` says what couldn't be read, or warns.",
        "content": {PROTOBUF: _BYTES, JSON: _OBJECT},
    },
    "default": {
        "description": "A `google.rpc.Status` in the form of the request.",
        "content": {PROTOBUF: _BYTES, JSON: _OBJECT},
    },
    503: {"description": "Nothing was lost: send the same again after `Retry-After`; nothing is stored twice."},
}
Poster = Annotated[Person, Depends(Allowed(INGEST, OPERATOR, ADMIN))]
KeyHolder = Annotated[Person, Depends(KeyPair(INGEST, OPERATOR, ADMIN))]


@router.post("/otlp/v1/traces", summary="Export spans", responses=_ANSWER, openapi_extra=_REQUEST)
async def post_traces(request: Request, who: Poster, state: StateOf) -> Response:
    """Of instrumented applications (OpenTelemetry, OpenLLMetry, OpenInference) and of a Collector."""
    return await _receive(request, who, state, TRACES)


@router.post("/otlp/v1/logs", summary="Export log records", responses=_ANSWER, openapi_extra=_REQUEST)
async def post_logs(request: Request, who: Poster, state: StateOf) -> Response:
    """Events of model calls among them become pairs."""
    return await _receive(request, who, state, LOGS)


@router.post(
    "/api/public/otel/v1/traces", summary="Export spans, Langfuse's SDKs", responses=_ANSWER, openapi_extra=_REQUEST
)
async def post_langfuse_traces(request: Request, who: KeyHolder, state: StateOf) -> Response:
    """Where Langfuse's SDKs from version 3 on send to; the secret key is a token of this service."""
    return await _receive(request, who, state, TRACES)


async def _receive(request: Request, who: Person, state: State, signal: Signal) -> Response:
    in_json = is_json(request)
    log_door(state.services)
    async with place_of(state.batch_posts):
        body = await whole_body(request, state.settings.api.batch_bytes)
        export, batch = await anyio.to_thread.run_sync(_stored, state, who, body, signal, in_json)
    rejected = sum(unread(verdict, export.entries[line]) for line, verdict in batch.verdicts.items())
    return success(in_json, signal.rejected, rejected, _message(batch, rejected))


def _stored(state: State, who: Person, body: bytes, signal: Signal, in_json: bool) -> tuple[ExportLines, Batch]:
    try:
        export = read_export(body, signal, is_json=in_json, max_nesting=state.settings.intake.max_nesting)
    except InputError as error:
        raise RefusedError(400, "invalid", str(error)) from error
    except Unreadable as error:
        raise RefusedError(415, "form", f"{error}; or export as {JSON}") from error
    sender = sender_name(who, f"otlp-{signal.name}")
    inbox = state.services.inbox
    whole: dict[str, Call] = {}
    if inbox is not None and export.events:
        whole = inbox.add({f"{sender} {key}": call for key, call in export.events.items()}) | inbox.overdue()
        for key, call in whole.items():
            export.add(inbox.line(key, call), 1)
    batch = store(state.services, state.metrics, sender, export.lines)
    if inbox is not None and whole:
        inbox.taken(list(whole))
    return export, batch


def _message(batch: Batch, rejected: int) -> str:
    reasons = batch.reasons()
    said: list[str] = []
    if rejected:
        wrong = [(reason, count) for reason, count in reasons.items() if reason in UNREAD]
        said.append(f"could not be read: {in_words(wrong or reasons.items())}")
    if silent := reasons[RejectReason.EMPTY.value]:
        said.append(f"{silent} model calls came without their messages; let the instrumentation record message content")
    return "; ".join(said)
