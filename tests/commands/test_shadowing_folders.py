"""Folders that are called like our packages, in the directory where a command runs, change nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path
from signal import Signals

import httpx
import pytest

from coachlm.machine.processes import safe_forkserver, safe_path
from devtools.servers.process import ServerProcess, free_ports, is_listening

pytestmark = pytest.mark.slow

COACHLM = str(Path(sys.executable).parent / "coachlm")
ROOMS = ("coachlm", "commands", "assembly", "api", "dashboard", "streams", "reviser", "storage", "exports", "trainer")


@pytest.fixture
def shadowed(tmp_path: Path) -> Path:
    """A folder in which each of our packages has a namesake that can't be imported."""
    for room in ROOMS:
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text("raise RuntimeError('the namesake was imported')\n")
    return tmp_path


def test_intake_with_worker_processes(shadowed: Path) -> None:
    messages = [{"role": "user", "content": "Where is Bern?"}, {"role": "assistant", "content": "In Switzerland."}]
    (shadowed / "chats.jsonl").write_text(json.dumps({"id": "1", "messages": messages}) + "\n")
    done = subprocess.run(
        [COACHLM, "ingest", "chats.jsonl", "--db", "sqlite:///own.db", "--json"],
        cwd=shadowed,
        env=os.environ | {"COACHLM_INTAKE_PROCESSES": "2"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["accepted"] == 1


def test_desk_with_service_and_pages(shadowed: Path) -> None:
    (port,) = free_ports(1)
    log = shadowed / "desk.log"
    desk = ServerProcess([COACHLM, "desk", "--port", str(port), "--db", "sqlite:///own.db", "--json"], log)
    try:
        desk.await_ready(lambda: is_listening(port), 120)
        said = json.loads(log.read_text().splitlines()[0])
        assert httpx.get(f"{said['url']}/_stcore/health", trust_env=False, timeout=60).status_code == 200
        headers = {"Authorization": f"Bearer {said['token']}"}
        answer = httpx.get(f"{said['api_url']}/v1/me", headers=headers, trust_env=False, timeout=60)
        assert answer.json()["name"] == "me"
    finally:
        desk.end(Signals.SIGTERM)
    assert "namesake" not in log.read_text()


@pytest.mark.broker
def test_workers_that_another_command_keeps_running(shadowed: Path, kafka_server: str, kafka_prefix: str) -> None:
    log = shadowed / "workers.log"
    command = [COACHLM, "stream", "all", "--db", "sqlite:///own.db", "--servers", kafka_server, "--json"]
    own = {"COACHLM_KAFKA_PREFIX": kafka_prefix, "COACHLM_KAFKA_PARTITIONS": "1"}
    workers = ServerProcess(command, log, environment=own)
    try:
        workers.await_ready(lambda: {"intake", "revise"} <= _assigned(log), 120)
    finally:
        workers.end(Signals.SIGTERM, 60)
    assert "namesake" not in log.read_text()


def _assigned(log: Path) -> set[str]:
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{") and line.endswith("}")]
    return {line["worker"] for line in lines if line["state"] == "assigned"}


def test_processes_of_pools_and_single_ones(shadowed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    monkeypatch.chdir(shadowed)
    with safe_path():
        done = subprocess.run([sys.executable, "-c", "import storage"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "PYTHONSAFEPATH" not in os.environ
    safe_forkserver(())
    assert "PYTHONSAFEPATH" not in os.environ
