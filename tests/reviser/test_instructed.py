"""The engine `openai` with an instructed coach, against a server process that chats well, oddly and badly."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from coachlm.coaching.instructing import coach_of
from coachlm.pairs import InstructionPair
from coachlm.revision import Outcome, Revision
from coachlm.settings import load_settings
from reviser.engines import build_reviser

ROOT = Path(__file__).parents[2]
PAIRS = [InstructionPair(f"Name river number {n}.", "", f"River number {n} is long.") for n in range(12)]


class ChatServer:
    """A server process, and what it was asked."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/v1"
        self.process = subprocess.Popen([sys.executable, "-m", "tests.reviser.chat_server", str(port)], cwd=ROOT)
        for _ in range(600):
            try:
                httpx.get(f"{self.url}/models", timeout=5)
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return
        pytest.fail("the test server did not start")

    def asked(self, model: str) -> list[dict[str, Any]]:
        return [body for body in httpx.get(f"{self.url}/seen").json()["bodies"] if body["model"] == model]


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    started = ChatServer()
    yield started
    started.process.kill()
    started.process.wait()


def revise(server: ChatServer, model: str, pairs: list[InstructionPair], **options: Any) -> list[Revision]:
    reviser = build_reviser(settings_for(server, model, **options))
    try:
        return reviser.revise(pairs)
    finally:
        reviser.close()


def settings_for(server: ChatServer, model: str, **options: Any) -> Any:
    given = {"engine": "openai", "coach": "instructed", "model": model, "openai_servers": (server.url,)} | options
    return load_settings(**given)


def check_all(revisions: list[Revision], pairs: list[InstructionPair] = PAIRS) -> None:
    for pair, each in zip(pairs, revisions, strict=True):
        assert each.outcome is Outcome.REVISED, each
        assert each.revised == InstructionPair(pair.instruction, "", f"{pair.response} And it is well known.")
        assert coach_of(each.adapter) == "instructed"


@pytest.mark.parametrize(
    "model", ["sane", "talkative", "written", "thinking", "no-schema", "no-format", "picky", "busy", "uncounted"]
)
def test_the_revision_is_found_in_whatever_a_server_makes_of_the_request(server: ChatServer, model: str):
    check_all(revise(server, model, PAIRS))


@pytest.mark.parametrize(
    ("model", "outcome", "reason"),
    [
        ("keep", Outcome.UNCHANGED, None),
        ("prose", Outcome.FALLBACK_INVALID, "not_a_pair"),
        ("sorry", Outcome.FALLBACK_INVALID, "declined"),
        ("refusal-field", Outcome.FALLBACK_INVALID, "declined"),
        ("lost-in-thought", Outcome.FALLBACK_INVALID, "empty_answer"),
        ("unsure", Outcome.FALLBACK_INVALID, "ambiguous_answer"),
        ("garbage", Outcome.FALLBACK_INVALID, "malformed_answer"),
        ("cut", Outcome.FALLBACK_INVALID, "unfinished"),
        ("short", Outcome.FALLBACK_ERROR, "rejected_by_server"),
    ],
)
def test_what_is_no_revision_falls_back_with_its_reason(
    server: ChatServer, model: str, outcome: Outcome, reason: str | None
):
    (made,) = revise(server, model, PAIRS[:1])
    assert (made.outcome, made.reason, made.revised) == (outcome, reason, PAIRS[0])


def test_the_settings_make_it(server: ChatServer, tmp_path: Path):
    guidelines = tmp_path / "guidelines.md"
    guidelines.write_text("Call a river a stream.", "utf-8")
    (plain,) = revise(server, "m-plain", PAIRS[:1])
    (guided,) = revise(server, "m-plain", PAIRS[:1], coach_guidelines=str(guidelines), coach_shown=1)
    first, second = server.asked("m-plain")
    assert [turn["role"] for turn in first["messages"]] == ["system", *["user", "assistant"] * 3, "user"]
    assert [turn["role"] for turn in second["messages"]] == ["system", "user", "assistant", "user"]
    assert "Call a river a stream." in second["messages"][0]["content"]
    assert "Call a river a stream." not in first["messages"][0]["content"]
    assert plain.adapter != guided.adapter
