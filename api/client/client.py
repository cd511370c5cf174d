"""The service from Python: one method a route, typed answers, errors as exceptions (`api.client.errors`).

with Client("http://127.0.0.1:8080", token) as service:
    item = service.claim()
    if item is not None:
        service.submit(item, edited, key=new_key())
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Self
from uuid import uuid4

import httpx

from api import models
from api.client.connection import Call, Connection, path_part
from api.client.errors import (
    ForbiddenError,
    LateError,
    MissingError,
    NotOfferedError,
    RefusedInputError,
    ServiceError,
    StaleError,
    TooOftenError,
    UnauthorisedError,
    UnavailableError,
)
from api.client.ratings import RatingCalls
from coachlm.desk.categories import RevisionCategory
from coachlm.desk.post_edit import Decision
from coachlm.desk.rubric import Scores
from coachlm.pairs import ExcludeReason, InstructionPair, TaskClass

__all__ = [
    "Client",
    "ForbiddenError",
    "LateError",
    "MissingError",
    "NotOfferedError",
    "RefusedInputError",
    "ServiceError",
    "StaleError",
    "TooOftenError",
    "UnauthorisedError",
    "UnavailableError",
    "new_key",
]


def new_key() -> str:
    """An idempotency key. Draw it when the text is submitted first and keep it for every further try of that text."""
    return uuid4().hex


class Client(RatingCalls):
    """Safe to share between threads. Calls that do nothing twice are tried again when the service can't be reached
    or is busy.

    Raises (every method): ServiceError, as one of its kinds.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        timeout_seconds: float = 30.0,
        tries: int = 4,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        connection = Connection(base_url, token, timeout_seconds=timeout_seconds, tries=tries, transport=transport)
        super().__init__(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def me(self) -> models.Me:
        return self._get(models.Me, "/v1/me")

    # The desk

    def claim(self, task_class: TaskClass | None = None) -> models.Item | None:
        """The next item; None: nothing waits. After an UnavailableError `held` tells whether one was handed out."""
        call = Call("POST", "/v1/queue/claim", False, body=models.ClaimRequest(task_class=task_class))
        answer = self._connection.send(call)
        return None if answer.status_code == httpx.codes.NO_CONTENT else models.Item.model_validate(answer.json())

    def held(self) -> list[models.Item]:
        """What is in the caller's hands, first claimed first."""
        return list(self._get(models.Items, "/v1/queue/held").items)

    def heartbeat(self, token: str, *, active: bool = True) -> datetime:
        """Keeps the item; `active`: the person has done something since the last one. Gives the lease's new end."""
        body = models.HeartbeatRequest(token=token, active=active)
        return self._post(models.LeaseEnd, "/v1/queue/heartbeat", body, repeatable=True).expires_at

    def save_draft(self, item: models.Item, text: InstructionPair, comment: str = "") -> None:
        """Raises: LateError; the text was kept all the same."""
        body = models.DraftRequest(
            pair_id=item.pair_id, token=item.token, text=models.PairText.of(text), comment=comment
        )
        self._connection.send(Call("PUT", "/v1/queue/draft", True, body=body))

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
        return self._post(models.Receipt, "/v1/queue/submit", body, repeatable=True)

    def undo(self, receipt: models.Receipt) -> models.Item:
        """Takes a submit back, within a minute; the item is in the caller's hands again, with its text as a draft."""
        body = models.UndoRequest(pair_id=receipt.pair_id, post_edit=receipt.post_edit)
        return self._post(models.Item, "/v1/queue/undo", body)

    def skip(self, item: models.Item) -> None:
        """Back into the queue, for others first."""
        self._connection.send(Call("POST", "/v1/queue/skip", False, body=models.LeaseRequest(token=item.token)))

    def release(self, item: models.Item) -> None:
        """Back into the queue, for anybody."""
        self._connection.send(Call("POST", "/v1/queue/release", False, body=models.LeaseRequest(token=item.token)))

    def exclude(self, pair_id: str, version: int, reason: ExcludeReason, detail: str = "") -> models.NewVersion:
        """Sets a pair aside that nobody else has in hands."""
        body = models.ExcludeRequest(pair_id=pair_id, version=version, reason=reason, detail=detail)
        return self._post(models.NewVersion, "/v1/queue/exclude", body)

    def send_to_owner(self, item: models.Item, comment: str = "") -> None:
        """For what the person can't decide."""
        body = models.SendToOwnerRequest(token=item.token, comment=comment)
        self._connection.send(Call("POST", "/v1/queue/send-to-owner", False, body=body))

    def progress(self) -> models.DayProgress:
        """What the caller did today, and what waits for them."""
        return self._get(models.DayProgress, "/v1/queue/progress")

    def rubric(self) -> models.Rubric:
        return self._get(models.Rubric, "/v1/rubric")

    # Pairs

    def pair(self, pair_id: str) -> models.PairState:
        return self._get(models.PairState, f"/v1/pairs/{path_part(pair_id)}")

    def history(self, pair_id: str) -> list[models.HistoryEntry]:
        return list(self._get(models.History, f"/v1/pairs/{path_part(pair_id)}/history").entries)

    def drafts(self, pair_id: str) -> list[models.HistoryEntry]:
        """The caller's own texts of a pair, saved and refused ones, oldest first."""
        return list(self._get(models.History, f"/v1/pairs/{path_part(pair_id)}/drafts").entries)

    # The owner

    def reviews(self, limit: int = 50, task_class: TaskClass | None = None) -> list[models.ReviewItem]:
        """What waits for the owner, oldest first."""
        return list(self._get(models.ReviewItems, "/v1/reviews", limit=limit, task_class=task_class).items)

    def save_review_draft(
        self, item: models.ReviewItem, text: InstructionPair, comment: str = "", *, writer: str = "client"
    ) -> None:
        """Raises: LateError, StaleError; the text was kept all the same."""
        body = models.ReviewDraftRequest(
            pair_id=item.pair_id, version=item.version, writer=writer, text=models.PairText.of(text), comment=comment
        )
        self._connection.send(Call("PUT", "/v1/reviews/draft", True, body=body))

    def review(
        self,
        item: models.ReviewItem,
        decision: Decision,
        final: InstructionPair | None = None,
        comment: str = "",
        *,
        key: str | None = None,
    ) -> models.NewVersion:
        """`final` goes with the decision `fix`, and only with it. With a key (`new_key`) it is tried again, and stores
        nothing twice. Raises: LateError, StaleError; text and comment were kept."""
        body = models.ReviewRequest(
            pair_id=item.pair_id,
            version=item.version,
            decision=decision,
            final=None if final is None else models.PairText.of(final),
            comment=comment,
            idempotency_key=key,
        )
        return self._post(models.NewVersion, "/v1/reviews", body, repeatable=key is not None)

    def correct_class(self, pair_id: str, task_class: TaskClass, version: int) -> models.NewVersion:
        body = models.ClassRequest(task_class=task_class, version=version)
        return self._post(models.NewVersion, f"/v1/pairs/{path_part(pair_id)}/class", body)

    def hand_over(self, pair_id: str, to: str | None) -> None:
        """A returned pair to another annotator; None: to everybody."""
        body = models.HandOverRequest(to=to)
        self._connection.send(Call("POST", f"/v1/pairs/{path_part(pair_id)}/hand-over", True, body=body))

    def restore(self, pair_id: str, version: int) -> models.NewVersion:
        """An excluded pair, or a near copy, goes through the coach after all."""
        body = models.RestoreRequest(version=version)
        return self._post(models.NewVersion, f"/v1/pairs/{path_part(pair_id)}/restore", body)

    def prioritise(self, pair_ids: Sequence[str], priority: int) -> int:
        """Smaller comes first; items start at 100. Gives how many items changed."""
        body = models.PriorityRequest(pair_ids=tuple(pair_ids), priority=priority)
        return self._post(models.Changed, "/v1/queue/priority", body, repeatable=True).changed

    def exclusions(
        self,
        *,
        limit: int = 50,
        after: int | None = None,
        reason: ExcludeReason | None = None,
        task_class: TaskClass | None = None,
    ) -> models.Exclusions:
        """A page of excluded pairs; its `next` is the `after` of the page that follows."""
        return self._get(
            models.Exclusions, "/v1/exclusions", limit=limit, after=after, reason=reason, task_class=task_class
        )
