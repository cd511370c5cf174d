"""What a revise worker has done, and who hears of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from coachlm.protocols.revising import ClaimedPair
from coachlm.revision import Revision


@dataclass(slots=True)
class WorkerCounts:
    """What a worker has done."""

    claimed: int = 0
    saved: int = 0
    repeated: int = 0  # revised by somebody else meanwhile
    commits: int = 0
    handed_back: int = 0
    outages: int = 0  # times that the database or the engine was waited for
    waited_seconds: float = 0.0  # of the claimed pairs together, since each came in
    engine_seconds: float = 0.0
    output_tokens: int = 0
    fallbacks: dict[str, int] = field(default_factory=dict)


class WorkerObserver:
    """Hears what a worker does; the one that hears nothing. Called from the worker's thread."""

    def claimed(self, pairs: Sequence[ClaimedPair]) -> None:
        """The worker has these to itself."""

    def saved(self, revisions: Sequence[Revision], counts: WorkerCounts) -> None:
        """Revisions that are committed; `counts` are all so far."""

    def waiting(self) -> None:
        """Database or engine is away."""
