"""The service from Python: one method a route, typed answers, errors as exceptions (`api.client.errors`).

with Client("http://127.0.0.1:8080", token) as service:
    item = service.desk.claim()
    if item is not None:
        service.desk.submit(item, edited, key=new_key())
"""

from typing import Self
from uuid import uuid4

import httpx

from api.client.adapters import AdapterCalls
from api.client.connection import Connection
from api.client.desk import DeskCalls
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
from api.client.exports import ExportCalls
from api.client.figures import FigureCalls
from api.client.logs import LogCalls
from api.client.pairs import PairCalls
from api.client.people import PeopleCalls
from api.client.ratings import RatingCalls
from api.client.rejects import RejectCalls
from api.client.reviews import ReviewCalls
from api.client.studies import StudyCalls
from api.models.people import Me

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


class Client:
    """Safe to share between threads. Calls that do nothing twice are tried again when the service can't be reached
    or is busy. Calls stand in groups, each of which says what it is for:

    - `desk`, `reviews`, `ratings`: the work of annotators, owners and raters;
    - `pairs`: single pairs, by id;
    - `people`, `figures`, `adapters`, `studies`: for those who run an installation;
    - `logs`, `exports`, `rejects`: data in and out, and what of it became no pair.

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
        on_behalf_of: str = "",
    ) -> None:
        """`on_behalf_of`: the address of whom a server asks for, where the service trusts that server to say so."""
        connection = Connection(
            base_url,
            token,
            timeout_seconds=timeout_seconds,
            tries=tries,
            transport=transport,
            on_behalf_of=on_behalf_of,
        )
        self._connection = connection
        self.desk = DeskCalls(connection)
        self.reviews = ReviewCalls(connection)
        self.ratings = RatingCalls(connection)
        self.pairs = PairCalls(connection)
        self.people = PeopleCalls(connection)
        self.figures = FigureCalls(connection)
        self.adapters = AdapterCalls(connection)
        self.studies = StudyCalls(connection)
        self.logs = LogCalls(connection)
        self.exports = ExportCalls(connection)
        self.rejects = RejectCalls(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def me(self) -> Me:
        """Who the token belongs to, and what they may do."""
        return self._connection.get(Me, "/v1/me")
