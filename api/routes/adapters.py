"""Adapters: what there is, what the gate said of each, which revise."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from api.access.gate import ADMIN, OPERATOR, OWNER, Allowed
from api.http.problems import RefusedError
from api.models import flow
from api.routes.state import State, StateOf
from coachlm.coaching.adapters import AdapterRegistry
from coachlm.desk.work import Person
from coachlm.errors import ConflictError

router = APIRouter(prefix="/v1/adapters", tags=["adapters"])

Overseer = Annotated[Person, Depends(Allowed(OWNER, OPERATOR, ADMIN))]
Operator = Annotated[Person, Depends(Allowed(OPERATOR, ADMIN))]
Digest = Annotated[str, Path(min_length=6, max_length=100, description="At least its first 6 digits.")]


@router.get("", summary="All adapters, newest first")
def adapters(who: Overseer, state: StateOf) -> flow.Adapters:
    return _all(_registry(state))


@router.get("/{digest}/events", summary="What happened to an adapter")
def events(digest: Digest, who: Overseer, state: StateOf) -> flow.AdapterEvents:
    registry = _registry(state)
    found = registry.events(registry.show(digest).digest)
    return flow.AdapterEvents(events=tuple(flow.AdapterEvent.model_validate(event) for event in found))


@router.post("/{digest}/promote", summary="Let an adapter revise")
def promote(digest: Digest, body: flow.AdapterRequest, who: Operator, state: StateOf) -> flow.Adapter:
    """The one before it retires; workers take the new one between two batches."""
    registry = _registry(state)
    return flow.Adapter.model_validate(registry.promote(registry.show(digest).digest, who.name, body.detail))


@router.post("/{digest}/rollback", summary="Stop an adapter")
def roll_back(digest: Digest, body: flow.AdapterRequest, who: Operator, state: StateOf) -> flow.Adapters:
    """A canary stops; the current one gives way to the one before it. Gives what revises then."""
    registry = _registry(state)
    wanted, force = registry.show(digest).digest, registry.in_force()
    stopping = force.canary or force.current
    if stopping is None or stopping.digest != wanted:
        named = "none is in force" if stopping is None else f"a rollback would stop {stopping.digest[:12]}"
        raise ConflictError(f"adapter {wanted[:12]} isn't the one that would be stopped: {named}; load the list again")
    registry.roll_back(who.name, body.detail)
    return _all(registry)


def _registry(state: State) -> AdapterRegistry:
    if state.services.adapters is None:
        raise RefusedError(501, "no_adapters", "this service has no adapter registry; see `coachlm adapters --help`")
    return state.services.adapters


def _all(registry: AdapterRegistry) -> flow.Adapters:
    force = registry.in_force()
    return flow.Adapters(
        adapters=tuple(flow.Adapter.model_validate(record) for record in registry.adapters()),
        current=force.current and force.current.digest,
        canary=force.canary and force.canary.digest,
    )
