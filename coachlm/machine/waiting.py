"""How long to wait before another try: twice as long after each failure, up to a longest wait."""

import math
import random
from dataclasses import dataclass

_MOST_DOUBLINGS = 60


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits after failures in a row. Keeps no state: whoever waits counts their failures."""

    first_seconds: float
    longest_seconds: float = math.inf

    def seconds(self, failures: int) -> float:
        """`failures` counts from 1."""
        return min(self.first_seconds * 2 ** min(failures - 1, _MOST_DOUBLINGS), self.longest_seconds)

    def spread_seconds(self, failures: int, asked_for: float = 0.0) -> float:
        """Half to whole of `seconds`, so that clients that failed together don't come back together; never less than
        the other side asked for, within the longest wait."""
        spread = self.seconds(failures) * random.uniform(0.5, 1)  # noqa: S311  # no secret
        return min(max(spread, asked_for), self.longest_seconds)
