"""What the rooms promise one another: a reviser, a store, an index of near copies, and the values between them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, runtime_checkable

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


@dataclass(frozen=True, slots=True)
class ClaimedPair:
    """A pair that a worker has to itself for a while."""

    id: str
    raw: InstructionPair
    waited_seconds: float  # since it came in


class RevisionQueue(Protocol):
    """Pairs that wait for the coach, shared by several workers; what a dead one had in hands comes back."""

    def claim(self, worker: str, limit: int) -> list[ClaimedPair]:
        """Oldest first; nobody else gets them until the claim runs out."""
        ...

    def extend(self, worker: str) -> int: ...

    def save(self, worker: str, revisions: Sequence[Revision]) -> int: ...

    def release(self, worker: str) -> int: ...


class Reviser(Protocol):
    """An engine that revises. Order is kept; one bad pair is a fallback revision, never an exception.

    Raises (from `revise`): EngineError, when the engine failed for the whole batch; nothing was revised then.
    """

    @property
    def name(self) -> str: ...

    @property
    def adapter(self) -> str | None:
        """Content digest of the adapter in force."""
        ...

    def revise(self, pairs: Sequence[InstructionPair]) -> list[Revision]: ...

    def close(self) -> None: ...


@runtime_checkable
class StreamingReviser(Reviser, Protocol):
    """An engine that takes pairs as it has room for them and gives each revision when it is ready, in any order."""

    def revise_stream(self, pairs: Iterable[InstructionPair]) -> Iterator[Revision]: ...


@dataclass(frozen=True, slots=True)
class EngineLoad:
    """What an engine that runs many pairs at once has done since it was made."""

    steps: int  # forwards of the model
    rows: int  # pairs under way, summed over the steps
    places: int  # pairs that could have been under way, summed over the steps
    drafted_tokens: int
    accepted_tokens: int  # of the drafted ones


@runtime_checkable
class LoadedReviser(Reviser, Protocol):
    """An engine that knows how full it was."""

    def load(self) -> EngineLoad: ...


class TextGenerator(Protocol):
    """A causal language model that goes on after a prompt, greedily."""

    @property
    def name(self) -> str: ...

    def generate(self, prompts: Sequence[str]) -> list[str | None]:
        """In order; None for a prompt that leaves no room in the model's context. The same text in any batch, as far
        as the model's arithmetic allows."""
        ...


@dataclass(frozen=True, slots=True)
class LineVerdict:
    """What became of one posted line."""

    line: int  # from 0, blank lines counted
    ok: bool  # a generation was read from it; what isn't ok is stored as a reject where it can be
    reason: str = ""  # why not: a `RejectReason`, then what was wrong; never the line's text


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
