"""The provider's keys, while the provider hangs, fails or is asked for keys that it never had."""

import json
import threading
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt import PyJWKClientError
from jwt.algorithms import RSAAlgorithm

from api.access.issuer_keys import IdentityUnavailableError, PublishedKeys
from tests.api.clocks import Seconds
from tests.api.service import running_service


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


class Provider:
    """Answers when it is let, with the keys of these names."""

    def __init__(self, key: rsa.RSAPrivateKey, *names: str) -> None:
        self.names: tuple[str, ...] = names
        self.open = threading.Event()
        self.fetches = 0
        self.ended: list[bool] = []
        self._jwk = json.loads(RSAAlgorithm.to_jwk(key.public_key()))

    def fetch(self, _: str) -> bytes:
        self.fetches += 1
        assert self.open.wait(60)
        if not self.names:
            raise OSError("away")
        return json.dumps({"keys": [{**self._jwk, "kid": name} for name in self.names]}).encode()

    def await_ended(self, count: int) -> None:
        for _ in range(4000):
            if len(self.ended) >= count:
                return
            time.sleep(0.005)
        raise AssertionError("no fetch has ended")


def _keys(provider: Provider) -> tuple[PublishedKeys, Seconds]:
    clock = Seconds()
    return PublishedKeys("https://idp.example/jwks", provider.ended.append, clock, provider.fetch), clock


def _token(key: Any, name: str) -> str:
    return jwt.encode({"sub": "x"}, key, "RS256", headers={"kid": name})


def _candidates(keys: PublishedKeys, token: str) -> list[Any]:
    return list(keys.candidates(token))


def test_nobody_waits_for_a_provider_that_hangs_and_one_fetch_is_made(key):
    provider = Provider(key, "one")
    keys, _ = _keys(provider)
    began = time.monotonic()
    for number in range(200):
        with pytest.raises(IdentityUnavailableError):
            _candidates(keys, _token(key, f"evil{number % 7}"))
    assert time.monotonic() - began < 30
    assert provider.fetches == 1
    provider.open.set()
    provider.await_ended(1)
    assert _candidates(keys, _token(key, "one"))


def test_the_last_good_keys_stay_while_the_provider_is_away(key):
    provider = Provider(key, "one")
    provider.open.set()
    keys, clock = _keys(provider)
    keys.refresh()
    provider.await_ended(1)
    provider.names = ()
    for turn in range(2, 5):
        clock.turn(3600)
        assert _candidates(keys, _token(key, "one"))
        provider.await_ended(turn)
    assert provider.ended == [True, False, False, False]
    assert _candidates(keys, _token(key, "one"))


def test_a_key_id_that_a_fetch_did_not_bring_is_refused_without_another(key):
    provider = Provider(key, "one")
    provider.open.set()
    keys, clock = _keys(provider)
    for _ in range(2):
        with pytest.raises((IdentityUnavailableError, PyJWKClientError)):
            _candidates(keys, _token(key, "two"))
        provider.await_ended(1)
    with pytest.raises(PyJWKClientError):
        _candidates(keys, _token(key, "two"))
    clock.turn(30)
    with pytest.raises(PyJWKClientError):
        _candidates(keys, _token(key, "two"))
    assert provider.fetches == 1
    provider.names = ("one", "two")  # the issuer has it after all
    clock.turn(31)
    with pytest.raises(IdentityUnavailableError):
        _candidates(keys, _token(key, "two"))
    provider.await_ended(2)
    assert _candidates(keys, _token(key, "two"))


def test_made_up_key_ids_do_not_hurry_the_fetches(key):
    provider = Provider(key, "one")
    provider.open.set()
    keys, clock = _keys(provider)
    keys.refresh()
    provider.await_ended(1)
    clock.turn(10)
    for number in range(50):
        with pytest.raises(IdentityUnavailableError):
            _candidates(keys, _token(key, f"evil{number}"))
        provider.await_ended(2)
    assert provider.fetches == 2


def test_a_hanging_provider_leaves_the_service_to_the_others(key, sqlite_databases, monkeypatch):
    """More callers without an account than the service has threads, while the provider says nothing."""
    provider = Provider(key, "one")
    monkeypatch.setattr("api.access.issuer_keys._fetched", provider.fetch)
    oidc = {"oidc_issuer": "https://idp", "oidc_audience": "a", "oidc_jwks_url": "https://idp.example/jwks"}
    with running_service(sqlite_databases.new(), **oidc) as service:
        headers = {"Authorization": f"Bearer {_token(key, 'evil')}"}
        assert {service.request("GET", "/v1/me", headers=headers).status_code for _ in range(60)} == {503}
        assert service.request("GET", "/v1/me", "ada").status_code == 200
        assert provider.fetches == 1
        provider.open.set()
        provider.await_ended(0)
    sqlite_databases.drop()
