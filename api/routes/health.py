"""For the machinery around the service: is it alive, is it ready, what does it count, which routes are there."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from api.access.gate import ADMIN, OPERATOR, Anyone, LocalOr
from api.http.description import describe
from api.routes.state import StateOf
from coachlm.desk.work import Person
from storage.engine.schema import check_schema

router = APIRouter(tags=["health"])

Everybody = Annotated[None, Depends(Anyone())]
Local = Annotated[Person | None, Depends(LocalOr(OPERATOR, ADMIN))]


@router.get("/healthz", summary="Alive")
async def healthz(_: Everybody) -> dict[str, str]:
    return {"status": "alive"}


@router.get("/readyz", summary="Ready: the database answers, and its tables are this version's")
def readyz(_: Everybody, state: StateOf) -> dict[str, str]:
    check_schema(state.services.database)
    return {"status": "ready"}


@router.get("/metrics", summary="Prometheus's figures", response_class=Response)
def metrics(_: Local, state: StateOf) -> Response:
    """To programs of the same machine without a token, to operators with theirs."""
    return Response(state.metrics.render(), media_type=CONTENT_TYPE_LATEST)


@router.get("/openapi.json", include_in_schema=False)
async def openapi(_: Everybody, request: Request) -> dict[str, object]:
    return describe(request.app)
