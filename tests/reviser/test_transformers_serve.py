"""The engine `openai` against `transformers serve`: a real server of somebody else's, with a real model."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

pytest.importorskip("openai", reason="`transformers serve` wants the openai package")

from coachlm.revision import Outcome
from coachlm.settings import load_settings
from reviser.engines import build_reviser
from tests.processes import running
from tests.reviser.reciting import BASE_WORD, raw_pair, response, save_reciting_model

PAIRS = [raw_pair(number) for number in range(12)]
_START_SECONDS = 600  # it imports much, and a busy machine takes its time
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_reciting_model(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def url(model: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command = [str(Path(sys.executable).parent / "transformers"), "serve", str(model)]
    with running(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        env=os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        _await_health(process, port)
        yield f"http://127.0.0.1:{port}/v1"


def _await_health(process: subprocess.Popen[bytes], port: int) -> None:
    give_up_at = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up_at:
        assert process.poll() is None, "transformers serve ended"
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail("transformers serve did not start")


def test_a_served_model_revises(url: str, model: Path):
    settings = load_settings(engine="openai", model=str(model), openai_servers=(url,), max_new_tokens=40)
    reviser = build_reviser(settings)
    assert reviser is not None
    try:
        made = reviser.revise(PAIRS)
    finally:
        reviser.close()
    assert [each.pair_id for each in made] == [pair.id for pair in PAIRS]
    assert {(each.outcome, each.revised.response) for each in made} == {(Outcome.REVISED, response(BASE_WORD))}
    assert {each.engine for each in made} == {"openai"}
    assert all(each.prompt_tokens > 100 and each.output_tokens == 4 for each in made)


def test_what_the_server_cuts_off_falls_back(url: str, model: Path):
    settings = load_settings(engine="openai", model=str(model), openai_servers=(url,), max_new_tokens=2)
    reviser = build_reviser(settings)
    assert reviser is not None
    try:
        made = reviser.revise(PAIRS[:2])
    finally:
        reviser.close()
    assert {(each.outcome, each.reason) for each in made} == {(Outcome.FALLBACK_INVALID, "unfinished")}
