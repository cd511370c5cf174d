"""A rater's work: blind ratings."""

from dataclasses import dataclass

from api import models
from api.client.connection import Call, Connection, path_part
from coachlm.desk.ratings import Rating


@dataclass(frozen=True, slots=True)
class RatingCalls:
    """Texts that the caller rates. `Client.ratings`."""

    connection: Connection

    def studies(self) -> list[models.OwnStudy]:
        """In which the caller rates."""
        return list(self.connection.get(models.OwnStudies, "/v1/ratings").studies)

    def task(self, study: str, place: int) -> models.RatingTask:
        """The text at this place of the caller's order, from 1."""
        return self.connection.get(models.RatingTask, f"/v1/ratings/{path_part(study)}/{place}")

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
        return self.connection.read(models.RatingReceipt, Call("PUT", path, True, body=body))
