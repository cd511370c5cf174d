"""Several servers behind one engine: who is asked next, and who is left alone for a while after failures."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from coachlm.machine.waiting import Backoff


@dataclass(slots=True)
class Server:
    """One server and how it has been doing."""

    url: str  # with its version, without a slash at the end
    in_flight: int = 0
    failures: int = 0  # one after another
    rests: int = 0  # one after another
    open_until: float = 0.0  # its circuit is open: nothing is sent before this time
    probing: bool = False  # one request finds out whether it is back


class ServerPool:
    """Gives the server with the least in flight; one that failed several times in a row rests, longer each time, and
    is then tried with a single request. Used from one event loop alone."""

    def __init__(
        self,
        urls: Sequence[str],
        *,
        in_flight: int,
        failures_to_open: int = 3,
        first_rest_seconds: float = 1.0,
        longest_rest_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._servers = [Server(url.rstrip("/")) for url in dict.fromkeys(urls)]
        self._in_flight = in_flight
        self._failures_to_open = failures_to_open
        self._rests = Backoff(first_rest_seconds, longest_rest_seconds)
        self._clock = clock
        self.successes = 0  # of all servers, since the beginning

    @property
    def urls(self) -> list[str]:
        return [server.url for server in self._servers]

    @property
    def capacity(self) -> int:
        """Requests at once, all servers together."""
        return self._in_flight * len(self._servers)

    def take(self) -> Server | None:
        """A server to ask now; None: all are busy or resting. `give_back` follows each that was taken."""
        now = self._clock()
        free = [server for server in self._servers if self._is_free(server, now)]
        if not free:
            return None
        server = min(free, key=lambda each: each.in_flight)
        server.in_flight += 1
        server.probing = server.open_until > 0
        return server

    def give_back(self, server: Server, *, worked: bool | None) -> None:
        """`worked`: None says nothing about the server (the request was cancelled, or was at fault itself)."""
        server.in_flight -= 1
        server.probing = False
        if worked:
            server.failures, server.rests, server.open_until = 0, 0, 0.0
            self.successes += 1
        elif worked is False and self._clock() >= server.open_until:  # else it was sent before the rest began
            server.failures += 1
            if server.failures >= self._failures_to_open:
                server.rests += 1
                server.open_until = self._clock() + self._rests.seconds(server.rests)

    def _is_free(self, server: Server, now: float) -> bool:
        if server.open_until > 0:  # resting, or back after a rest: then one request at a time
            return now >= server.open_until and not server.probing and server.in_flight == 0
        return server.in_flight < self._in_flight
