"""Batches as LiteLLM's and Langfuse's clients send them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Depends, Request

from api.access.gate import ADMIN, INGEST, OPERATOR, Allowed, KeyPair
from api.http.batches import log_door, reason_of, sender_name, store, unread
from api.http.problems import RefusedError
from api.http.whole_bodies import place_of, whole_body
from api.models.webhooks import BatchSummary, IngestionError, IngestionResponse, IngestionSuccess
from api.routes.state import State, StateOf
from coachlm.desk.work import Person
from coachlm.errors import InputError
from coachlm.protocols.intake import Call
from streams.receiving.inbox import CallInbox
from streams.receiving.langfuse import Event, read_batch
from streams.receiving.litellm import read_payloads

router = APIRouter(tags=["intake"])

Poster = Annotated[Person, Depends(Allowed(INGEST, OPERATOR, ADMIN))]
KeyHolder = Annotated[Person, Depends(KeyPair(INGEST, OPERATOR, ADMIN))]


def _body_of(description: str, example: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": {}, "example": example}}
    return {"requestBody": {"required": True, "description": description, "content": content}}


_PAYLOADS = _body_of("Standard logging payloads: an array, one alone, or one a line.", [{"id": "chatcmpl-1"}])
_EVENTS = _body_of("Events, as Langfuse's API reference describes them.", {"batch": []})


@router.post("/litellm/v1/logs", summary="Post payloads of LiteLLM's `generic_api` callback", openapi_extra=_PAYLOADS)
async def post_payloads(request: Request, who: Poster, state: StateOf) -> BatchSummary:
    """Answers when all of it is stored; the same payloads may come any number of times."""
    log_door(state.services)
    async with place_of(state.batch_posts):
        body = await whole_body(request, state.settings.api.batch_bytes)
        return await anyio.to_thread.run_sync(_store_payloads, state, who, body)


def _store_payloads(state: State, who: Person, body: bytes) -> BatchSummary:
    with _refusing():
        lines = read_payloads(body, state.settings.intake.max_nesting)
    batch = store(state.services, state.metrics, sender_name(who, "litellm"), lines)
    reasons = dict(batch.reasons())
    return BatchSummary(records=len(lines), ok=batch.ok, refused=len(lines) - batch.ok, reasons=reasons)


@router.post(
    "/api/public/ingestion", status_code=207, summary="Post a batch of Langfuse's events", openapi_extra=_EVENTS
)
async def post_events(request: Request, who: KeyHolder, state: StateOf) -> IngestionResponse:
    """Generations become pairs when question and answer have come, in one batch or in several; the secret key is a
    token of this service. Spans, scores and other events are acknowledged and not kept."""
    log_door(state.services)
    async with place_of(state.batch_posts):
        body = await whole_body(request, state.settings.api.batch_bytes)
        return await anyio.to_thread.run_sync(_store_events, state, who, body)


def _store_events(state: State, who: Person, body: bytes) -> IngestionResponse:
    inbox = state.services.inbox
    if inbox is None:
        raise RefusedError(501, "no_intake", "this service takes no calls in parts")
    with _refusing():
        events = read_batch(body, state.settings.intake.max_nesting)
    sender = sender_name(who, "langfuse")
    problems = _Delivery(state, sender, inbox).deliver(events)
    told = {event.id: event.problem or problems.get(_key(sender, event), "") for event in events}
    return IngestionResponse(
        successes=tuple(IngestionSuccess(id=name) for name, problem in told.items() if not problem),
        errors=tuple(IngestionError(id=name, message=said, error=said) for name, said in told.items() if said),
    )


@dataclass(frozen=True, slots=True)
class _Delivery:
    """A batch of events on its way through the inbox into the log door."""

    state: State
    sender: str
    inbox: CallInbox

    def deliver(self, events: Sequence[Event]) -> dict[str, str]:
        """What is wrong with calls that can't be read, by their keys. Raises: StoreError, StreamError."""
        parts: dict[str, Call] = {}
        for event in events:
            if event.trace is not None:
                self.inbox.note_trace(f"{self.sender} {event.trace_id}", event.trace)
            if event.call is not None:
                key = _key(self.sender, event)
                parts[key] = {**parts.get(key, {}), **event.call}
        whole = self.inbox.add(parts) | self.inbox.overdue()
        keys = list(whole)
        lines = [self.inbox.line(key, whole[key]) for key in keys]
        batch = store(self.state.services, self.state.metrics, self.sender, lines)
        self.inbox.taken(keys)
        refused = {keys[line]: verdict for line, verdict in batch.verdicts.items() if unread(verdict, 1)}
        return {key: verdict.reason or reason_of(verdict) for key, verdict in refused.items()}


def _key(sender: str, event: Event) -> str:
    return f"{sender} {event.call['id']}" if event.call is not None else ""


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except InputError as error:
        raise RefusedError(400, "invalid", str(error)) from error
