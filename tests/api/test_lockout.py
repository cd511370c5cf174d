"""Wrong tokens slow down whoever sends them and nobody else."""

import time
from typing import Any

import jwt
import pytest
from argon2 import PasswordHasher
from starlette.requests import Request

from api.access.callers import Callers
from api.access.tokens import draw_token, is_costly
from coachlm.errors import SettingsError
from tests.api.service import Service, running_service, token_of


def _status(service: Service, token: str, **headers: str) -> int:
    headers = {"Authorization": f"Bearer {token}", **headers}
    return service.request("GET", "/v1/me", headers=headers).status_code


def _wrong(name: str | None = None) -> str:
    """A token of nobody, or one with somebody's id and another secret."""
    other = draw_token().text
    return other if name is None else f"clm_{token_of(name).id}_{other.split('_', 2)[2]}"


def test_a_right_token_is_never_refused_for_others_failures(sqlite_databases, tmp_path):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 2048)
    (tmp_path / "key.pem").write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    oidc = {"oidc_issuer": "https://idp", "oidc_audience": "us", "oidc_key_file": str(tmp_path / "key.pem")}
    with running_service(sqlite_databases.new(), api_failures_per_minute=5, **oidc) as service:
        service.services.accounts.set_subject("olga", "olga@example.com")
        for wrong in (_wrong(), _wrong("ada"), "a.b.c"):
            assert _status(service, wrong) in (401, 429)
        assert [_status(service, _wrong()) for _ in range(30)][-1] == 429
        assert [_status(service, _wrong("ada")) for _ in range(30)][-1] == 429
        assert _status(service, token_of("ada").text) == 200  # first seen now, and somebody tried her id
        assert _status(service, token_of("ben").text) == 200
        claims = {"iss": "https://idp", "aud": "us", "sub": "olga@example.com", "exp": time.time() + 300}
        assert _status(service, jwt.encode(claims, key, "RS256")) == 200
        assert _status(service, _wrong()) == 429
        text = service.request("GET", "/metrics").text
        assert 'coachlm_refused_tokens_total{why="wrong_token"}' in text
    sqlite_databases.drop()


def test_an_id_is_looked_up_before_anything_is_hashed(lite: Service, monkeypatch):
    def hashed(*_: Any) -> bool:
        raise AssertionError("work for an id that nobody has")

    monkeypatch.setattr(type(lite.services.accounts), "renew_hash", hashed)
    monkeypatch.setattr("api.access.tokens.TokenVerifier.fits", hashed)
    assert _status(lite, _wrong()) == 401


def test_a_token_of_an_older_version_gets_its_quick_hash_when_it_is_used(service: Service):
    drawn = draw_token()
    old = PasswordHasher(2, 19_456, 1).hash(drawn.text.split("_", 2)[2])
    service.services.accounts.set_token("ada", drawn.id, old)
    assert _status(service, drawn.text) == 200
    found = service.services.accounts.token_holder(drawn.id)
    assert found is not None
    assert not is_costly(found[1])
    assert _status(service, drawn.text) == 200
    assert _status(service, drawn.text[:-3] + "abc") == 401


def test_argon2_is_spent_no_oftener_than_the_limit_says(sqlite_databases, monkeypatch):
    with running_service(sqlite_databases.new(), api_failures_per_minute=3) as service:
        drawn = draw_token()
        service.services.accounts.set_token("ada", drawn.id, PasswordHasher(1, 8, 1).hash("x" * 43))
        calls: list[str] = []
        monkeypatch.setattr("api.access.tokens.TokenVerifier.fits", lambda _, token, stored: bool(calls.append(token)))
        for _ in range(10):
            assert _status(service, drawn.text) in (401, 429)
        assert len(calls) == 3
    sqlite_databases.drop()


def test_only_a_trusted_proxy_says_who_calls(sqlite_databases):
    """Invented addresses give no further tries; those that a trusted proxy adds count each for itself."""
    invented = [{"X-Forwarded-For": f"198.51.100.{number}"} for number in range(12)]
    with running_service(sqlite_databases.new(), api_failures_per_minute=3) as service:
        codes = [_status(service, _wrong(), **headers) for headers in invented]
        assert codes == [401] * 3 + [429] * 9
    with running_service(sqlite_databases.new(), api_failures_per_minute=3, trusted_proxies="127.0.0.0/8") as service:
        assert {_status(service, _wrong(), **headers) for headers in invented} == {401}
        by_the_proxy = [{"X-Forwarded-For": f"198.51.100.{number}, 203.0.113.9"} for number in range(6)]
        codes = [_status(service, _wrong(), **headers) for headers in by_the_proxy]
        assert codes == [401] * 3 + [429] * 3
    sqlite_databases.drop()


@pytest.mark.parametrize(
    ("peer", "forwarded", "caller"),
    [
        ("192.0.2.1", "", "192.0.2.1"),
        ("192.0.2.1", "198.51.100.1", "192.0.2.1"),  # not a proxy of ours
        ("10.0.0.5", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.5", "1.2.3.4, 198.51.100.1, 10.0.0.9", "198.51.100.1"),
        ("10.0.0.5", "nonsense", "10.0.0.5"),
        ("10.0.0.5", "1.2.3.4, nonsense", "10.0.0.5"),
        ("10.0.0.5", "10.0.0.7", "10.0.0.7"),
        ("::ffff:10.0.0.5", "2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "", "2001:db8:1:2::/64"),
    ],
)
def test_the_callers_address(peer: str, forwarded: str, caller: str):
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    request = Request({"type": "http", "client": (peer, 1), "headers": headers})
    assert Callers.trusting(["10.0.0.0/24"]).address(request) == caller


def test_a_proxy_that_is_no_address_is_refused():
    with pytest.raises(SettingsError, match="COACHLM_TRUSTED_PROXIES"):
        Callers.trusting(["proxy.example.com"])
