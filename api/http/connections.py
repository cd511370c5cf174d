"""Connections of `coachlm serve`: those that begin a request and don't get on with it are closed."""

import asyncio
from asyncio import TimerHandle, Transport

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 20.0


class ImpatientH11(H11Protocol):
    """uvicorn's own closes only connections that are idle between requests; half a request's head would stay open."""

    _watch: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait(None, idle=False)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def _wait(self, answered: object, *, idle: bool) -> None:
        self._watch = asyncio.get_running_loop().call_later(HEAD_SECONDS, self._look, answered, idle)

    def _look(self, answered: object, was_idle: bool) -> None:
        """Closed when nothing was asked between two looks, or since the connection was made."""
        is_idle = self.cycle is None or self.cycle.response_complete
        if is_idle and self.cycle is answered and (was_idle or answered is None):
            self.transport.abort()
        else:
            self._wait(self.cycle, idle=is_idle)
