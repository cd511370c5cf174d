"""Stream workers as a user runs them: processes of their own, watched by what they print."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from coachlm.settings import Settings

WAIT_SECONDS = 90.0


class WorkerProcess:
    """One worker; `states` grows as it says them."""

    def __init__(self, settings: Settings, *arguments: str, module: str = "coachlm", **more: object) -> None:
        given = {
            "kafka_servers": ",".join(settings.kafka.servers),
            "kafka_prefix": settings.kafka.prefix,
            "kafka_partitions": settings.kafka.partitions,
            "database_url": settings.database.url.get_secret_value(),
            "stream_driver": settings.streams.driver,
            "drain_seconds": settings.worker.drain_seconds,
            "watchdog_seconds": settings.streams.watchdog_seconds,
            "session_seconds": settings.streams.session_seconds,
            "hash_salt": "a salt of the tests",
            "max_record_bytes": settings.intake.max_record_bytes,
            **more,
        }
        variables = {f"COACHLM_{name.upper()}": str(value) for name, value in given.items()}
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments, "--json"],
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.states: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.states.append(json.loads(line))

    def said(self, state: str) -> list[dict[str, Any]]:
        return [one for one in self.states if one.get("state") == state]

    def await_state(self, state: str, count: int = 1) -> dict[str, Any]:
        end = time.monotonic() + WAIT_SECONDS
        while len(found := self.said(state)) < count:
            assert time.monotonic() < end, f"{state!r} was never said: {self.states}"
            assert self._process.poll() is None or self._reader.is_alive(), f"ended without {state!r}: {self.states}"
            time.sleep(0.05)
        return found[count - 1]

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        code = self._process.wait(WAIT_SECONDS)
        self._reader.join(WAIT_SECONDS)
        return code

    def end(self) -> int:
        """SIGTERM, and the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


@contextmanager
def worker(settings: Settings, *arguments: str, module: str = "coachlm", **more: object) -> Iterator[WorkerProcess]:
    process = WorkerProcess(settings, *arguments, module=module, **more)
    try:
        yield process
    finally:
        process.kill()
