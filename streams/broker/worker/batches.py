"""A batch through its handler, whatever happens: outages are waited out, and one bad message holds nobody up.

A failure while the handler's database or engine is down is an outage: the same messages are tried again for ever, with
growing pauses. A failure while they work is the messages' own: the batch is halved until the bad message stands alone;
failing `tries` times alone it becomes a dead letter. So nothing is lost, and nothing is skipped without a row that
says so.
"""

# See docs/decisions/0089-probe-tells-outage-from-bad-message.md

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence

from coachlm.errors import SchemaError
from coachlm.machine.waiting import Backoff
from coachlm.protocols.streams import DeadLetter, DeadReason, StreamMessage
from streams.broker.worker.handler import Handler, Observer

log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 30.0


class Stopped(Exception):  # noqa: N818 - the end of waiting, not a fault
    """The worker is to end while a batch waits; what of it is committed stays, the rest will come again."""


class Batches:
    """Runs batches one after the other, whoever asks; `stop` may be called from any thread."""

    def __init__(
        self, handler: Handler, tries: int, observer: Observer, first_pause_seconds: float = _FIRST_PAUSE_SECONDS
    ) -> None:
        self._handler = handler
        self._tries = tries
        self._observer = observer
        self._backoff = Backoff(first_pause_seconds, _LONGEST_PAUSE_SECONDS)
        self._stopped = threading.Event()
        self._one_batch = threading.Lock()

    def stop(self) -> None:
        """Ends every wait, now and later; a batch that is being handled is finished."""
        self._stopped.set()

    def run(self, messages: Sequence[StreamMessage]) -> None:
        """Returns once every message is committed, as what it came to or as a dead letter.

        Raises: Stopped; SchemaError, when the database is of another version, which no waiting mends.
        """
        with self._one_batch:
            started = time.perf_counter()
            self._run(messages)
            self._observer.batch(time.perf_counter() - started)

    def _run(self, messages: Sequence[StreamMessage]) -> None:
        parts = deque([list(messages)])
        while parts:
            part = parts.popleft()
            error = self._handle(part)
            if error is None:
                continue
            if len(part) > 1:
                half = len(part) // 2
                parts.extendleft((part[half:], part[:half]))
            else:
                self._alone(part[0], error)

    def _handle(self, part: Sequence[StreamMessage]) -> Exception | None:
        """None once it is committed; the exception that is the messages' own."""
        failures = 0
        while True:
            if self._stopped.is_set() and failures:
                raise Stopped
            try:
                self._handler.handle(part)
            except SchemaError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a stage raises
                outage = self._outage(error)
                if outage is None:
                    if failures:
                        self._observer.back()
                    log.warning("%s failed: %r", _name(part), error)
                    return error
                failures += 1
                self._wait(failures, outage)
            else:
                if failures:
                    self._observer.back()
                return None

    def _alone(self, message: StreamMessage, error: Exception | None) -> None:
        tries = 1
        while error is not None:
            if tries >= self._tries and self._bury(message, error, tries):
                return
            self._pause(tries)
            error = self._handle([message])
            tries += 1

    def _bury(self, message: StreamMessage, error: Exception, tries: int) -> bool:
        """The kind of the exception alone is kept: its text may hold the message's."""
        why = f"a stage raised {type(error).__name__} {tries} times; its text is in the worker's log"
        log.error("%s becomes a dead letter after %d tries", _name([message]), tries, exc_info=error)
        try:
            self._handler.bury([DeadLetter(message, DeadReason.FAILED, why, tries)])
        except Exception as refused:  # noqa: BLE001 - the database went away meanwhile
            log.warning("%s could not be kept as a dead letter: %r", _name([message]), refused)
            return False
        return True

    def _outage(self, error: Exception) -> str | None:
        """Why nothing can be handled just now; None: it can, so the failure is the messages' own."""
        try:
            return None if self._handler.is_healthy() else f"{type(error).__name__}: {error}"
        except SchemaError:
            raise
        except Exception as down:  # noqa: BLE001 - any failure of the probe is an outage
            return f"{type(down).__name__}: {down}"

    def _wait(self, failures: int, why: str) -> None:
        self._observer.waiting(why)
        self._pause(failures)

    def _pause(self, failures: int) -> None:
        if self._stopped.wait(self._backoff.seconds(failures)):
            raise Stopped


def _name(part: Sequence[StreamMessage]) -> str:
    first, last = part[0], part[-1]
    if len(part) == 1:
        return f"message {first.source}:{first.offset}"
    return f"{len(part)} messages from {first.source}:{first.offset} to {last.source}:{last.offset}"
