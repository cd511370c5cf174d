"""What revises pairs, where the pairs that wait for it come from, and what generates text."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from coachlm.instructing import Spending
from coachlm.pairs import InstructionPair
from coachlm.revision import Revision


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
    BudgetError, when it may take no more tokens; it brings what was revised.
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
class Attempt:
    """One way to ask a model for a pair's revision."""

    prefill: bool = False  # instruction and input are given, the model writes the response alone
    draw: int | None = None  # which of the draws, the same number gives the same text; None: the likeliest tokens


@runtime_checkable
class AttemptingReviser(Reviser, Protocol):
    """An engine that revises a pair in several ways, of which somebody else chooses."""

    @property
    def draws(self) -> bool:
        """Whether it can draw tokens; if not, every attempt takes the likeliest."""
        ...

    def attempt(self, pairs: Sequence[InstructionPair], attempts: Sequence[Attempt]) -> list[list[Revision]]:
        """Of each pair a revision an attempt, both in order. Raises: EngineError, as `revise`."""
        ...


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


@runtime_checkable
class PaidReviser(Reviser, Protocol):
    """An engine whose requests cost something."""

    def estimate(self, pairs: Sequence[InstructionPair]) -> Spending:
        """Before they are revised; tokens by length."""
        ...

    @property
    def spending(self) -> Spending:
        """Since it was made, as the servers count."""
        ...


class TextGenerator(Protocol):
    """A causal language model that goes on after a prompt, greedily."""

    @property
    def name(self) -> str: ...

    def generate(self, prompts: Sequence[str]) -> list[str | None]:
        """In order; None for a prompt that leaves no room in the model's context. The same text in any batch, as far
        as the model's arithmetic allows."""
        ...
