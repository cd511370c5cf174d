"""Where log lines come in over HTTP, and how far the stream workers are behind."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LineVerdict:
    """What became of one posted line."""

    line: int  # from 0, blank lines counted
    ok: bool  # a generation was read from it; what isn't ok is stored as a reject where it can be
    reason: str = ""  # why not: a `RejectReason`, then what was wrong; never the line's text
    rejects: Mapping[str, int] = field(default_factory=dict, compare=False)  # of its entries, by reason, if known


class LogDoor(Protocol):
    """Where log lines come in over HTTP. Safe to share between threads."""

    def accept(
        self, lines: Iterable[bytes], format: str | None = None, request_id: str | None = None
    ) -> Iterator[LineVerdict]:
        """A verdict for every line that is not blank, once what it came to is durable; in no certain order, because
        halves of one call wait for each other until the request ends. Memory does not grow with the request.

        The same lines under the same `request_id` (which the caller makes unique among its clients) may be posted
        any number of times.

        Raises: InputError at once, for a format that does not exist; StoreError or StreamError on the way, when the
        lines without a verdict are to be posted again.
        """
        ...


@dataclass(frozen=True, slots=True)
class GroupLag:
    """How many messages a consumer group has not committed yet, over all its partitions."""

    group: str
    stage: str  # what the group does: `intake` or `revise`
    messages: int


@dataclass(frozen=True, slots=True)
class StreamLag:
    """How far the stream workers are behind the broker, as it was told last."""

    groups: tuple[GroupLag, ...] = ()
    at: datetime | None = None  # when the broker was asked; None: it hasn't answered yet
    problem: str = ""  # why it gave no answer


class LagProbe(Protocol):
    """Knows how far the stream workers are behind. Safe to share between threads."""

    def latest(self) -> StreamLag:
        """Never waits and never raises: what a recent question to the broker gave."""
        ...
