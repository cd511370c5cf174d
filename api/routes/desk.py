"""The post-edit desk: claim, draft, submit, and everything else that a person does with an item in hands."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.access.gate import ADMIN, ANNOTATOR, OPERATOR, OWNER, Allowed
from api.access.units import check_withheld
from api.models import desk
from api.routes.state import KEPT, Responses, StateOf
from coachlm.desk.post_edit import PostEdit
from coachlm.desk.rubric import RUBRIC, TARGET_SCORE, Dimension, Level, Part, score_cap
from coachlm.desk.work import Person
from storage.pairs.edits import Seen

router = APIRouter(prefix="/v1/queue", tags=["desk"])
rubric_router = APIRouter(prefix="/v1", tags=["desk"])

Worker = Annotated[Person, Depends(Allowed(ANNOTATOR, OWNER, ADMIN))]
_NOTHING: Responses = {204: {"description": "Nothing waits."}}


@router.post("/claim", response_model=desk.Item, responses=_NOTHING, summary="Get the next item")
def claim(body: desk.ClaimRequest, who: Worker, state: StateOf) -> desk.Item | Response:
    """What was sent back to the caller comes first, then the unit's items by priority and age. An item stays with the
    caller for the length of a lease; heartbeats make it longer. After a lost answer `GET /v1/queue/held` names it."""
    item = state.services.queue.claim(who.name, task_class=body.task_class)
    state.metrics.note_action("claim" if item else "claim_nothing")
    return Response(status_code=204) if item is None else desk.Item.model_validate(item)


@router.get("/held", summary="What is in the caller's hands")
def held(who: Worker, state: StateOf) -> desk.Items:
    items = state.services.queue.held(who.name)
    return desk.Items(items=tuple(desk.Item.model_validate(item) for item in items))


@router.post("/heartbeat", summary="Keep an item")
def heartbeat(body: desk.HeartbeatRequest, who: Worker, state: StateOf) -> desk.LeaseEnd:
    """Time counts as worked from one active heartbeat to the next, as long as no gap is longer than the idle limit."""
    return desk.LeaseEnd(expires_at=state.services.queue.heartbeat(body.token, who.name, active=body.active))


@router.put("/draft", status_code=204, responses=KEPT, summary="Save a text on its way")
def save_draft(body: desk.DraftRequest, who: Worker, state: StateOf, request: Request) -> None:
    check_withheld(state.services, who, body.pair_id)
    request.state.keeps_text = True
    seen = Seen(body.writer or "", body.seen)
    state.services.queue.save_draft(
        body.pair_id, who.name, body.text.pair(), token=body.token, comment=body.comment, seen=seen
    )


@router.post("/submit", responses=KEPT, summary="Submit the final text")
def submit(body: desk.SubmitRequest, who: Worker, state: StateOf, request: Request) -> desk.Receipt:
    """The same text under the same key again gives the same receipt and stores nothing twice."""
    check_withheld(state.services, who, body.pair_id)
    request.state.keeps_text = True
    edit = PostEdit(
        pair_id=body.pair_id,
        person=who.name,
        final=body.final.pair(),
        active_seconds=0.0,  # the queue counts them, by heartbeats
        scores=None if body.scores is None else body.scores.scores(),
        categories=body.categories,
        comment=body.comment,
    )
    receipt = state.services.queue.submit(
        edit,
        token=body.token,
        version=body.version,
        idempotency_key=body.idempotency_key,
        seen=Seen(body.writer or "", body.seen),
    )
    state.metrics.note_action("submit")
    return desk.Receipt.model_validate(receipt)


@router.post("/undo", summary="Take the last submit back")
def undo(body: desk.UndoRequest, who: Worker, state: StateOf) -> desk.Item:
    """Within the time of `undo_seconds`, and before an owner has acted. Once more gives the same item."""
    check_withheld(state.services, who, body.pair_id)
    item = state.services.queue.undo(who.name, body.pair_id, body.post_edit)
    state.metrics.note_action("undo")
    return desk.Item.model_validate(item)


@router.post("/take-back", summary="Take an exclusion, a skip or a question back")
def take_back(body: desk.TakeBackRequest, who: Worker, state: StateOf) -> desk.Item:
    """Within the time of `undo_seconds`, and before anybody else has acted. Once more gives the same item."""
    check_withheld(state.services, who, body.pair_id)
    item = state.services.queue.take_back(who.name, body.pair_id)
    state.metrics.note_action("take_back")
    return desk.Item.model_validate(item)


@router.post("/send-to-owner", status_code=204, summary="Ask the unit's owner about an item")
def send_to_owner(body: desk.SendToOwnerRequest, who: Worker, state: StateOf) -> None:
    """The item leaves the caller's hands and waits among the owner's reviews."""
    state.services.queue.send_to_owner(body.token, who.name, body.comment)
    state.metrics.note_action("send_to_owner")


@router.post("/skip", status_code=204, summary="Give an item back, for others first")
def skip(body: desk.LeaseRequest, who: Worker, state: StateOf) -> None:
    state.services.queue.skip(body.token, who.name)
    state.metrics.note_action("skip")


@router.post("/release", status_code=204, summary="Give an item back, for anybody")
def release(body: desk.LeaseRequest, who: Worker, state: StateOf) -> None:
    state.services.queue.release(body.token, who.name)
    state.metrics.note_action("release")


@router.post("/exclude", summary="Exclude a pair, with a reason")
def exclude(body: desk.ExcludeRequest, who: Worker, state: StateOf) -> desk.NewVersion:
    """Any pair of the caller's unit that nobody else holds; annotators, only while it waits for one."""
    check_withheld(state.services, who, body.pair_id)
    version = state.services.queue.exclude(
        body.pair_id, who.name, body.reason, version=body.version, detail=body.detail
    )
    state.metrics.note_action("exclude")
    return desk.NewVersion(pair_id=body.pair_id, version=version)


@rubric_router.get("/rubric", summary="Table II, with its caps")
def rubric(who: Annotated[Person, Depends(Allowed(ANNOTATOR, OWNER, OPERATOR, ADMIN))]) -> desk.Rubric:
    criteria = tuple(desk.Criterion.model_validate(criterion) for criterion in RUBRIC)
    return desk.Rubric(criteria=criteria, ranges=tuple(_score_ranges()), target=TARGET_SCORE)


def _score_ranges() -> Iterator[desk.ScoreRange]:
    flaws: dict[tuple[Part, Level | None], frozenset[Dimension]] = {(part, None): frozenset() for part in Part}
    flaws |= {(criterion.part, criterion.level): frozenset({criterion.dimension}) for criterion in RUBRIC}
    for (part, level), found in flaws.items():
        yield desk.ScoreRange(part=part, level=level, lowest=0, highest=score_cap(part, found))
