"""Blind ratings: the rater's order and ratings; and the studies, for those who may know which text was which."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Path

from api.access.gate import ADMIN, ANNOTATOR, OPERATOR, OWNER, Allowed
from api.http.problems import RefusedError
from api.models import ratings as models
from api.routes.state import Responses, StateOf
from coachlm.desk.ratings import Rating
from coachlm.desk.work import Person
from coachlm.machine import extras
from storage.studies.draw import StudyPlan

router = APIRouter(prefix="/v1/ratings", tags=["ratings"])
studies_router = APIRouter(prefix="/v1/studies", tags=["ratings"])

Rater = Annotated[Person, Depends(Allowed(ANNOTATOR, OWNER))]
Overseer = Annotated[Person, Depends(Allowed(OWNER, OPERATOR, ADMIN))]
StudyPath = Annotated[str, Path(max_length=60)]
PlacePath = Annotated[int, Path(ge=1, le=2**31 - 1, description="In the caller's order.")]
_REFUSED: Responses = {
    409: {"description": "The study is closed (`closed`), or the key was used for another rating."},
    412: {"description": "The caller rated it meanwhile, e.g. in another tab: read it again."},
}


@router.get("", summary="The studies in which the caller rates")
def own_studies(who: Rater, state: StateOf) -> models.OwnStudies:
    found = state.services.rating_desk.studies(who.name)
    return models.OwnStudies(studies=tuple(models.OwnStudy.model_validate(study) for study in found))


@router.get("/{study}/{place}", summary="A text to rate")
def task(study: StudyPath, place: PlacePath, who: Rater, state: StateOf) -> models.RatingTask:
    return models.RatingTask.model_validate(state.services.rating_desk.task(who.name, study, place))


@router.put("/{study}/{place}", summary="Rate a text", responses=_REFUSED)
def rate(
    study: StudyPath, place: PlacePath, body: models.RatingRequest, who: Rater, state: StateOf
) -> models.RatingReceipt:
    """As often as the caller likes until the study is closed; the last one counts, all are kept."""
    rating = Rating(body.instruction, body.response, body.flaws, body.comment)
    receipt = state.services.rating_desk.save(
        who.name, study, place, rating, version=body.version, key=body.idempotency_key
    )
    state.metrics.note_action("rate")
    return models.RatingReceipt.model_validate(receipt)


@studies_router.get("", summary="Studies and how far their raters have come")
def studies(who: Overseer, state: StateOf) -> models.Studies:
    """Owners see those they made. A study in which the caller rates is shown when it is closed."""
    found = state.services.studies.studies(who.name)
    return models.Studies(studies=tuple(models.Study.model_validate(study) for study in found))


@studies_router.post("", status_code=201, summary="Make a study")
def make(body: models.NewStudy, who: Overseer, state: StateOf) -> models.Study:
    """Draws pairs that no rater has had in hands, and for each rater an order of all their versions."""
    sources = {source.name: [text.pair() for text in source.pairs] for source in body.sources}
    plan = StudyPlan(body.name, sources, body.raters, body.count, body.seed, body.pair_ids)
    return models.Study.model_validate(state.services.studies.make(plan, who.name))


@studies_router.post("/{study}/close", summary="Close a study")
def close(study: StudyPath, who: Overseer, state: StateOf) -> models.Study:
    """For good: its ratings stay as they are."""
    return models.Study.model_validate(state.services.studies.close(study, who.name))


@studies_router.get("/{study}/tables", summary="Averages, gains and agreement")
def tables(study: StudyPath, who: Overseer, state: StateOf) -> models.StudyTables:
    """Of what was rated so far: per rater and version (the paper's Table VIII), what a version gained over the first,
    and Krippendorff's α."""
    if problem := replace(extras.AGREEMENT, name="api").lack("agreement needs"):
        raise RefusedError(501, "no_agreement", problem)
    from evaluation.ratings.people import human_ratings

    found = state.services.studies.ratings(study, who.name)
    return models.StudyTables.of(models.Study.model_validate(found.study), human_ratings(found.sheets, found.tasks))


@studies_router.get("/{study}/scores", summary="Every rating, with its version")
def scores(study: StudyPath, who: Overseer, state: StateOf) -> models.GivenScores:
    found = state.services.studies.ratings(study, who.name)
    return models.GivenScores(scores=tuple(models.GivenScore.of(given) for given in found.ratings))
