"""Stream workers as processes of their own: started, killed, frozen, and started again as a supervisor would."""

import random
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM, Signals

from devtools.servers.process import ServerProcess

_CHECKOUT = Path(__file__).resolve().parents[2]
_RESTART_SECONDS = 0.5


class Workers:
    """So many of each stage; whatever ended is started again by `keep_running`, to be called often."""

    def __init__(
        self,
        folder: Path,
        counts: Mapping[str, int],
        commands: Mapping[str, Sequence[str]],
        environment: Mapping[str, str],
    ) -> None:
        """`commands` are arguments of Python, by stage."""
        self._folder = folder
        self._commands = commands
        self._environment = {"PYTHONPATH": str(_CHECKOUT), **environment}
        names = [f"{stage}-{number}" for stage, count in counts.items() for number in range(count)]
        self._running: dict[str, ServerProcess | None] = dict.fromkeys(names)
        self._ended_at: dict[str, float] = {}
        self.exits: Counter[int] = Counter()

    @property
    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self._running.items() if process is not None}

    def keep_running(self) -> None:
        for name, process in self._running.items():
            if process is not None and process.exit_code is not None:
                self.exits[process.exit_code] += 1
                self._running[name] = None
                self._ended_at[name] = time.monotonic()
            if self._running[name] is None and time.monotonic() - self._ended_at.get(name, 0) >= _RESTART_SECONDS:
                self._running[name] = self._start(name)

    def hit(self, number: Signals) -> str | None:
        """Send a signal to one of those that run, at random; gives its name."""
        names = [name for name, process in self._running.items() if process is not None and process.is_running]
        if not names:
            return None
        name = random.choice(names)
        self.send(name, number)
        return name

    def send(self, name: str, number: Signals) -> None:
        process = self._running[name]
        if process is not None:
            process.send(number)

    def kill(self) -> str | None:
        return self.hit(SIGKILL)

    def terminate(self) -> str | None:
        return self.hit(SIGTERM)

    def freeze(self) -> str | None:
        return self.hit(SIGSTOP)

    def thaw(self, name: str) -> None:
        self.send(name, SIGCONT)

    def stop(self, seconds: float) -> list[int]:
        """SIGTERM to all; their exit codes. What does not end in time is killed."""
        processes = [process for process in self._running.values() if process is not None]
        for process in processes:
            process.send(SIGCONT)
            process.send(SIGTERM)
        for process in processes:
            process.end(SIGCONT, seconds)
        self._running = dict.fromkeys(self._running)
        return [process.exit_code or 0 for process in processes]

    def said(self, state: str) -> dict[str, int]:
        """How often each worker has said that it is in that state."""
        return {name: self._log(name).count(f'"state": "{state}"') for name in self._running}

    def logs(self) -> str:
        """The end of each worker's log."""
        files = sorted(self._folder.glob("*.log"))
        return "\n".join(f"== {file.stem}\n{file.read_text(errors='replace')[-1500:]}" for file in files)

    def _log(self, name: str) -> str:
        file = self._folder / f"{name}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def _start(self, name: str) -> ServerProcess:
        command = [sys.executable, *self._commands[name.partition("-")[0]]]
        return ServerProcess(command, self._folder / f"{name}.log", environment=self._environment)
