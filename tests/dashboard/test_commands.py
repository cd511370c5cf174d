"""`coachlm dashboard` and `coachlm desk` as processes."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from signal import Signals

import httpx
import pytest

from devtools.servers.process import ServerProcess, free_ports, is_listening
from tests.dashboard.servers import wait_for

pytestmark = pytest.mark.slow

COACHLM = [sys.executable, "-m", "coachlm"]


@pytest.mark.parametrize("command", ["dashboard", "desk"])
def test_a_port_that_is_taken_is_named_with_the_remedy(command: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*COACHLM, command, "--port", str(port), "--json"], cwd=tmp_path, capture_output=True, text=True
        )
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in json.loads(done.stdout)["error"]
    assert "choose another --port" in json.loads(done.stdout)["error"]


@pytest.mark.browser
def test_desk_starts_service_and_pages_with_a_token_and_ends_both(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    log = tmp_path / "desk.log"
    command = [*COACHLM, "desk", "--port", str(port), "--db", f"sqlite:///{tmp_path / 'own.db'}", "--json"]
    process = ServerProcess(command, log)
    process.await_ready(lambda: is_listening(port), 90)
    said = json.loads(log.read_text().splitlines()[0])
    session = httpx.post(
        f"{said['url']}/coachlm/session",
        headers={"X-CoachLM": "desk"},
        content=said["token"],
        trust_env=False,
        timeout=60,
    )
    assert session.json().items() >= {"name": "me", "role": "admin", "unit": None}.items()
    process.end(Signals.SIGTERM)
    api_port = httpx.URL(said["api_url"]).port
    assert api_port is not None
    wait_for(lambda: not is_listening(port) and not is_listening(api_port))
