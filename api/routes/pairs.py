"""Single pairs: as they stand, and all that was said about them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from api.access.gate import ADMIN, ANNOTATOR, OWNER, Allowed
from api.access.units import check_pairs, check_withheld
from api.models import desk, owner
from api.routes.state import StateOf
from coachlm.desk.work import Person, PersonRole
from storage.pairs.history import EntryKind, HistoryEntry

router = APIRouter(prefix="/v1/pairs", tags=["pairs"])

Reader = Annotated[Person, Depends(Allowed(ANNOTATOR, OWNER, ADMIN))]
Reviewer = Annotated[Person, Depends(Allowed(OWNER, ADMIN))]
PairPath = Annotated[str, Path(max_length=64, description="32 hex digits.")]
_OWN = (EntryKind.DRAFT, EntryKind.REFUSED, EntryKind.POST_EDIT)


@router.get("/{pair_id}", summary="A pair as it stands")
def pair(pair_id: PairPath, who: Reader, state: StateOf, response: Response) -> owner.PairState:
    """The ETag is its version. Annotators don't see the coach's text here before they have submitted theirs."""
    check_pairs(state.services, who, pair_id)
    found = owner.PairState.model_validate(state.services.pairs.pair(pair_id))
    response.headers["ETag"] = f'"{found.version}"'
    if who.role is PersonRole.ANNOTATOR and found.annotator != who.name:
        return found.model_copy(update={"revision": None})
    return found


@router.get("/{pair_id}/history", summary="Everything that was said about a pair")
def history(pair_id: PairPath, who: Reviewer, state: StateOf) -> desk.History:
    check_pairs(state.services, who, pair_id)
    return _entries(state.services.reader.history(pair_id))


@router.get("/{pair_id}/drafts", summary="The caller's own texts of a pair")
def drafts(pair_id: PairPath, who: Reader, state: StateOf) -> desk.History:
    """Drafts, refused submits and submitted texts, oldest first."""
    check_withheld(state.services, who, pair_id)
    entries = state.services.reader.history(pair_id)
    return _entries([entry for entry in entries if entry.who == who.name and entry.kind in _OWN])


@router.post("/{pair_id}/class", summary="Correct a pair's class")
def correct_class(pair_id: PairPath, body: owner.ClassRequest, who: Reviewer, state: StateOf) -> desk.NewVersion:
    """A waiting item moves to the other unit; what was predicted stays beside it."""
    check_withheld(state.services, who, pair_id)
    version = state.services.reviews.correct_class(pair_id, body.task_class, who.name, version=body.version)
    return desk.NewVersion(pair_id=pair_id, version=version)


@router.post("/{pair_id}/hand-over", status_code=204, summary="Give a returned pair to somebody else")
def hand_over(pair_id: PairPath, body: owner.HandOverRequest, who: Reviewer, state: StateOf) -> None:
    check_withheld(state.services, who, pair_id)
    state.services.reviews.hand_over(pair_id, body.to, who.name)


@router.post("/{pair_id}/restore", summary="Accept an excluded pair or a near copy after all")
def restore(pair_id: PairPath, body: owner.RestoreRequest, who: Reviewer, state: StateOf) -> desk.NewVersion:
    """It goes through the coach again."""
    check_withheld(state.services, who, pair_id)
    version = state.services.reviews.restore(pair_id, who.name, version=body.version)
    return desk.NewVersion(pair_id=pair_id, version=version)


@router.post("/{pair_id}/reopen", summary="Take the last decision about a pair back")
def reopen(pair_id: PairPath, body: owner.ReopenRequest, who: Reviewer, state: StateOf) -> owner.ReviewItem:
    """An approved pair waits for review again, and so does one that was returned, answered or excluded from there. It
    is reserved for the caller; the history keeps what was decided."""
    check_withheld(state.services, who, pair_id)
    item = state.services.reviews.reopen(pair_id, who.name, version=body.version)
    state.metrics.note_action("reopen")
    return owner.ReviewItem.model_validate(item)


def _entries(entries: list[HistoryEntry]) -> desk.History:
    return desk.History(entries=tuple(desk.HistoryEntry.model_validate(entry) for entry in entries))
