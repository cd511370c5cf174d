"""Which adapters of the registry an engine works with: asked now and then, and only those that it could take."""

import logging
import time
from collections.abc import Callable

from coachlm.coaching.adapters import AdapterRecord, InForce
from coachlm.errors import CoachLMError

log = logging.getLogger(__name__)


class RegistryWatch:
    """Asks the registry every `poll_seconds` at most. Where it can't be reached, or an adapter is refused, what works
    goes on working.
    """

    def __init__(
        self,
        in_force: Callable[[], InForce],
        hold: Callable[[AdapterRecord], None],
        poll_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`hold` makes an adapter ready; it raises CoachLMError for one that it refuses, an altered folder included."""
        self.force = InForce()  # what is ready, of what is in force
        self._in_force = in_force
        self._hold = hold
        self._poll_seconds = poll_seconds
        self._clock = clock
        self._held: set[str] = set()
        self._refused: dict[str, str] = {}  # why, so that it is told once
        self._asked_at = float("-inf")

    def look(self) -> InForce:
        if self._clock() - self._asked_at < self._poll_seconds:
            return self.force
        self._asked_at = self._clock()
        try:
            wanted = self._in_force()
        except CoachLMError as error:
            log.warning("the adapter registry can't be asked, going on as before: %s", error)
            return self.force
        current = self._ready(wanted.current)
        if wanted.current is not None and current is None:
            current = self.force.current  # the last one that worked
        self.force = InForce(current, self._ready(wanted.canary))
        return self.force

    def outdated(self) -> list[str]:
        """Digests that were held and are not in force any more; the caller lets them go and says `forget`."""
        inside = {each.digest for each in (self.force.current, self.force.canary) if each is not None}
        return sorted(self._held - inside)

    def forget(self, digest: str) -> None:
        self._held.discard(digest)

    def _ready(self, record: AdapterRecord | None) -> AdapterRecord | None:
        """The record, made ready; None where it is refused."""
        if record is None or record.digest in self._held:
            return record
        try:
            self._hold(record)
        except CoachLMError as error:
            if self._refused.get(record.digest) != str(error):
                self._refused[record.digest] = str(error)
                log.error("adapter %s is not taken, going on without it: %s", record.digest[:12], error)
            return None
        self._refused.pop(record.digest, None)
        self._held.add(record.digest)
        log.warning("adapter %s is in force now", record.digest[:12])
        return record
