"""Keeps a few worker processes running: starts each again when it ends, and ends all of them together."""

import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from types import FrameType

from coachlm.machine.waiting import Backoff
from streams.broker.wire.report import Report

_BACKOFF = Backoff(first_seconds=2.0, longest_seconds=30.0)
_STEADY_SECONDS = 60.0
"""A worker that ran for so long is started again without a pause."""
_LOOK_SECONDS = 0.2


class Supervisor:
    """Runs in the main thread, until SIGTERM or SIGINT, which the workers get too; a second one kills them."""

    def __init__(self, commands: Mapping[str, Sequence[str]], report: Report) -> None:
        self._commands = commands
        self._report = report
        self._signals = 0
        self._ending = threading.Event()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._started: dict[str, float] = {}
        self._failures = dict.fromkeys(commands, 0)
        self._due = dict.fromkeys(commands, 0.0)  # when it is to be started

    def run(self) -> int:
        """0 after an orderly end of all."""
        before = {number: signal.signal(number, self._end) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            while not self._ending.wait(_LOOK_SECONDS):
                for name in self._commands:
                    self._tend(name)
            return max((abs(process.wait()) for process in self._running.values()), default=0)
        finally:
            for process in self._running.values():
                process.kill()
                process.wait()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _tend(self, name: str) -> None:
        process = self._running.get(name)
        if process is None:
            if time.monotonic() >= self._due[name]:
                # A group of its own: Ctrl-C reaches it through us, once.
                self._running[name] = subprocess.Popen(self._commands[name], start_new_session=True)  # noqa: S603
                self._started[name] = time.monotonic()
        elif process.poll() is not None:
            del self._running[name]
            steady = time.monotonic() - self._started[name] >= _STEADY_SECONDS
            self._failures[name] = 0 if steady else self._failures[name] + 1
            pause = 0 if steady else _BACKOFF.seconds(self._failures[name])
            self._due[name] = time.monotonic() + pause
            self._report("starting again", worker=name, exit=process.returncode, seconds=pause)

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self._signals += 1
        self._ending.set()
        for process in self._running.values():
            if self._signals == 1:
                process.send_signal(signal.SIGTERM)
            else:
                process.kill()
