"""Revises with whatever adapters the registry has in force: the current one, and a canary for its share of pairs.

The registry is asked between calls, never within one: a call's pairs are revised by the adapters that were in force
when it began, and each revision is stamped with the digest that made it. A swap builds the new engine before the old
one is closed, so a broken adapter changes nothing. The engines `packed` and `openvino` do better: see
`reviser/following/adapting.py`.
"""

import time
from collections.abc import Callable, Sequence

from coachlm.coaching.adapters import AdapterRecord, InForce
from coachlm.errors import EngineError
from coachlm.pairs import InstructionPair
from coachlm.protocols.revising import Reviser
from coachlm.revision import Revision
from reviser.following.in_force import RegistryWatch


class FollowingReviser:
    """Implements `coachlm.protocols.revising.Reviser`.

    `build` makes an engine for an adapter (None: the base alone) and raises CoachLMError for one that it refuses, an
    altered folder included; `in_force` asks the registry.
    """

    def __init__(
        self,
        in_force: Callable[[], InForce],
        build: Callable[[AdapterRecord | None], Reviser],
        poll_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._build = build
        self._engines: dict[str | None, Reviser] = {}
        self._watch = RegistryWatch(in_force, self._hold, poll_seconds, clock)
        self._look()

    @property
    def name(self) -> str:
        return next(iter(self._engines.values())).name if self._engines else "closed"

    @property
    def adapter(self) -> str | None:
        current = self._watch.force.current
        engine = self._engines.get(None if current is None else current.digest)
        return None if engine is None else engine.adapter

    def revise(self, pairs: Sequence[InstructionPair]) -> list[Revision]:
        if not self._engines:
            raise EngineError("the engine is closed")
        force = self._look()
        groups: dict[str | None, list[int]] = {}
        for place, pair in enumerate(pairs):
            record = force.for_pair(pair.id)
            groups.setdefault(None if record is None else record.digest, []).append(place)
        revisions: dict[int, Revision] = {}
        for digest, places in groups.items():
            made = self._engines[digest].revise([pairs[place] for place in places])
            revisions.update(zip(places, made, strict=True))
        return [revisions[place] for place in range(len(pairs))]

    def close(self) -> None:
        for engine in self._engines.values():
            engine.close()
        self._engines.clear()

    def _look(self) -> InForce:
        force = self._watch.look()
        if force.current is None and None not in self._engines:
            self._engines[None] = self._build(None)
        for digest in self._watch.outdated():
            self._engines.pop(digest).close()
            self._watch.forget(digest)
        if force.current is not None and None in self._engines:
            self._engines.pop(None).close()
        return force

    def _hold(self, record: AdapterRecord) -> None:
        self._engines[record.digest] = self._build(record)
