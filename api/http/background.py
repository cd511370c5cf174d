"""What the service does by the clock: leases that ran out go back, reviews that nobody drew settle themselves."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from coachlm.errors import CoachLMError

log = logging.getLogger(__name__)

Sweep = Callable[[], object]


async def sweep_for_ever(sweeps: Sequence[Sweep], every_seconds: float) -> None:
    """One after the other, in a thread. A sweep that fails is told in the log and made again the next time."""
    while True:
        for sweep in sweeps:
            try:
                await asyncio.to_thread(sweep)
            except CoachLMError as error:
                log.warning("a sweep failed and will be made again: %s", error)
            except Exception:
                log.exception("a sweep failed and will be made again")
        await asyncio.sleep(every_seconds)
