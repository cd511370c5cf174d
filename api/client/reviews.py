"""An owner's work: what waits, and the decision about it."""

from collections.abc import Sequence
from dataclasses import dataclass

from api import models
from api.client.connection import Call, Connection
from coachlm.desk.post_edit import Decision
from coachlm.pairs import InstructionPair, TaskClass


@dataclass(frozen=True, slots=True)
class ReviewCalls:
    """What was submitted and waits for its owner. `Client.reviews`."""

    connection: Connection

    def waiting(self, limit: int = 50, task_class: TaskClass | None = None) -> list[models.ReviewItem]:
        """What waits for the owner, questions first, then by age. Nothing is reserved: `claim` does that."""
        return list(self.connection.get(models.ReviewItems, "/v1/reviews", limit=limit, task_class=task_class).items)

    def claim(
        self, want: int = 1, *, known: Sequence[str] = (), task_class: TaskClass | None = None
    ) -> list[models.ReviewItem]:
        """What the caller decides next, reserved for them; `known`: pairs that they have in hands already."""
        body = models.ReviewClaim(want=want, known=tuple(known), task_class=task_class)
        return list(self.connection.post(models.ReviewItems, "/v1/reviews/claim", body).items)

    def hold(self, pair_ids: Sequence[str]) -> list[str]:
        """Keeps these reserved; gives those that no other owner has got meanwhile."""
        body = models.ReviewHold(pair_ids=tuple(pair_ids))
        return list(self.connection.post(models.HeldReviews, "/v1/reviews/hold", body, repeatable=True).pair_ids)

    def release(self, pair_ids: Sequence[str]) -> None:
        """Others may have them."""
        body = models.ReviewHold(pair_ids=tuple(pair_ids))
        self.connection.send(Call("POST", "/v1/reviews/release", True, body=body))

    def save_draft(
        self, item: models.ReviewItem, text: InstructionPair, comment: str = "", *, writer: str = "client"
    ) -> None:
        """Raises: LateError, StaleError; the text was kept all the same."""
        body = models.ReviewDraftRequest(
            pair_id=item.pair_id, version=item.version, writer=writer, text=models.PairText.of(text), comment=comment
        )
        self.connection.send(Call("PUT", "/v1/reviews/draft", True, body=body))

    def decide(
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
        return self.connection.post(models.NewVersion, "/v1/reviews", body, repeatable=key is not None)
