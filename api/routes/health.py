"""For the machinery around the service: is it alive, is it ready, what does it count, which routes are there."""

import logging
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.access.gate import ADMIN, OPERATOR, Anyone, LocalOr
from api.http.description import describe
from api.http.problems import RefusedError, refusal
from api.routes.state import StateOf
from coachlm.desk.work import Person
from coachlm.errors import StoreError
from storage.engine.schema import check_schema

log = logging.getLogger(__name__)
router = APIRouter(tags=["health"])

_RETRY_SECONDS = 2.0
_NOT_READY = {
    "schema": "the database's tables are not this version's: run `coachlm db upgrade`",
    "database": "the database doesn't answer",
}

Everybody = Annotated[None, Depends(Anyone())]
Local = Annotated[Person | None, Depends(LocalOr(OPERATOR, ADMIN))]


@router.get("/healthz", summary="Alive")
async def healthz(_: Everybody) -> dict[str, str]:
    return {"status": "alive"}


@router.get("/readyz", summary="Ready: the database answers, and its tables are this version's")
def readyz(_: Everybody, request: Request, state: StateOf) -> dict[str, str]:
    """Whoever asks hears what kind of thing is wrong; the log says on which database."""
    try:
        check_schema(state.services.database)
    except StoreError as error:
        refused = refusal(error)
        log.error("request %s: not ready: %s", request.state.request_id, error)
        said = _NOT_READY.get(refused.code, "the service can't work")
        raise RefusedError(
            503, refused.code, f"{said}; its log says more", retry_after_seconds=_RETRY_SECONDS
        ) from None
    return {"status": "ready"}


@router.get("/metrics", summary="Prometheus's figures", response_class=Response)
def metrics(_: Local, state: StateOf) -> Response:
    """To programs of the same machine without a token, to operators with theirs."""
    return Response(state.metrics.render(), media_type=CONTENT_TYPE_LATEST)


@router.get("/openapi.json", include_in_schema=False)
async def openapi(_: Everybody, request: Request) -> dict[str, object]:
    return describe(request.app)
