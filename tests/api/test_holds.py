"""Clients that hold on: bodies that never end, posts that drip, exports that nobody reads, half a request's head."""

import socket
import time
from collections.abc import Callable

import pytest
import uvicorn

from api.http.connections import ImpatientH11
from api.http.problems import RefusedError
from api.http.slots import Slots
from coachlm.pairs import InstructionPair
from coachlm.settings import load_settings
from commands.desk.serve import _config
from tests.api.service import QA, Service, running_service, token_of


def _opened(service: Service, *, receive_bytes: int = 0) -> socket.socket:
    host, port = service.url.removeprefix("http://").split(":")
    client = socket.socket()
    if receive_bytes:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    client.settimeout(60)
    client.connect((host, int(port)))
    return client


def _head(method: str, path: str, name: str, *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {token_of(name).text}", *headers]
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"


def _await(condition: Callable[[], bool]) -> None:
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it never came to that")


def test_a_body_that_never_ends_is_answered(sqlite_databases):
    with (
        running_service(sqlite_databases.new(), api_body_seconds=0.3) as service,
        _opened(service) as client,
    ):
        json = ("Content-Type: application/json", "Content-Length: 100")
        client.sendall(_head("POST", "/v1/queue/claim", "ada", *json) + b"{")
        assert client.recv(12) == b"HTTP/1.1 408"
        assert service.request("GET", "/v1/me", "ada").status_code == 200
    sqlite_databases.drop()


@pytest.mark.parametrize("ends_by", ["rate", "time"])
def test_a_post_that_drips_ends(sqlite_databases, monkeypatch, ends_by):
    monkeypatch.setattr("api.routes.receiving.intake._FREE_SECONDS", 0.2 if ends_by == "rate" else 3600.0)
    seconds = 3600.0 if ends_by == "rate" else 0.3
    with (
        running_service(sqlite_databases.new(), api_stream_seconds=seconds) as service,
        _opened(service) as client,
    ):
        client.sendall(_head("POST", "/v1/logs", "ines", "Transfer-Encoding: chunked"))
        client.settimeout(0.05)
        answer = b""
        for _ in range(400):
            client.sendall(b"1\r\n \r\n")
            try:
                answer = client.recv(12)
                break
            except TimeoutError:
                continue
        assert answer == b"HTTP/1.1 408"
    sqlite_databases.drop()


def test_an_export_that_nobody_reads_gives_its_place_back(sqlite_databases):
    with running_service(sqlite_databases.new(), api_write_seconds=0.3, api_exports=1) as service:
        long = "a long story. " * 20_000
        service.fill_with([InstructionPair(f"Describe {n}.", "", f"{long}{n}") for n in range(60)], [QA] * 60)
        with _opened(service, receive_bytes=4096) as client:
            client.sendall(_head("GET", "/v1/export", "oscar"))
            assert client.recv(12) == b"HTTP/1.1 200"
            _await(lambda: service.request("GET", "/v1/export?status=approved", "root").status_code == 200)
    sqlite_databases.drop()


def test_one_person_cannot_have_all_places():
    slots = Slots("exports", 4)
    with slots.hold(1), slots.hold(1):
        with pytest.raises(RefusedError, match="you have 2 exports"), slots.hold(1):
            pass
        with slots.hold(2), slots.hold(3), pytest.raises(RefusedError, match="as many exports"), slots.hold(4):
            pass
    with slots.hold(1):
        pass


def test_half_a_head_is_hung_up_on_and_whole_requests_are_not(lite: Service, monkeypatch):
    monkeypatch.setattr("api.http.connections.HEAD_SECONDS", 0.3)
    from tests.api.service import running_app

    with running_app(_App(), http=ImpatientH11) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=30) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-")
            assert client.recv(1) == b""
        with socket.create_connection((host, int(port)), timeout=30) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert client.recv(12) == b"HTTP/1.1 204"


class _App:
    """Answers after longer than a head may take."""

    async def __call__(self, scope, receive, send):
        import asyncio

        if scope["type"] == "http":
            await asyncio.sleep(1.0)
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})


def test_the_service_bounds_its_connections():
    config = _config(_App(), load_settings(api_connections=77))
    assert isinstance(config, uvicorn.Config)
    assert config.limit_concurrency == 77
    assert config.http is ImpatientH11
