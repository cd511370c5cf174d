"""What intake hands to a store: pairs, rejects and how far a source was read, as one transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from coachlm.pairs import Exclusion, InstructionPair, Position, Reject, SourcedPair, TaskClass
from coachlm.revision import Revision


@dataclass(frozen=True, slots=True)
class IntakePair:
    """A pair after the pure stages of intake: personal data replaced, filtered, classified, hashed for near copies."""

    sourced: SourcedPair
    exclusion: Exclusion | None = None  # None: accepted (unless the store finds a duplicate)
    task_class: TaskClass | None = None  # None for excluded pairs
    class_confidence: float = 0.0  # 0 to 1
    bands: tuple[int, ...] = ()  # signed 64-bit MinHash band keys; empty for excluded pairs
    redactions: dict[str, int] = field(default_factory=dict)  # kind of personal data → how many were replaced


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a source has been read: records before `records` are committed; `digest` tells the file's version."""

    source: str
    records: int
    finished: bool = False
    has_fragments: bool = False  # some records are halves that a later source may complete
    digest: str = ""  # size and modification time, or the like; a changed file is read again


@dataclass(frozen=True, slots=True)
class IntakeBatch:
    """All that one transaction of intake commits, in source order."""

    pairs: Sequence[IntakePair] = ()
    rejects: Sequence[Reject] = ()
    progress: Sequence[Progress] = ()
    joined: Sequence[Position] = ()  # records that joined into a pair: an earlier `unmatched` reject is withdrawn
    reread: Sequence[Position] = ()  # records (any part) read again because they may have been cut short: their
    # earlier rejects are withdrawn before this batch's are stored


@dataclass(frozen=True, slots=True)
class IntakeCounts:
    """What a batch added; repeats of what was already there count nowhere (idempotence)."""

    accepted: int = 0
    excluded: int = 0
    exact_duplicates: int = 0
    near_duplicates: int = 0
    rejected: int = 0
    by_reason: dict[str, int] = field(default_factory=dict)  # reject and exclude reasons


class Store(Protocol):
    """Where intake and revising write; every call is one transaction and idempotent."""

    def commit_intake(self, batch: IntakeBatch) -> IntakeCounts: ...

    def progress(self, source: str) -> Progress | None: ...

    def awaiting_revision(self, limit: int) -> list[tuple[str, InstructionPair]]:
        """(pair id, raw pair) of accepted pairs, oldest first."""
        ...

    def save_revisions(self, revisions: Sequence[Revision]) -> int:
        """How many were new; a pair that is no longer accepted keeps what it has."""
        ...


Call = dict[str, Any]
"""A model call as its sender describes it: JSON."""


class CallStore(Protocol):
    """Keeps what has come of model calls that arrive in parts. Safe to share between threads and processes."""

    def merge(
        self, parts: Mapping[str, Call], join: Callable[[Call, Call], Call], keep: Callable[[Call], Call | None]
    ) -> dict[str, Call]:
        """Adds parts by the keys of their calls; `keep` says in which form a call waits on, None: it is whole.

        Gives the whole ones, which stay as they were until they are taken; parts of calls that were taken before are
        dropped.
        """
        ...

    def take(self, keys: Sequence[str]) -> None:
        """The calls have been taken in."""
        ...

    def overdue(self, wait: timedelta, limit: int) -> dict[str, Call]:
        """Of the calls that nothing has come of for so long, the oldest; forgets those that were taken."""
        ...
