"""Records that became no pair."""

from collections.abc import Iterator
from dataclasses import dataclass

from api import models
from api.client.connection import Call, Connection
from coachlm.pairs import RejectReason


@dataclass(frozen=True, slots=True)
class RejectCalls:
    """For owners, operators and admins. `Client.rejects`."""

    connection: Connection

    def page(
        self,
        *,
        reason: RejectReason | None = None,
        source: str | None = None,
        format: str | None = None,
        limit: int = 50,
        after: str | None = None,
    ) -> models.Rejects:
        """A page; its `next` is the `after` of the page that follows."""
        return self.connection.get(
            models.Rejects, "/v1/rejects", reason=reason, source=source, format=format, limit=limit, after=after
        )

    def of_record(self, place: str) -> list[models.Reject]:
        """All of one record, at FILE:RECORD as a page gives it. Raises: MissingError."""
        return list(self.connection.get(models.RecordRejects, "/v1/rejects/record", place=place).rejects)

    def export(
        self, *, reason: RejectReason | None = None, source: str | None = None, format: str | None = None
    ) -> Iterator[bytes]:
        """All of them as JSON lines, piece by piece."""
        params = {"reason": reason, "source": source, "format": format}
        with self.connection.stream(Call("GET", "/v1/rejects/export", False, params=params)) as answer:
            yield from answer.iter_bytes()
