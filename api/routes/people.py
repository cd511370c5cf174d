"""People: who there is, and who may come in."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from api.access.gate import ADMIN, ANNOTATOR, INGEST, OPERATOR, OWNER, Allowed
from api.access.tokens import draw_token
from api.models import people as models
from api.models.base import MAX_NAME_CHARS
from api.routes.state import State, StateOf
from coachlm.desk.work import Person, PersonRole
from coachlm.pairs import TaskClass

router = APIRouter(prefix="/v1", tags=["people"])

Anybody = Annotated[Person, Depends(Allowed(INGEST, ANNOTATOR, OWNER, OPERATOR, ADMIN))]
Overseer = Annotated[Person, Depends(Allowed(OWNER, OPERATOR, ADMIN))]
Admin = Annotated[Person, Depends(Allowed(ADMIN))]
NamePath = Annotated[str, Path(max_length=MAX_NAME_CHARS)]


@router.get("/me", summary="Whom the token belongs to")
def me(who: Anybody, state: StateOf) -> models.Me:
    """With what the pages have to know of this installation."""
    return _me(who, state)


@router.patch("/me", summary="Change one's own settings")
def change_me(body: models.MyChange, who: Anybody, state: StateOf) -> models.Me:
    """What the body leaves out stays."""
    if body.time_zone is not None:
        who = state.services.accounts.change(who.name, time_zone=body.time_zone)
    return _me(who, state)


def _me(who: Person, state: State) -> models.Me:
    desk = state.settings.desk
    return models.Me(
        name=who.name,
        role=who.role,
        unit=who.unit,
        undo_seconds=desk.undo_seconds,
        idle_seconds=desk.idle_seconds,
        class_names=dict(zip(TaskClass, desk.unit_names, strict=True)),
        time_zone=who.time_zone,
    )


@router.get("/people", summary="Everybody")
def people(who: Overseer, state: StateOf) -> models.People:
    """Owners see the people of their unit."""
    found = state.services.accounts.people()
    if who.role is PersonRole.OWNER and who.unit is not None:
        found = [person for person in found if person.unit in (None, who.unit)]
    return models.People(people=tuple(models.Person.model_validate(person) for person in found))


@router.post("/people", status_code=201, summary="Add somebody")
def add(body: models.NewPerson, who: Admin, state: StateOf) -> models.Person:
    """A token of `POST /v1/people/NAME/token` lets the person in."""
    added = state.services.accounts.add(body.name, body.role, body.unit, body.seniority)
    return models.Person.model_validate(added)


@router.patch("/people/{name}", summary="Change somebody")
def change(name: NamePath, body: models.PersonChange, who: Admin, state: StateOf) -> models.Person:
    """What the body leaves out stays. `is_active: false` ends the person's token; what was in hands goes to others."""
    changed = state.services.accounts.change(name, **body.model_dump(exclude_unset=True))
    return models.Person.model_validate(changed)


@router.post("/people/{name}/token", summary="Draw a new token")
def new_token(name: NamePath, who: Admin, state: StateOf) -> models.NewToken:
    """Shown this once; the person's earlier token no longer works."""
    drawn = draw_token()
    state.services.accounts.set_token(name, drawn.id, drawn.hash)
    return models.NewToken(name=name, token=drawn.text)


@router.get("/units", summary="The units, with their owners")
def units(who: Overseer, state: StateOf) -> models.Units:
    return models.Units(units=tuple(models.Unit.model_validate(unit) for unit in state.services.accounts.units()))
