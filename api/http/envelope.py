"""Around every request: its id, the limit of its body, headers of the answer, one line in the log, and an answer even
where the service has a bug."""

import asyncio
import logging
import re
import time
from dataclasses import dataclass
from traceback import format_tb
from typing import Any
from uuid import uuid4

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.metrics import Metrics
from api.http.problems import RefusedError, TooLongError, TooSlowError, problem_response

log = logging.getLogger(__name__)

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_HEADERS = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a client may take."""

    body_seconds: float  # for a whole body, but of streamed paths
    write_seconds: float  # to take a piece of an answer


class Envelope:
    """An ASGI middleware, the outermost."""

    def __init__(
        self,
        app: ASGIApp,
        max_body_bytes: int,
        streamed_paths: frozenset[str],
        metrics: Metrics,
        patience: Patience,
    ) -> None:
        self._app = app
        self._patience = patience
        self._max_body_bytes = max_body_bytes
        self._streamed_paths = streamed_paths  # their routes limit what they read themselves
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, send, self._patience.write_seconds)
        try:
            await self._app(scope, self._limited(scope, receive), exchange.send)
        except _SlowClientError:
            log.warning("request %s: the client took nothing of its answer for too long", exchange.request_id)
            raise
        except ClientDisconnect:
            log.info("request %s: the client hung up", exchange.request_id)
        except Exception as error:
            _log_bug(exchange.request_id, error)
            if exchange.status:
                raise  # the answer is half out: only breaking the connection tells
            said = f"the service failed; its log says more under request {exchange.request_id}"
            await exchange.refuse(500, "bug", said)
        finally:
            self._note(scope, exchange)

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        if scope["path"] in self._streamed_paths:
            return receive
        limit, seen, complete = self._max_body_bytes, 0, False
        until = time.monotonic() + self._patience.body_seconds

        async def limited() -> Message:
            nonlocal seen, complete
            try:
                async with asyncio.timeout(None if complete else until - time.monotonic()):
                    message = await receive()
            except TimeoutError:
                raise TooSlowError(self._patience.body_seconds) from None
            complete = not message.get("more_body", False)
            seen += len(message.get("body", b""))
            if seen > limit:
                raise TooLongError(limit)
            return message

        return limited

    def _note(self, scope: Scope, exchange: "_Exchange") -> None:
        seconds = time.perf_counter() - exchange.started
        route: Any = scope.get("route")
        path = getattr(route, "path", "unknown")
        self._metrics.note_request(scope["method"], path, exchange.status, seconds)
        who = scope["state"].get("person", "-")
        log.info(
            "%s %s %s %.1f ms person=%r request=%s",
            scope["method"],
            path,
            exchange.status,
            seconds * 1000,
            who,
            exchange.request_id,
        )


class _SlowClientError(Exception):
    """Breaks the connection."""


class _Exchange:
    """A request on its way to its answer."""

    def __init__(self, scope: Scope, send: Send, write_seconds: float) -> None:
        self._write_seconds = write_seconds
        self.started = time.perf_counter()
        self.status = 0  # 0: no answer has begun
        self.request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = self.request_id
        self._scope = scope
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            ours = {name for name, _ in message["headers"]}
            added = [(name, value) for name, value in _HEADERS if name not in ours]
            message["headers"] = [*message["headers"], *added, (b"x-request-id", self.request_id.encode())]
        try:
            async with asyncio.timeout(self._write_seconds):
                await self._send(message)
        except TimeoutError:
            raise _SlowClientError from None

    async def refuse(self, status: int, code: str, detail: str) -> None:
        response = problem_response(RefusedError(status, code, detail), self.request_id)
        await response(self._scope, _nothing, self.send)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _request_id(scope: Scope) -> str:
    """The client's own, where it can stand in a log; else a new one."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given.decode() if _REQUEST_ID.fullmatch(given) else uuid4().hex


def _log_bug(request_id: str, error: Exception) -> None:
    """Where, not what: the message of an exception may hold a user's text or a secret."""
    trace = "".join(format_tb(error.__traceback__))
    log.error("request %s failed with %s\n%s", request_id, type(error).__name__, trace)
