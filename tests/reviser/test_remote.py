"""The engine `openai` against real server processes that fail, refuse, die and come back."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coachlm.errors import EngineError, ModelError, SettingsError
from coachlm.pairs import InstructionPair, content_hash
from coachlm.revision import Outcome, Revision
from reviser.pairs.finish import Finisher
from reviser.remote.reviser import RemoteOptions, RemoteReviser
from reviser.remote.servers import ServerPool

ROOT = Path(__file__).parents[2]
PAIRS = [InstructionPair(f"Name river number {n}.", "", f"River number {n} is long.") for n in range(60)]


class Process:
    """A server on a port of its own that can die and come back."""

    def __init__(self, **faults: Any) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.faults = faults
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.reviser.completion_server", str(self.port), json.dumps(self.faults)]
        self.process = subprocess.Popen(command, cwd=ROOT)
        for _ in range(600):
            try:
                httpx.get(f"{self.url}/models", timeout=5)
            except httpx.TransportError:
                time.sleep(0.05)
            else:
                return
        self.kill()
        pytest.fail("the test server did not start")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def make(**faults: Any) -> Process:
        started.append(Process(**faults))
        return started[-1]

    yield make
    for process in started:
        process.kill()


def revise(server: Process | str, pairs: list[InstructionPair], *more: Process, **options: Any) -> list[Revision]:
    urls = tuple(each if isinstance(each, str) else each.url for each in (server, *more))
    given: dict[str, Any] = {
        "model": "base",
        "in_flight": 8,
        "first_wait_seconds": 0.02,
        "outage_seconds": 20,
    } | options
    reviser = RemoteReviser(RemoteOptions(urls, **given), Finisher("openai"))
    try:
        return reviser.revise(pairs)
    finally:
        reviser.close()


def check_all(revisions: list[Revision]) -> None:
    assert [each.pair_id for each in revisions] == [pair.id for pair in PAIRS]
    for pair, each in zip(PAIRS, revisions, strict=True):
        assert each.outcome is Outcome.REVISED, each
        assert each.revised.response == f"{pair.response} Revised by base."


@pytest.mark.parametrize("endpoint", ["completions", "chat"])
def test_pairs_come_back_in_order_with_what_they_cost(start: Callable[..., Process], endpoint: str):
    revisions = revise(start(), PAIRS, endpoint=endpoint)
    check_all(revisions)
    assert {(each.prompt_tokens, each.output_tokens, each.engine) for each in revisions} == {(7, 5, "openai")}


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["fail", "busy", "close"])
def test_failures_that_pass_lose_nothing(start: Callable[..., Process], fault: str):
    check_all(revise(start(**{fault: 0.3}), PAIRS))


@pytest.mark.slow
def test_a_request_that_hangs_is_asked_again(start: Callable[..., Process]):
    check_all(revise(start(hang=0.05), PAIRS, request_seconds=0.5))


def test_what_is_wrong_with_a_pair_is_its_own_fallback(start: Callable[..., Process]):
    odd = [InstructionPair(f"{word} river.", "", "A river.") for word in ("CUT", "NONSENSE", "LONG", "plain")]
    odd.append(InstructionPair("A lone \ud800 surrogate.", "", "x"))
    found = [(each.outcome, each.reason) for each in revise(start(), odd)]
    assert found == [
        (Outcome.FALLBACK_INVALID, "unfinished"),
        (Outcome.FALLBACK_INVALID, "not_a_pair"),
        (Outcome.FALLBACK_ERROR, "rejected_by_server"),
        (Outcome.REVISED, None),
        (Outcome.FALLBACK_ERROR, "not_tokenisable"),
    ]


@pytest.mark.slow
def test_a_pair_that_always_breaks_the_server_does_not_stop_the_others(start: Callable[..., Process]):
    pairs = [InstructionPair("Say the harmful word BOOM.", "", "x"), *PAIRS]
    first, *others = revise(start(poison="BOOM"), pairs)
    assert (first.outcome, first.reason) == (Outcome.FALLBACK_ERROR, "server_error")
    check_all(others)


@pytest.mark.slow
def test_a_server_killed_and_restarted_within_a_call_loses_nothing(start: Callable[..., Process]):
    server = start(delay=0.05)

    def restart() -> None:
        time.sleep(0.15)
        server.kill()
        time.sleep(0.5)
        server.start()

    thread = threading.Thread(target=restart)
    thread.start()
    try:
        check_all(revise(server, PAIRS))
    finally:
        thread.join()


def test_the_others_take_over_from_a_server_that_is_gone(start: Callable[..., Process]):
    gone, alive = start(), start()
    gone.kill()
    check_all(revise(gone, PAIRS, alive))


def test_without_any_server_the_call_fails_and_names_the_remedy(start: Callable[..., Process]):
    server = start()
    server.kill()
    with pytest.raises(EngineError, match=r"COACHLM_OPENAI_SERVERS.*run again"):
        revise(server, PAIRS[:3], outage_seconds=0.3)


@pytest.mark.slow
def test_a_wrong_key_or_model_is_said_at_once_and_the_key_is_not(start: Callable[..., Process]):
    with pytest.raises(EngineError, match="COACHLM_OPENAI_API_KEY") as caught:
        revise(start(key="right"), PAIRS, api_key="hunter2")
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(RemoteOptions(("http://h/v1",), "m", "hunter2"))
    check_all(revise(start(key="right"), PAIRS, api_key="right"))
    with pytest.raises(EngineError, match="COACHLM_MODEL"):
        revise(start(), PAIRS, model="unknown")
    for servers, model in (((), "m"), (("ftp://h",), "m"), (("http://h",), "")):
        with pytest.raises(SettingsError):
            RemoteOptions(servers, model)


DIGEST = "3f9c07d1b8e24a65" * 4


def adapter_reviser(server: Process, folder: Path, digest: str = DIGEST) -> RemoteReviser:
    finisher = Finisher("openai", digest, frozenset({content_hash(PAIRS[0].instruction)}))
    options = RemoteOptions((server.url,), "base", in_flight=8, first_wait_seconds=0.02, outage_seconds=20)
    return RemoteReviser(options, finisher, folder)


@pytest.mark.slow
def test_an_adapter_is_asked_for_by_its_digest_and_unloaded_at_the_end(start: Callable[..., Process], tmp_path: Path):
    server = start(adapters=True)
    reviser = adapter_reviser(server, tmp_path)
    leaked, *others = reviser.revise(PAIRS)
    assert leaked.outcome is Outcome.LEAK_GUARD
    assert {each.adapter for each in others} == {DIGEST}
    assert all(each.revised.response.endswith(f"Revised by coach-{DIGEST[:32]}.") for each in others)
    server.kill()
    server.start()  # it has forgotten the adapter
    again = reviser.revise(PAIRS)
    assert [each.revised for each in again[1:]] == [each.revised for each in others]
    reviser.close()
    reviser.close()
    assert [model["id"] for model in httpx.get(f"{server.url}/models").json()["data"]] == ["base"]
    with pytest.raises(EngineError, match="closed"):
        reviser.revise(PAIRS)


def test_a_server_that_loads_no_adapters_is_refused_with_the_remedy(start: Callable[..., Process], tmp_path: Path):
    with pytest.raises(ModelError, match="--enable-lora"):
        adapter_reviser(start(), tmp_path)


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from([True, False, None])), max_size=60))
def test_the_pool_never_gives_more_than_allowed_and_always_comes_back(steps: list[tuple[int, bool | None]]):
    now = [0.0]
    pool = ServerPool(["http://a", "http://b"], in_flight=3, clock=lambda: now[0])
    taken = []
    for action, worked in steps:
        if action < 2:
            server = pool.take()
            if server is not None:
                taken.append(server)
        elif taken:
            pool.give_back(taken.pop(), worked=worked)
        assert all(taken.count(server) <= 3 for server in taken)
        now[0] += 0.3
    while taken:
        pool.give_back(taken.pop(), worked=False)
    now[0] += 31
    server = pool.take()
    assert server is not None
    pool.give_back(server, worked=True)
    assert pool.take() is server or pool.take() is not None


def test_a_server_that_keeps_failing_rests_longer_each_time_and_is_probed_by_one_request():
    now = [0.0]
    pool = ServerPool(["http://a"], in_flight=4, clock=lambda: now[0])
    for _ in range(3):
        server = pool.take()
        assert server is not None
        pool.give_back(server, worked=False)
    assert pool.take() is None
    now[0] = 1.0
    probe = pool.take()
    assert probe is not None
    assert pool.take() is None
    pool.give_back(probe, worked=False)
    now[0] = 2.9
    assert pool.take() is None
    now[0] = 3.0
    probe = pool.take()
    assert probe is not None
    pool.give_back(probe, worked=True)
    assert [pool.take() is not None for _ in range(5)] == [True, True, True, True, False]
