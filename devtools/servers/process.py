"""A server as a child process: its output in a file, and an end with this program, whatever ends this program."""

import os
import pwd
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from signal import Signals
from typing import Any

_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOG_CHARS = 3_000


class ServerError(RuntimeError):
    """A server can't be found, started or ended; the message says what to install, or ends with its log's end."""


class ServerProcess:
    """Runs from construction on. Start it in the main thread: where `setpriv` exists, the kernel ends the server with
    the thread that started it."""

    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path,
        user: pwd.struct_passwd | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = log.stem
        self._log = log
        guard = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
        as_user: dict[str, Any] = {}
        if user is not None:
            as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*guard, *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=log.parent,
                env=None if environment is None else {**os.environ, **environment},
                start_new_session=True,  # Ctrl-C is for this program, which then ends its servers
                **as_user,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """None: it runs; negative: the signal that ended it."""
        return self._process.poll()

    def await_ready(self, ready: Callable[[], bool], seconds: float) -> None:
        """Raises: ServerError when the process ends or the time passes before `ready()` is true; it is killed then."""
        end = time.monotonic() + seconds
        while not ready():
            if not self.is_running:
                raise ServerError(f"{self.name} ended with {self._process.returncode}:\n{self.log_end()}")
            if time.monotonic() > end:
                self.end(Signals.SIGKILL)
                raise ServerError(f"{self.name} was not ready within {seconds:.0f} s:\n{self.log_end()}")
            time.sleep(0.05)

    def send(self, number: Signals) -> None:
        if self.is_running:
            self._process.send_signal(number)

    def end(self, number: Signals, seconds: float = 30) -> None:
        """Send the signal and wait; what has not ended by then is killed. Nothing happens when it has ended."""
        self.send(number)
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def log_end(self) -> str:
        return self._log.read_text(errors="replace")[-_LOG_CHARS:]


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on, below those that the system gives to outgoing connections: a server
    that is down for a while finds its port still free."""
    try:
        top = int(_EPHEMERAL.read_text().split()[0])
    except OSError:
        top = 32_768
    found: list[int] = []
    while len(found) < count:
        port = random.randrange(10_240, max(top, 11_000))
        if port not in found and _is_free(port):
            found.append(port)
    return found


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
