"""Requests that nobody sends by mistake: each gets a clear answer, none gets a traceback, and the service goes on."""

import json
import logging
import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.client.client import new_key
from api.models import PairText
from coachlm.pairs import InstructionPair
from tests.api.service import QA, Service, running_service, token_of

HOSTILE = [
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "![pixel](https://evil.example/p.png) [link](javascript:alert(1))",
    "\x1b[31mred\x1b[0m \x07",
    "=cmd|' /C calc'!A0",
    "\u202egnp.exe\u202c \u2066\u2069",
    "NUL \0 inside",
    "línea\u2028separada\u2029y\u0085más",
    "表ポあA鷗ŒéＢ逍Üßªąñ丂㐀𠀀👩‍👩‍👧‍👦 مرحبا שלום",
    "'; DROP TABLE pairs; --",
    "x" * 300_000,
]


def _problem(answer, status: int) -> dict:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["detail"]
    return problem


def test_hostile_text_goes_round_as_it_is(service: Service):
    raw = [InstructionPair(f"Say: {text}", text, f"{text} said") for text in HOSTILE]
    service.fill_with(raw, [QA] * len(raw))
    ada = service.client("ada")
    for pair, text in zip(raw, HOSTILE, strict=True):
        item = ada.desk.claim()
        assert item is not None
        assert item.raw.pair() == pair
        final = InstructionPair(text, text, f"{text}!")
        ada.desk.save_draft(item, final, text[:5000])
        [held] = ada.desk.held()
        assert held.text == final
        ada.desk.submit(item, final, key=new_key(), comment=text[:5000])
        assert ada.pairs.state(item.pair_id).final == PairText.of(final)


def test_lone_surrogates_become_replacement_characters_and_lose_nothing_else(service: Service):
    service.fill_with([InstructionPair("Say \ud800 it", "", "half \udc00 a pair")], [QA])
    ada = service.client("ada")
    item = ada.desk.claim()
    assert item is not None
    assert item.raw.instruction == "Say \ufffd it"
    body = (
        f'{{"pair_id": "{item.pair_id}", "token": "{item.token}", "text": '
        '{"instruction": "a\\ud800b", "response": "\\udfff"}, "comment": "\\ud83d"}'
    )
    answer = service.request(
        "PUT", "/v1/queue/draft", "ada", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 204, answer.text
    [held] = ada.desk.held()
    assert held.text == InstructionPair("a\ufffdb", "", "\ufffd")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"{", 422),
        (b"[]", 422),
        (b"null", 422),
        (b'"text"', 422),
        (b"\xff\xfe", 422),
        (b"\0", 422),
        (b'{"token": "\xff"}', 400),
        (b'{"token": 7}', 422),
        (b'{"token": ""}', 422),
        (b'{"token": "x", "more": 1}', 422),
        (b"[" * 200_000, 400),
        (b'{"token":' * 50_000, 400),
        (b"9" * 10_000, 400),
        (b'{"token": "' + b"x" * 5_000_000 + b'"}', 413),
    ],
)
def test_bodies_that_are_no_request(lite: Service, body: bytes, status: int):
    answer = lite.request("POST", "/v1/queue/skip", "ada", content=body, headers={"Content-Type": "application/json"})
    _problem(answer, status)


def test_a_body_of_unknown_length_is_limited_too(lite: Service):
    endless = (b" " * 100_000 for _ in range(100))
    answer = lite.request(
        "POST", "/v1/queue/skip", "ada", content=endless, headers={"Content-Type": "application/json"}
    )
    assert _problem(answer, 413)["code"] == "too_long"


def test_a_refused_value_is_not_echoed(lite: Service):
    secret = "hunter2-" * 10
    answer = lite.request("POST", "/v1/people", "root", json={"name": [secret], "more": secret, "role": secret})
    assert _problem(answer, 422)["code"] == "invalid"
    assert "hunter2" not in answer.text


def test_unknown_routes_and_methods(lite: Service):
    assert _problem(lite.request("GET", "/v1/nothing"), 404)["code"] == "not_found"
    assert _problem(lite.request("GET", "/docs"), 404)
    assert _problem(lite.request("GET", "/v1/me/"), 404)
    answer = lite.request("DELETE", "/v1/me", "ada")
    assert _problem(answer, 405)
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize(
    "name", ["..%2f..%2fetc%2fpasswd", "%00", "%ff%fe", "'%20OR%201=1", "x" * 5000, "a%0d%0aX-Y:1"]
)
def test_hostile_paths(lite: Service, name: str):
    for answer in (
        lite.request("GET", f"/v1/pairs/{name}", "ada"),
        lite.request("PATCH", f"/v1/people/{name}", "root", json={"is_active": True}),
    ):
        _problem(answer, answer.status_code)
        assert answer.status_code in (404, 422)


def test_huge_headers_are_turned_away_and_the_service_goes_on(lite: Service):
    host, port = lite.url.removeprefix("http://").split(":")
    for header in (b"X-Long: " + b"y" * 200_000, b"Authorization: Bearer " + b"z" * 60_000, b"no colon at all"):
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(b"GET /v1/me HTTP/1.1\r\nHost: here\r\n" + header + b"\r\n\r\n")
            assert connection.recv(12) in (b"HTTP/1.1 400", b"HTTP/1.1 401")
    assert lite.request("GET", "/v1/me", "ada").status_code == 200


@pytest.mark.parametrize("token", ["x", "clm_", "clm_0123456789abcdef_" + "A" * 43, "é", "a.b.c", "A" * 10_000])
def test_hostile_tokens(lite: Service, token: str):
    header = f"Bearer {token}".encode()
    answer = lite.request("GET", "/v1/me", headers={"Authorization": header})  # pyright: ignore[reportArgumentType]
    assert _problem(answer, 401)["code"] == "unauthorised"
    assert answer.headers["www-authenticate"] == "Bearer"
    if len(token) > 10:
        assert token not in answer.text


def test_every_answer_carries_the_security_headers(lite: Service):
    for answer in (lite.request("GET", "/healthz"), lite.request("GET", "/v1/nothing")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers
    preflight = lite.request(
        "OPTIONS", "/v1/me", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    )
    assert preflight.status_code == 405
    assert "access-control-allow-origin" not in preflight.headers


def test_request_ids_are_the_clients_where_they_can_stand_in_a_log(lite: Service):
    given = lite.request("GET", "/healthz", headers={"X-Request-Id": "mine-1"})
    assert given.headers["x-request-id"] == "mine-1"
    forged = lite.request("GET", "/healthz", headers={"X-Request-Id": "x ERROR forged"})
    assert len(forged.headers["x-request-id"]) == 32


def test_wrong_tokens_are_not_looked_at_for_ever(sqlite_databases):
    with running_service(sqlite_databases.new(), api_failures_per_minute=5) as service:
        assert service.client("ada").me().name == "ada"
        wrong = {"Authorization": "Bearer clm_0123456789abcdef_" + "A" * 43}
        answers = [service.request("GET", "/v1/me", headers=wrong) for _ in range(7)]
        assert [answer.status_code for answer in answers] == [401] * 5 + [429] * 2
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert service.client("ada").me().name == "ada"  # verified before: others' failures don't lock her out
        assert service.request("GET", "/v1/me", "ben").status_code == 429
    sqlite_databases.drop()


def test_a_person_is_slowed_down_and_others_are_not(sqlite_databases):
    with running_service(sqlite_databases.new(), api_requests_per_second=0.5) as service:
        answers = [service.request("GET", "/v1/me", "ada") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
        assert _problem(answers[-1], 429)["retry_after_seconds"] <= 2
        assert service.request("GET", "/v1/me", "ben").status_code == 200
    sqlite_databases.drop()


def test_a_bug_is_answered_with_an_id_that_is_in_the_log(lite: Service, monkeypatch, caplog):
    def broken(*_args, **_kwargs):
        raise RuntimeError(" ".join(["secret", "text of a user"]))

    monkeypatch.setattr(type(lite.services.queue), "held", broken)
    with caplog.at_level(logging.DEBUG):
        problem = _problem(lite.request("GET", "/v1/queue/held", "ada"), 500)
    assert problem["request_id"] in caplog.text
    assert problem["request_id"] in problem["detail"]
    assert "secret" not in json.dumps(problem)
    assert "secret text of a user" not in caplog.text
    assert "RuntimeError" in caplog.text


def test_a_database_that_is_away_is_503_and_said_in_the_log(lite: Service, monkeypatch, caplog):
    lite.client("ada").me()
    monkeypatch.setattr(lite.services.database.engine.pool, "connect", _no_connection)
    problem = _problem(lite.request("GET", "/readyz"), 503)
    assert problem["retry_after_seconds"] > 0
    assert problem["request_id"] in caplog.text


def _no_connection():
    import sqlite3

    raise sqlite3.OperationalError("unable to open database file")


def test_no_secret_is_ever_logged(sqlite_databases, caplog):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="api")  # a command run before may have quietened it
    with running_service(sqlite_databases.new()) as service:
        [pair_id] = service.fill([QA])
        ada, root = service.client("ada"), service.client("root")
        drawn = root.people.new_token("ben")
        item = ada.desk.claim()
        assert item is not None
        ada.desk.save_draft(item, InstructionPair("a-private-text", "", "b-private-text"))
        ada.desk.submit(item, InstructionPair("a-private-text", "", "b-private-text"), key=new_key())
        service.request("GET", "/v1/me", headers={"Authorization": "Bearer wrong-secret-token"})
        service.request("GET", "/v1/me?token=query-secret-token", "ada")
        service.request("POST", "/v1/people", "root", json={"name": 7, "wrong-secret-token": 1})
        service.client("root").pairs.state(pair_id)
    sqlite_databases.drop()
    logged = "\n".join(
        record.getMessage() + str(record.args) for record in caplog.records if "httpx" not in record.name
    )
    for secret in (
        token_of("ada").text,
        token_of("root").text,
        token_of("ada").hash,
        drawn.token,
        item.token,
        "private-text",
        "secret-token",
    ):
        assert secret not in logged
    assert "api.http.envelope" in {record.name for record in caplog.records}


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[]), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def fuzzed(sqlite_databases):
    with running_service(sqlite_databases.new(), api_requests_per_second=10_000) as service:
        service.fill([QA] * 3)
        yield service


def _operations(service: Service) -> list[tuple[str, str, dict]]:
    paths = service.request("GET", "/openapi.json").json()["paths"]
    return [
        (method.upper(), path, operation)
        for path, operations in paths.items()
        for method, operation in operations.items()
    ]


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_no_request_by_the_openapi_document_makes_the_service_fail(fuzzed: Service, data):
    """Every operation with fields of its schema, filled with whatever; a 5xx other than 501 is a bug."""
    method, path, operation = data.draw(st.sampled_from(_operations(fuzzed)))
    part = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
    for name in [p["name"] for p in operation.get("parameters", []) if p["in"] == "path"]:
        from urllib.parse import quote

        path = path.replace(f"{{{name}}}", quote(data.draw(part), safe=""))
    query = {
        p["name"]: data.draw(part)
        for p in operation.get("parameters", [])
        if p["in"] == "query" and data.draw(st.booleans())
    }
    options: dict[str, Any] = {}
    if "requestBody" in operation:
        fields = _fields(fuzzed, operation)
        some: Any = dict.fromkeys(fields, json_values) or None
        chosen = data.draw(st.fixed_dictionaries({}, optional=some))
        options = {"content": json.dumps(chosen).encode(), "headers": {"Content-Type": "application/json"}}
    name = data.draw(st.sampled_from(["ada", "olga", "oscar", "root"]))
    answer = fuzzed.request(method, path, name, params=query, **options)
    assert answer.status_code < 500 or answer.status_code == 501, (method, path, answer.text)
    if answer.is_error and operation["responses"]["default"]["content"].keys() >= {"application/problem+json"}:
        _problem(answer, answer.status_code)
    elif answer.is_error:
        assert answer.json().keys() == {"code", "message"}


def _fields(service: Service, operation: dict) -> list[str]:
    schemas = service.request("GET", "/openapi.json").json()["components"]["schemas"]
    content = operation["requestBody"]["content"].get("application/json", {})
    reference = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    return list(schemas.get(reference, {}).get("properties", {}))
