"""Everything in docker-compose.yml on this machine without containers: the same commands, on a private broker and
database and on ports that are free.

    python -m devtools.servers.stack            # until Ctrl-C; `make stack`
    python -m devtools.servers.stack --check    # take the sample logs in, wait until they are revised, end
"""

import argparse
import json
import os
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from coachlm.machine.processes import coachlm_command
from devtools.servers.compose import COMPOSE_FILE, services
from devtools.servers.kafka import running_cluster
from devtools.servers.postgres import PostgresServer
from devtools.servers.process import ServerError, ServerProcess, free_ports

_ROOT = COMPOSE_FILE.parent
_SAMPLES = _ROOT / "coachlm" / "data" / "sample_logs"
_JOBS = ("migrate", "topics")
_SERVICES = ("intake", "revise", "relay", "api", "dashboard")
_START_SECONDS = 90
_CHECK_SECONDS = 180
_SECRETS = {
    "COACHLM_POSTGRES_PASSWORD": "of-no-use-here",
    "COACHLM_GRAFANA_PASSWORD": "of-no-use-here",
    "COACHLM_HASH_SALT": "a salt of one machine",
}
"""The private servers listen on loopback or a socket and end with this program."""


class Stack:
    """The application's processes, each with an address where it says that it is well."""

    def __init__(self, folder: Path, database_url: str, kafka_servers: str) -> None:
        self._folder = folder
        self._compose = services(COMPOSE_FILE, _SECRETS)
        self.addresses = {"COACHLM_KAFKA_SERVERS": kafka_servers, "COACHLM_DATABASE_URL": database_url}
        self._own = {
            **self.addresses,
            "PYTHONPATH": str(_ROOT),
            "HOME": str(folder),
        }
        self._processes: dict[str, ServerProcess] = {}
        self.health: dict[str, str] = {}
        self.api_port, self.dashboard_port = free_ports(2)

    def start(self) -> None:
        """Jobs one after the other, then the services; returns when all are well. Raises: ServerError."""
        for job in _JOBS:
            self._run_job(job)
        for name in _SERVICES:
            for number in range(1, self._compose[name].get("deploy", {}).get("replicas", 1) + 1):
                self._launch(name, number)
        for name, process in self._processes.items():
            process.await_ready(lambda url=self.health[name]: _is_well(url), _START_SECONDS)

    def stop(self) -> None:
        """SIGTERM to all, then wait for each."""
        for process in self._processes.values():
            process.send(signal.SIGTERM)
        for process in self._processes.values():
            process.end(signal.SIGTERM, 40)

    def ended(self) -> list[str]:
        return [name for name, process in self._processes.items() if not process.is_running]

    def coachlm(self, *arguments: str) -> dict[str, Any]:
        """The JSON that a command answers. Raises: ServerError."""
        environment = self._environment("intake") | {"COACHLM_METRICS_PORT": "0"}
        command = coachlm_command(*arguments, "--json")
        done = subprocess.run(
            command, env=os.environ | environment, cwd=self._folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ServerError(
                f"coachlm {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return json.loads(done.stdout)

    def _run_job(self, name: str) -> None:
        answer = subprocess.run(
            self._command(name),
            env=os.environ | self._environment(name),
            cwd=self._folder,
            text=True,
            capture_output=True,
            check=False,
        )
        if answer.returncode:
            raise ServerError(f"{name} ended with {answer.returncode}:\n{answer.stdout}{answer.stderr}")

    def _launch(self, name: str, number: int) -> None:
        title = f"{name}-{number}"
        command, environment = self._command(name), self._environment(name)
        match name:
            case "api":
                port = self.api_port
                environment |= {"COACHLM_API_HOST": "127.0.0.1", "COACHLM_API_PORT": str(port)}
            case "dashboard":
                port = self.dashboard_port
                environment["COACHLM_API_URL"] = f"http://127.0.0.1:{self.api_port}"
                command = [*command, "--address", "127.0.0.1", "--port", str(port)]  # a later option wins
            case _:
                (port,) = free_ports(1)
                environment |= {"COACHLM_METRICS_HOST": "127.0.0.1", "COACHLM_METRICS_PORT": str(port)}
        path = environment["HEALTH_URL"].split("/", 3)[3]
        self.health[title] = f"http://127.0.0.1:{port}/{path}"
        self._processes[title] = ServerProcess(command, self._folder / f"{title}.log", environment=environment)

    def _command(self, name: str) -> list[str]:
        return coachlm_command(*map(str, self._compose[name]["command"]))

    def _environment(self, name: str) -> dict[str, str]:
        return {key: str(value) for key, value in self._compose[name]["environment"].items()} | self._own


@contextmanager
def running_stack() -> Iterator[Stack]:
    """Broker, database and application, all ended and deleted afterwards. Raises: ServerError."""
    with ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="coachlm-stack-")))
        postgres = PostgresServer()
        ends.callback(postgres.remove)
        postgres.start()
        cluster = ends.enter_context(running_cluster())
        stack = Stack(folder, postgres.url, cluster.bootstrap)
        ends.callback(stack.stop)
        stack.start()
        yield stack


def check(stack: Stack) -> dict[str, Any]:
    """The sample logs through all of it. Raises: ServerError, when they don't arrive."""
    started = time.monotonic()
    produced = stack.coachlm("produce", str(_SAMPLES))
    stats: dict[str, Any] = {}
    while time.monotonic() - started < _CHECK_SECONDS:
        if ended := stack.ended():
            raise ServerError(f"{', '.join(ended)} ended before the work was done")
        lag = sum(row["lag"] for row in stack.coachlm("topics")["lag"])
        stats = stack.coachlm("stats")
        if not lag and stats["by_status"].get("revised") and not stats["by_status"].get("accepted"):
            break
        time.sleep(1)
    else:
        raise ServerError(f"after {_CHECK_SECONDS} s not everything is revised: {stats.get('by_status')}")
    unwell = [name for name, url in stack.health.items() if not _is_well(url)]
    if unwell:
        raise ServerError(f"not well: {', '.join(unwell)}")
    return {
        "records_produced": produced["sent"],
        "by_status": stats["by_status"],
        "seconds_to_revised": round(time.monotonic() - started, 1),
        "processes": len(stack.health),
    }


def _is_well(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="put the sample logs through it, print figures, end")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with running_stack() as stack:
            if arguments.check:
                print(json.dumps(check(stack)))
                return
            print(f"pages    http://127.0.0.1:{stack.dashboard_port}", flush=True)
            print(f"service  http://127.0.0.1:{stack.api_port}", flush=True)
            for key, value in stack.addresses.items():
                print(f"export {key}='{value}'", flush=True)
            for name, url in stack.health.items():
                print(f"{name:12} {url}", flush=True)
            print("next: coachlm people add YOU --role admin; coachlm produce PATHS…; Ctrl-C ends and deletes it all")
            while not (ended := stack.ended()):
                time.sleep(1)
            raise ServerError(f"{', '.join(ended)} ended")
    except KeyboardInterrupt:
        print("\nended; its data is gone")
    except ServerError as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    main()
