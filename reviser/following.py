"""Revises with whatever adapters the registry has in force: the current one, and a canary for its share of pairs.

The registry is asked between calls, never within one: a call's pairs are revised by the adapters that were in force
when it began, and each revision is stamped with the digest that made it. A swap builds the new engine before the old
one is closed, so a broken adapter changes nothing.
"""

import logging
import time
from collections.abc import Callable, Sequence

from coachlm.adapters import AdapterRecord, InForce
from coachlm.errors import CoachLMError, EngineError
from coachlm.pairs import InstructionPair
from coachlm.protocols import Reviser
from coachlm.revision import Revision

log = logging.getLogger(__name__)


class FollowingReviser:
    """Implements `coachlm.protocols.Reviser`.

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
        self._in_force = in_force
        self._build = build
        self._poll_seconds = poll_seconds
        self._clock = clock
        self._force = InForce()
        self._engines: dict[str | None, Reviser] = {}
        self._refused: set[str] = set()
        self._asked_at = float("-inf")
        self._look()
        if not self._engines:
            self._engines[None] = build(None)

    @property
    def name(self) -> str:
        return next(iter(self._engines.values())).name if self._engines else "closed"

    @property
    def adapter(self) -> str | None:
        return None if self._force.current is None else self._force.current.digest

    def revise(self, pairs: Sequence[InstructionPair]) -> list[Revision]:
        if not self._engines:
            raise EngineError("the engine is closed")
        if self._clock() - self._asked_at >= self._poll_seconds:
            self._look()
        groups: dict[str | None, list[int]] = {}
        for place, pair in enumerate(pairs):
            record = self._force.for_pair(pair.id)
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

    def _look(self) -> None:
        """Follow the registry; where it can't be reached, or an adapter is refused, what works goes on working."""
        self._asked_at = self._clock()
        try:
            wanted = self._in_force()
        except CoachLMError as error:
            log.warning("the adapter registry can't be asked, going on as before: %s", error)
            return
        usable = InForce(
            self._ready(wanted.current) if wanted.current else None,
            self._ready(wanted.canary) if wanted.canary else None,
        )
        if wanted.current is not None and usable.current is None:
            usable = InForce(self._force.current, usable.canary)  # the last one that worked
        if usable.current is None and None not in self._engines:
            self._engines[None] = self._build(None)
        self._force = usable
        kept = {None if usable.current is None else usable.current.digest}
        kept |= {usable.canary.digest} if usable.canary else set()
        for digest in [digest for digest in self._engines if digest not in kept]:
            self._engines.pop(digest).close()

    def _ready(self, record: AdapterRecord) -> AdapterRecord | None:
        """The record, with its engine built; None where the adapter is refused."""
        if record.digest in self._engines:
            return record
        try:
            engine = self._build(record)
        except CoachLMError as error:
            if record.digest not in self._refused:
                self._refused.add(record.digest)
                log.error("adapter %s is not taken, going on without it: %s", record.digest[:12], error)
            return None
        self._refused.discard(record.digest)
        log.warning("adapter %s is in force now", record.digest[:12])
        self._engines[record.digest] = engine
        return record
