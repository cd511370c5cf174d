"""An annotator's work: claim an item, keep it, write, submit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import httpx

from api import models
from api.client.connection import Call, Connection
from coachlm.desk.categories import RevisionCategory
from coachlm.desk.rubric import Scores
from coachlm.pairs import ExcludeReason, InstructionPair, TaskClass


@dataclass(frozen=True, slots=True)
class DeskCalls:
    """The queue and what the caller holds. `Client.desk`."""

    connection: Connection

    def claim(self, task_class: TaskClass | None = None) -> models.Item | None:
        """The next item; None: nothing waits. After an UnavailableError `held` tells whether one was handed out."""
        call = Call("POST", "/v1/queue/claim", False, body=models.ClaimRequest(task_class=task_class))
        answer = self.connection.send(call)
        return None if answer.status_code == httpx.codes.NO_CONTENT else models.Item.model_validate(answer.json())

    def held(self) -> list[models.Item]:
        """What is in the caller's hands, first claimed first."""
        return list(self.connection.get(models.Items, "/v1/queue/held").items)

    def heartbeat(self, token: str, *, active: bool = True) -> datetime:
        """Keeps the item; `active`: the person has done something since the last one. Gives the lease's new end."""
        body = models.HeartbeatRequest(token=token, active=active)
        return self.connection.post(models.LeaseEnd, "/v1/queue/heartbeat", body, repeatable=True).expires_at

    def save_draft(
        self, item: models.Item, text: InstructionPair, comment: str = "", *, writer: str | None = None, seen: int = 0
    ) -> None:
        """Raises: LateError; the text was kept all the same. With `writer`: also when another one saved a draft after
        the version `seen`; nothing is stored then."""
        body = models.DraftRequest(
            pair_id=item.pair_id,
            token=item.token,
            text=models.PairText.of(text),
            comment=comment,
            writer=writer,
            seen=seen,
        )
        self.connection.send(Call("PUT", "/v1/queue/draft", True, body=body))

    def submit(
        self,
        item: models.Item,
        final: InstructionPair,
        *,
        key: str,
        scores: Scores | None = None,
        categories: Sequence[RevisionCategory] = (),
        comment: str = "",
    ) -> models.Receipt:
        """Tried again with the same key, it stores nothing twice. Raises: LateError, StaleError; the text was kept."""
        body = models.SubmitRequest(
            pair_id=item.pair_id,
            token=item.token,
            version=item.version,
            idempotency_key=key,
            final=models.PairText.of(final),
            scores=None if scores is None else models.ScoreCard.model_validate(scores),
            categories=tuple(categories),
            comment=comment,
        )
        return self.connection.post(models.Receipt, "/v1/queue/submit", body, repeatable=True)

    def undo(self, receipt: models.Receipt) -> models.Item:
        """Takes a submit back, within a minute; the item is in the caller's hands again, with its text as a draft."""
        body = models.UndoRequest(pair_id=receipt.pair_id, post_edit=receipt.post_edit)
        return self.connection.post(models.Item, "/v1/queue/undo", body)

    def take_back(self, pair_id: str) -> models.Item:
        """The caller's exclusion, skip or question never was, within a minute; the item is in their hands again."""
        return self.connection.post(models.Item, "/v1/queue/take-back", models.TakeBackRequest(pair_id=pair_id))

    def skip(self, item: models.Item) -> None:
        """Back into the queue, for others first."""
        self.connection.send(Call("POST", "/v1/queue/skip", False, body=models.LeaseRequest(token=item.token)))

    def release(self, item: models.Item) -> None:
        """Back into the queue, for anybody."""
        self.connection.send(Call("POST", "/v1/queue/release", False, body=models.LeaseRequest(token=item.token)))

    def exclude(self, pair_id: str, version: int, reason: ExcludeReason, detail: str = "") -> models.NewVersion:
        """Excludes a pair that nobody else holds."""
        body = models.ExcludeRequest(pair_id=pair_id, version=version, reason=reason, detail=detail)
        return self.connection.post(models.NewVersion, "/v1/queue/exclude", body)

    def send_to_owner(self, item: models.Item, comment: str = "") -> None:
        """For what the person can't decide."""
        body = models.SendToOwnerRequest(token=item.token, comment=comment)
        self.connection.send(Call("POST", "/v1/queue/send-to-owner", False, body=body))

    def progress(self) -> models.DayProgress:
        """What the caller did today, and what waits for them."""
        return self.connection.get(models.DayProgress, "/v1/queue/progress")

    def prioritise(self, pair_ids: Sequence[str], priority: int) -> int:
        """Smaller comes first; items start at 100. Gives how many items changed."""
        body = models.PriorityRequest(pair_ids=tuple(pair_ids), priority=priority)
        return self.connection.post(models.Changed, "/v1/queue/priority", body, repeatable=True).changed

    def rubric(self) -> models.Rubric:
        return self.connection.get(models.Rubric, "/v1/rubric")
