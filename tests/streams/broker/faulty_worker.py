"""`coachlm stream intake` whose handler misbehaves as FAULT says: `hang` (at the first batch) or `raise` (often)."""

import os
import random
import time
from collections.abc import Sequence

from coachlm.protocols.streams import StreamMessage
from streams.broker.worker.intake_handler import IntakeHandler
from tests.command_line import main

_whole = IntakeHandler.handle
_chance = random.Random(11)


def _handle(self: IntakeHandler, messages: Sequence[StreamMessage]) -> None:
    if os.environ["FAULT"] == "hang":
        time.sleep(10_000)
    if _chance.random() < 0.15:
        raise _chance.choice([ValueError, KeyError, MemoryError])("a fault on purpose")
    _whole(self, messages)


if __name__ == "__main__":
    IntakeHandler.handle = _handle
    main()
