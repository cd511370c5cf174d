"""Posted logs over HTTP: a verdict a line, whole or not, packed or not, once or again."""

import gzip
import json
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest
import zstandard

from api.app import create_app
from api.client.client import Client, NotOfferedError, RefusedInputError, TooOftenError, UnavailableError
from coachlm.errors import DatabaseError
from coachlm.protocols.doors import LineVerdict
from tests.api.service import Service, running_app, running_service, token_of


def _line(number: int) -> bytes:
    messages = [{"role": "user", "content": f"Describe fruit number {number} in two friendly sentences, please."}]
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": f"Fruit {number}: red."}}
    record = {"request": {"model": "m", "messages": messages}, "response": {"id": f"r{number}", "choices": [choice]}}
    return json.dumps(record).encode() + b"\n"


MIXED = [_line(0), b"not json\n", b"\n", b'{"unknown": "shape"}\n', _line(1), b"\xff\xfe\0\n", b"[" * 5000 + b"\n"]


def _pairs(service: Service) -> int:
    return service.services.reader.flow_counts().pairs


def test_every_line_gets_its_verdict_and_the_rest_goes_on(service: Service):
    verdicts = {verdict.line: verdict for verdict in service.client("ines").logs.post(MIXED)}
    assert {line: verdict.ok for line, verdict in verdicts.items()} == {
        0: True,
        1: False,
        3: False,
        4: True,
        5: False,
        6: False,
    }
    assert verdicts[1].reason.startswith("malformed_json")
    assert verdicts[3].reason.startswith("unknown_shape")
    assert _pairs(service) == 2


def test_the_same_post_again_stores_nothing_twice(service: Service):
    ines = service.client("ines")
    first = list(ines.logs.post(MIXED, request_id="batch-7"))
    before = service.services.reader.flow_counts()
    again = list(ines.logs.post(MIXED, request_id="batch-7"))
    assert sorted((v.line, v.ok) for v in again) == sorted((v.line, v.ok) for v in first)
    assert service.services.reader.flow_counts() == before


def test_two_clients_may_draw_the_same_request_id(service: Service):
    list(service.client("ines").logs.post([_line(0)], request_id="1"))
    list(service.client("oscar").logs.post([_line(1)], request_id="1"))
    assert _pairs(service) == 2


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("zstd", zstandard.compress)])
def test_packed_posts(lite: Service, encoding, pack):
    body = pack(b"".join(_line(n) for n in range(50)))
    answer = lite.request("POST", "/v1/logs", "ines", content=body, headers={"Content-Encoding": encoding})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines[-1] == {"request_id": answer.headers["x-request-id"], "lines": 50, "ok": 50, "refused": 0}
    assert sorted(line["line"] for line in lines[:-1]) == list(range(50))
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert _pairs(lite) == 50


def test_a_cut_off_body_says_so_and_can_be_posted_again(lite: Service):
    whole = zstandard.compress(b"".join(_line(n) for n in range(600)))
    headers = {"Content-Encoding": "zstd", "X-Request-Id": "again-1"}
    cut = lite.request("POST", "/v1/logs", "ines", content=whole[:-20], headers=headers)
    assert cut.status_code == 400
    assert cut.json()["code"] == "compression"
    answer = lite.request("POST", "/v1/logs", "ines", content=whole, headers=headers)
    assert json.loads(answer.text.splitlines()[-1])["ok"] == 600
    assert _pairs(lite) == 600


def test_a_bomb_is_refused(sqlite_databases):
    with running_service(sqlite_databases.new(), api_log_bytes=100_000, max_record_bytes=1_000) as service:
        bomb = gzip.compress(bytes(50_000_000))
        answer = service.request("POST", "/v1/logs", "ines", content=bomb, headers={"Content-Encoding": "gzip"})
        assert answer.status_code == 413
        assert answer.json()["code"] == "too_long"
    sqlite_databases.drop()


def test_a_line_over_the_limit_is_refused_and_its_neighbours_are_not(sqlite_databases):
    with running_service(sqlite_databases.new(), max_record_bytes=1_000) as service:
        lines = [_line(0), b"x" * 1_500_000 + b"\n", _line(1)]
        verdicts = {verdict.line: verdict for verdict in service.client("ines").logs.post(lines)}
        assert [verdicts[n].ok for n in range(3)] == [True, False, True]
        assert verdicts[1].reason.startswith("too_long")
    sqlite_databases.drop()


class _Talkative:
    """A door that says much about little."""

    def accept(
        self, lines: Iterable[bytes], format: str | None = None, request_id: str | None = None
    ) -> Iterator[LineVerdict]:
        for number, _line in enumerate(lines):
            yield LineVerdict(number, True, "much " * 300)


def test_many_verdicts_do_not_block_a_client_that_sends_first_and_reads_then(lite: Service):
    """More verdicts than sockets buffer, before the body's end: an answer that began at once would stand still."""
    app = create_app(replace(lite.services, log_door=_Talkative()), lite.settings)
    lines = b"".join([b"{%0100d}\n" % number for number in range(20_000)])
    with running_app(app) as url, Client(url, token_of("ines").text) as ines:
        assert sum(1 for _ in ines.logs.post([lines[:1_000_000], lines[1_000_000:]])) == 20_000


def test_a_service_without_a_door_says_so(lite: Service):
    app = create_app(replace(lite.services, log_door=None), lite.settings)
    refused = pytest.raises(NotOfferedError, match="coachlm ingest")
    with running_app(app) as url, Client(url, token_of("ines").text) as ines, refused:
        list(ines.logs.post([b"{}\n"]))


def test_unknown_formats_and_encodings(lite: Service):
    with pytest.raises(RefusedInputError, match="no_such_format"):
        list(lite.client("ines").logs.post([_line(0)], format="no_such_format"))
    answer = lite.request("POST", "/v1/logs", "ines", content=b"x", headers={"Content-Encoding": "br"})
    assert answer.status_code == 415


def test_a_database_that_goes_away_on_the_way_says_what_to_do(lite: Service, monkeypatch):
    store = lite.services.log_door._store  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]
    commit, calls = store.commit_intake, []

    def failing(batch):
        calls.append(batch)
        if len(calls) == 2:
            raise DatabaseError("the disk is full; free some space")
        return commit(batch)

    monkeypatch.setattr(store, "commit_intake", failing)
    lines = [_line(number) for number in range(700)]
    ines = lite.client("ines")
    with pytest.raises(UnavailableError, match=r"disk is full.*nothing is stored twice.*again-2") as refused:
        list(ines.logs.post(lines, request_id="again-2"))
    assert refused.value.problem is not None
    assert refused.value.problem.status == 503
    assert 0 < _pairs(lite) < 700
    assert all(verdict.ok for verdict in ines.logs.post(lines, request_id="again-2"))
    assert _pairs(lite) == 700


def test_a_client_that_hangs_up_leaves_the_service_well(lite: Service, caplog):
    host, port = lite.url.removeprefix("http://").split(":")
    head = (
        f"POST /v1/logs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token_of('ines').text}\r\n"
        "Content-Length: 1000000\r\n\r\n"
    )
    for _ in range(6):  # more than there are places for posts
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(head.encode() + _line(0))
    assert _posted(lite, [_line(1)]) == [True]
    assert "failed with" not in caplog.text


def _posted(service: Service, lines: list[bytes]) -> list[bool]:
    """Once there is a place for it."""
    for _ in range(600):
        try:
            return [verdict.ok for verdict in service.client("ines").logs.post(lines)]
        except TooOftenError:
            time.sleep(0.05)
    raise AssertionError("no place was given back")


@pytest.mark.parametrize(
    ("settings", "body", "code"),
    [
        ({"api_log_lines": 100}, b"".join(_line(n) for n in range(101)), "too_long"),
        ({"api_log_rejects": 20}, b"x\n" * 300, "too_many_rejects"),
        ({"api_log_ratio": 10.0}, _line(0) + b" " * 5_000_000, "too_long"),
    ],
)
def test_lines_rejects_and_packing_of_a_post_are_bounded(sqlite_databases, settings, body, code):
    with running_service(sqlite_databases.new(), batch_records=10, **settings) as service:
        headers = {"Content-Encoding": "zstd"}
        answer = service.request("POST", "/v1/logs", "ines", content=zstandard.compress(body), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, code)
        assert service.request("POST", "/v1/logs", "ines", content=_line(1)).status_code == 200
    sqlite_databases.drop()
