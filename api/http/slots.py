"""Places for what takes long, shared out so that one person can't have them all."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from api.http.problems import RefusedError

_BUSY_SECONDS = 5.0


class Slots:
    """For use on the event loop: nothing here waits. `what` names the work to whom gets no place."""

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self.total = total
        self._each = max(1, (total + 1) // 2)
        self._taken: Counter[int] = Counter()  # by person

    @contextmanager
    def hold(self, person: int) -> Iterator[None]:
        """Raises: RefusedError, when all places are taken, or all that one person may have."""
        if self._taken.total() >= self.total:
            raise self._busy(f"as many {self._what} as this service does at once are under way")
        if self._taken[person] >= self._each:
            raise self._busy(f"you have {self._each} {self._what} under way, as many as one person may")
        self._taken[person] += 1
        try:
            yield
        finally:
            self._taken[person] -= 1
            if not self._taken[person]:
                del self._taken[person]

    @staticmethod
    def _busy(said: str) -> RefusedError:
        return RefusedError(429, "busy", said, retry_after_seconds=_BUSY_SECONDS)
