"""Processes that a test starts: none outlives the test, whatever becomes of the test."""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any


@contextmanager
def running(command: Sequence[str], **options: Any) -> Iterator["subprocess.Popen[Any]"]:
    """Killed at the end if it still runs, with its session where it leads one; its pipes are closed."""
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                kill = os.killpg if options.get("start_new_session") else os.kill
                kill(process.pid, signal.SIGKILL)
