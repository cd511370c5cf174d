"""What handles messages, and who hears of it; neither knows how messages arrive."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from coachlm.protocols.streams import DeadLetter, StreamMessage
from coachlm.revision import Revision


class Handler(ABC):
    """Blocking; called by one thread at a time. The same message may come any number of times."""

    @abstractmethod
    def handle(self, messages: Sequence[StreamMessage]) -> None:
        """Returns once all that the messages came to is committed in the database; raises whatever failed."""

    @abstractmethod
    def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Commits dead letters whose messages were never handled."""

    @abstractmethod
    def is_healthy(self) -> bool:
        """Whether what the handler works with (database, engine) works, so that a failure is the messages' own.
        Raising means that it doesn't."""


class Observer:
    """Hears what was done; the one that hears nothing. Called from the handlers' thread."""

    def handled(self, messages: int, dead: Sequence[DeadLetter]) -> None:
        """Committed: so many messages, of which these came to dead letters."""

    def pairs(self, counts: Mapping[str, int]) -> None:
        """New in the database, by what became of them."""

    def revised(self, revisions: Sequence[Revision], seconds: float) -> None:
        """Revisions that are committed, and how long the engine took."""

    def batch(self, seconds: float) -> None:
        """A whole batch has been handled."""

    def waiting(self, why: str) -> None:
        """An outage is being waited out."""

    def back(self) -> None:
        """It is over."""
