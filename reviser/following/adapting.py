"""An engine that changes adapters while pairs flow: what the registry has in force, a canary side by side."""

# See docs/decisions/0124-adapters-change-inside-the-engine.md

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from coachlm.coaching.adapters import AdapterRecord, InForce
from coachlm.errors import ModelError
from coachlm.pairs import InstructionPair
from coachlm.protocols.revising import Attempt, EngineLoad
from coachlm.revision import Revision
from reviser.following.in_force import RegistryWatch
from reviser.models.adapter import Adapter, read_adapter
from reviser.pairs.pair_stream import Choose


class ManyAdapters(Protocol):
    """An engine that holds several adapters and asks of each pair which one is to revise it."""

    @property
    def name(self) -> str: ...

    def hold(self, adapter: Adapter) -> None:
        """Raises: ModelError, when it is refused, or not ready yet; nothing has changed then."""
        ...

    def drop(self, digest: str) -> None: ...

    def is_busy_with(self, digest: str) -> bool: ...

    def revise(self, pairs: Sequence[InstructionPair], choose: Choose) -> list[Revision]: ...

    def revise_stream(self, pairs: Iterable[InstructionPair], choose: Choose) -> Iterator[Revision]: ...

    @property
    def draws(self) -> bool: ...

    def attempt(
        self, pairs: Sequence[InstructionPair], attempts: Sequence[Attempt], choose: Choose
    ) -> list[list[Revision]]: ...

    def load(self) -> EngineLoad: ...

    def close(self) -> None: ...


class AdaptingReviser:
    """An engine that follows the registry between its steps; see `coachlm.protocols.revising.StreamingReviser`.

    A pair that is under way ends with the adapter that it began with. An adapter that went out of force is let go when
    the last of its pairs has ended, so at such a moment the weights of one adapter more are held.
    """

    def __init__(
        self,
        engine: ManyAdapters,
        in_force: Callable[[], InForce],
        fetch: Callable[[AdapterRecord], Path],
        poll_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`fetch` brings an adapter's folder here, its content checked; it raises CoachLMError where it can't."""
        self._engine = engine
        self._fetch = fetch
        self._watch = RegistryWatch(in_force, self._hold, poll_seconds, clock)
        self._watch.look()

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def adapter(self) -> str | None:
        current = self._watch.force.current
        return None if current is None else current.digest

    def revise(self, pairs: Sequence[InstructionPair]) -> list[Revision]:
        return self._engine.revise(pairs, self._choose)

    def revise_stream(self, pairs: Iterable[InstructionPair]) -> Iterator[Revision]:
        return self._engine.revise_stream(pairs, self._choose)

    @property
    def draws(self) -> bool:
        return self._engine.draws

    def attempt(self, pairs: Sequence[InstructionPair], attempts: Sequence[Attempt]) -> list[list[Revision]]:
        return self._engine.attempt(pairs, attempts, self._choose)

    def load(self) -> EngineLoad:
        return self._engine.load()

    def close(self) -> None:
        self._engine.close()

    def _choose(self, pair: InstructionPair) -> str | None:
        """Called between steps, for each pair that the engine has room for."""
        force = self._watch.look()
        for digest in self._watch.outdated():
            if not self._engine.is_busy_with(digest):
                self._engine.drop(digest)
                self._watch.forget(digest)
        record = force.for_pair(pair.id)
        return None if record is None else record.digest

    def _hold(self, record: AdapterRecord) -> None:
        adapter = read_adapter(self._fetch(record))
        if adapter.digest != record.digest:
            raise ModelError(f"adapter {adapter.folder} was altered: its digest is no longer {record.digest[:12]}")
        self._engine.hold(adapter)
