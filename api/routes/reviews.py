"""The owner's side: reviews, priorities, excluded pairs."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from api.access.gate import ADMIN, OPERATOR, OWNER, Allowed
from api.access.units import check_pairs, check_withheld
from api.http.problems import RefusedError
from api.models import desk, owner
from api.routes.state import KEPT, StateOf
from coachlm.desk.post_edit import Review
from coachlm.desk.work import Person
from coachlm.pairs import ExcludeReason, TaskClass
from coachlm.status import Status
from storage.desk.depth import COUNTED_AT_MOST

router = APIRouter(prefix="/v1", tags=["reviews"])

Reviewer = Annotated[Person, Depends(Allowed(OWNER, ADMIN))]
Overseer = Annotated[Person, Depends(Allowed(OWNER, OPERATOR, ADMIN))]
Limit = Annotated[int, Query(ge=1, le=500)]


@router.get("/reviews", summary="What waits for the owner")
def awaiting(
    who: Reviewer, state: StateOf, limit: Limit = 50, task_class: TaskClass | None = None
) -> owner.ReviewItems:
    """Sampled post-edits and questions of annotators; questions first, then by age. Nothing is reserved."""
    reviews = state.services.reviews
    items = reviews.awaiting(who.name, limit, task_class=task_class)
    waiting = reviews.count_awaiting(who.name, task_class=task_class, at_most=COUNTED_AT_MOST)
    return owner.ReviewItems(items=tuple(map(owner.ReviewItem.model_validate, items)), waiting=waiting)


@router.post("/reviews/claim", summary="Get what the owner decides next")
def claim(body: owner.ReviewClaim, who: Reviewer, state: StateOf) -> owner.ReviewItems:
    """Reserved for the caller as long as a lease lasts: first what they have in hands and don't name as known."""
    reviews = state.services.reviews
    items = reviews.claim(who.name, body.want, known=body.known, task_class=body.task_class)
    waiting = reviews.count_awaiting(who.name, task_class=body.task_class, at_most=COUNTED_AT_MOST)
    return owner.ReviewItems(items=tuple(map(owner.ReviewItem.model_validate, items)), waiting=waiting)


@router.post("/reviews/hold", summary="Keep reviews")
def hold(body: owner.ReviewHold, who: Reviewer, state: StateOf) -> owner.HeldReviews:
    """Gives those that no other owner has got meanwhile."""
    return owner.HeldReviews(pair_ids=tuple(state.services.reviews.hold(who.name, body.pair_ids)))


@router.post("/reviews/release", status_code=204, summary="Leave reviews to others")
def release(body: owner.ReviewHold, who: Reviewer, state: StateOf) -> None:
    state.services.reviews.release(who.name, body.pair_ids)


@router.put("/reviews/draft", status_code=204, responses=KEPT, summary="Save a text on its way")
def save_draft(body: owner.ReviewDraftRequest, who: Reviewer, state: StateOf, request: Request) -> None:
    """`GET /v1/reviews` gives it to its owner with the item."""
    check_withheld(state.services, who, body.pair_id)
    request.state.keeps_text = True
    state.services.reviews.save_draft(
        body.pair_id, who.name, body.text.pair(), version=body.version, writer=body.writer, comment=body.comment
    )


@router.post("/reviews", responses=KEPT, summary="Approve, fix or return a post-edit")
def review(body: owner.ReviewRequest, who: Reviewer, state: StateOf, request: Request) -> desk.NewVersion:
    """A returned pair goes back to its annotator alone, with the comment."""
    check_withheld(state.services, who, body.pair_id)
    request.state.keeps_text = body.final is not None or bool(body.comment.strip())
    final = None if body.final is None else body.final.pair()
    decision = Review(body.pair_id, who.name, body.decision, final, body.comment)
    version = state.services.reviews.review(decision, version=body.version, key=body.idempotency_key)
    state.metrics.note_action(f"review_{body.decision}")
    return desk.NewVersion(pair_id=body.pair_id, version=version)


@router.post("/queue/priority", summary="Have pairs handed out earlier or later")
def prioritise(body: owner.PriorityRequest, who: Overseer, state: StateOf) -> owner.Changed:
    check_pairs(state.services, who, *body.pair_ids)
    return owner.Changed(changed=state.services.reviews.prioritise(body.pair_ids, body.priority))


@router.get("/exclusions", summary="Excluded pairs and near copies")
def exclusions(
    who: Reviewer,
    state: StateOf,
    status: Status = Status.EXCLUDED,
    reason: ExcludeReason | None = None,
    task_class: TaskClass | None = None,
    limit: Limit = 50,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="`next` of the page before.")] = 0,
) -> owner.Exclusions:
    """Excluded pairs, or near copies with `status=duplicate`, in order of arrival."""
    if status not in (Status.EXCLUDED, Status.DUPLICATE):
        raise RefusedError(422, "invalid", f"status must be excluded or duplicate, not {status}")
    page = state.services.reviews.exclusions(
        who.name, limit, status=status, reason=reason, task_class=task_class, after=after
    )
    return owner.Exclusions.model_validate(page)
