"""The client's calls for blind ratings: the rater's, and those of whoever makes a study."""

from collections.abc import Mapping, Sequence

from api import models
from api.client.connection import Call, path_part
from api.client.operator import OperatorCalls
from coachlm.desk.ratings import Rating
from coachlm.pairs import InstructionPair


class RatingCalls(OperatorCalls):
    """The part of `api.client.client.Client` that blind ratings need."""

    def own_studies(self) -> list[models.OwnStudy]:
        """In which the caller rates."""
        return list(self._get(models.OwnStudies, "/v1/ratings").studies)

    def rating_task(self, study: str, place: int) -> models.RatingTask:
        """The text at this place of the caller's order, from 1."""
        return self._get(models.RatingTask, f"/v1/ratings/{path_part(study)}/{place}")

    def rate(self, task: models.RatingTask, rating: Rating, *, key: str) -> models.RatingReceipt:
        """Tried again with the same key, it stores nothing twice. Raises: LateError, when the study is closed;
        StaleError, when the caller has rated the text meanwhile."""
        body = models.RatingRequest(
            version=task.version,
            idempotency_key=key,
            instruction=rating.instruction,
            response=rating.response,
            flaws=rating.flaws,
            comment=rating.comment,
        )
        path = f"/v1/ratings/{path_part(task.study)}/{task.place}"
        return self._connection.read(models.RatingReceipt, Call("PUT", path, True, body=body))

    def studies(self) -> list[models.Study]:
        """Those that the caller owns, or all, for operators; the newest first."""
        return list(self._get(models.Studies, "/v1/studies").studies)

    def make_study(
        self,
        name: str,
        sources: Mapping[str, Sequence[InstructionPair]],
        *,
        raters: Sequence[str] = (),
        count: int = 150,
        seed: int | None = None,
        pair_ids: Sequence[str] = (),
    ) -> models.Study:
        """The n-th pairs of the sources are versions of one pair."""
        given = tuple(
            models.StudySource(name=source, pairs=tuple(map(models.PairText.of, pairs)))
            for source, pairs in sources.items()
        )
        body = models.NewStudy(
            name=name, sources=given, raters=tuple(raters), count=count, seed=seed, pair_ids=tuple(pair_ids)
        )
        return self._post(models.Study, "/v1/studies", body)

    def close_study(self, name: str) -> models.Study:
        return self._connection.read(models.Study, Call("POST", f"/v1/studies/{path_part(name)}/close", True))

    def study_tables(self, name: str) -> models.StudyTables:
        """Of what was rated so far."""
        return self._get(models.StudyTables, f"/v1/studies/{path_part(name)}/tables")

    def study_scores(self, name: str) -> list[models.GivenScore]:
        return list(self._get(models.GivenScores, f"/v1/studies/{path_part(name)}/scores").scores)
