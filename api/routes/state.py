"""What a service's routes share, as a dependency."""

from dataclasses import dataclass
from typing import Annotated, Any

from anyio import CapacityLimiter
from fastapi import Depends, Request

from api.http.metrics import Metrics
from api.http.services import Services
from api.http.slots import Slots
from coachlm.settings import Settings

Responses = dict[int | str, dict[str, Any]]
"""Answers that a route documents."""
KEPT: Responses = {
    409: {"description": "Too late: the lease is over or somebody else's; the text is kept as a draft."},
    412: {"description": "The pair changed since it was seen; the text is kept as a draft."},
}


@dataclass(frozen=True, slots=True)
class State:
    """One a service."""

    services: Services
    settings: Settings
    metrics: Metrics
    log_posts: Slots
    exports: Slots
    readers: CapacityLimiter  # threads that read posts
    batch_posts: CapacityLimiter  # OTLP, LiteLLM and Langfuse: their clients wait for their turn


async def _state(request: Request) -> State:
    return request.app.state.shared


StateOf = Annotated[State, Depends(_state)]
