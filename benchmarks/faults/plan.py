"""What strikes in a fault run, and how long nothing moves after it."""

import random
import time
from collections import defaultdict
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of what."""

    messages: int
    kills: int
    terminations: int
    broker_restarts: int
    database_restarts: int
    stall_seconds: float
    session_seconds: float
    batch_messages: int
    kills_at_once: int = 1
    loses_node: bool = False  # of three, and gets it back when most is done

    def faults(self) -> list[str]:
        """In the order in which they strike."""
        found = ["kill"] * (self.kills // self.kills_at_once) + ["terminate"] * self.terminations
        found += ["broker"] * self.broker_restarts + ["database"] * self.database_restarts
        random.shuffle(found)
        if self.stall_seconds:
            found.insert(len(found) // 2, "broker stall")
            found.append("worker stall")
        return ["node lost", *found, "node back"] if self.loses_node else found


FULL = Plan(100_000, 50, 10, 5, 5, 60, 6, 200)
QUICK = Plan(5_000, 10, 2, 1, 1, 5, 3, 50)
FULL_NODE_LOSS = Plan(20_000, 0, 0, 0, 0, 0, 6, 200, loses_node=True)
QUICK_NODE_LOSS = Plan(3_000, 0, 0, 0, 0, 0, 3, 50, loses_node=True)


@dataclass(slots=True)
class Pauses:
    """How long nothing was committed, by the fault before it."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    last_fault: str = "start"
    _done: int = 0
    _since: float = field(default_factory=time.monotonic)

    def saw(self, done: int) -> None:
        now = time.monotonic()
        if done != self._done:
            self.seconds[self.last_fault].append(now - self._since)
            self._done, self._since = done, now

    @property
    def standing_seconds(self) -> float:
        return time.monotonic() - self._since

    def longest(self) -> dict[str, float]:
        return {kind: round(max(found), 1) for kind, found in self.seconds.items()}
