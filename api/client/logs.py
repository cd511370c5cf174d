"""Logs into the service."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from api import models
from api.client.connection import Call, Connection
from api.client.errors import UnavailableError


@dataclass(frozen=True, slots=True)
class LogCalls:
    """Log lines. `Client.logs`."""

    connection: Connection

    def post(
        self, lines: Iterable[bytes], *, format: str | None = None, request_id: str | None = None
    ) -> Iterator[models.LineVerdict]:
        """Posts log lines (each ends with a line feed) and gives a verdict for each that isn't blank.

        Raises: UnavailableError, when the answer broke off: post the same lines under the same `request_id` again.
        """
        headers = {"Content-Type": "application/x-ndjson"} | ({"X-Request-Id": request_id} if request_id else {})
        call = Call("POST", "/v1/logs", False, params={"format": format})
        with self.connection.stream(call, content=lines, headers=headers) as answer:
            for line in answer.iter_lines():
                try:
                    yield models.LineVerdict.model_validate_json(line)
                except ValidationError:
                    models.IntakeSummary.model_validate_json(line)
                    return
        raise UnavailableError("the answer to the posted lines broke off; post them again under the same request id")
