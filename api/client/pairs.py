"""Single pairs: what state they are in, what became of them, and an owner's corrections."""

from dataclasses import dataclass

from api import models
from api.client.connection import Call, Connection, path_part
from coachlm.pairs import ExcludeReason, TaskClass


@dataclass(frozen=True, slots=True)
class PairCalls:
    """Single pairs, by id. `Client.pairs`."""

    connection: Connection

    def state(self, pair_id: str) -> models.PairState:
        return self.connection.get(models.PairState, f"/v1/pairs/{path_part(pair_id)}")

    def history(self, pair_id: str) -> list[models.HistoryEntry]:
        return list(self.connection.get(models.History, f"/v1/pairs/{path_part(pair_id)}/history").entries)

    def drafts(self, pair_id: str) -> list[models.HistoryEntry]:
        """The caller's own texts of a pair, saved and refused ones, oldest first."""
        return list(self.connection.get(models.History, f"/v1/pairs/{path_part(pair_id)}/drafts").entries)

    def correct_class(self, pair_id: str, task_class: TaskClass, version: int) -> models.NewVersion:
        body = models.ClassRequest(task_class=task_class, version=version)
        return self.connection.post(models.NewVersion, f"/v1/pairs/{path_part(pair_id)}/class", body)

    def hand_over(self, pair_id: str, to: str | None) -> None:
        """A returned pair to another annotator; None: to everybody."""
        body = models.HandOverRequest(to=to)
        self.connection.send(Call("POST", f"/v1/pairs/{path_part(pair_id)}/hand-over", True, body=body))

    def restore(self, pair_id: str, version: int) -> models.NewVersion:
        """An excluded pair, or a near copy, goes through the coach after all."""
        body = models.RestoreRequest(version=version)
        return self.connection.post(models.NewVersion, f"/v1/pairs/{path_part(pair_id)}/restore", body)

    def reopen(self, pair_id: str, version: int) -> models.ReviewItem:
        """The last decision about a pair is taken back: it waits for review again, reserved for the caller."""
        body = models.ReopenRequest(version=version)
        return self.connection.post(models.ReviewItem, f"/v1/pairs/{path_part(pair_id)}/reopen", body)

    def exclusions(
        self,
        *,
        limit: int = 50,
        after: int | None = None,
        reason: ExcludeReason | None = None,
        task_class: TaskClass | None = None,
    ) -> models.Exclusions:
        """A page of excluded pairs; its `next` is the `after` of the page that follows."""
        return self.connection.get(
            models.Exclusions, "/v1/exclusions", limit=limit, after=after, reason=reason, task_class=task_class
        )
