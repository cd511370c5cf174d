"""Data sets out of the service."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from api.client.connection import Call, Connection


@dataclass(frozen=True, slots=True)
class ExportCalls:
    """The data set. `Client.exports`."""

    connection: Connection

    def read(self, format: str = "jsonl", **options: Any) -> Iterator[bytes]:
        """The data set as it is written, piece by piece; docs/reference/http.md lists formats and options."""
        call = Call("GET", "/v1/export", False, params={"format": format, **options})
        with self.connection.stream(call) as answer:
            yield from answer.iter_bytes()
