"""One-time tickets for tokens that this server has and no script in the browser may see."""

import secrets
import time
from collections.abc import Callable
from threading import Lock

_SECONDS = 60.0
_AT_MOST = 1000


class Tickets:
    """Safe to share between threads; a ticket is worth its token once, for a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._kept: dict[str, tuple[str, float]] = {}  # ticket → (token, until), oldest first

    def draw(self, token: str) -> str:
        with self._lock:
            while len(self._kept) >= _AT_MOST:
                del self._kept[next(iter(self._kept))]
            ticket = f"ticket_{secrets.token_urlsafe(24)}"
            self._kept[ticket] = (token, self._clock() + _SECONDS)
            return ticket

    def redeem(self, ticket: str) -> str | None:
        """None for what is no ticket, or no longer."""
        with self._lock:
            token, until = self._kept.pop(ticket, ("", 0.0))
            return token if until > self._clock() else None


TICKETS = Tickets()
"""Of this process: the pages' scripts draw them, the gateway redeems them."""
