"""Tokens of an identity provider: only those of our issuer, for us, signed by its key, in time."""

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import RSAAlgorithm

from api.access.issuer_keys import IdentityUnavailableError
from api.access.jwt_bearer import JwtVerifier, jwt_verifier
from coachlm.errors import SettingsError
from coachlm.settings import Settings, load_settings

ISSUER, AUDIENCE = "https://login.example.com", "coachlm"


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="module")
def key_file(key, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("keys") / "issuer.pem"
    path.write_bytes(_public_pem(key))
    return str(path)


@pytest.fixture
def verifier(key_file) -> JwtVerifier:
    found = jwt_verifier(_settings(oidc_key_file=key_file))
    assert found is not None
    return found


def _settings(**given: Any) -> Settings:
    return load_settings(**{"oidc_issuer": ISSUER, "oidc_audience": AUDIENCE, **given})


def _public_pem(key: Any) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _token(key: Any, *, algorithm: str = "RS256", headers: dict[str, Any] | None = None, **claims: Any) -> str:
    all_claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada@example.com", "exp": time.time() + 300, **claims}
    kept = {name: value for name, value in all_claims.items() if value is not None}
    return jwt.encode(kept, key, algorithm=algorithm, headers=headers)


def test_a_good_token_names_its_subject(verifier, key):
    assert verifier.subject(_token(key)) == "ada@example.com"


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://elsewhere.example.com"},
        {"aud": "another service"},
        {"exp": 1000},
        {"exp": None},
        {"aud": None},
        {"iss": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"nbf": 4_000_000_000},
    ],
)
def test_another_issuer_audience_or_time_names_nobody(verifier, key, claims):
    assert verifier.subject(_token(key, **claims)) is None


def test_another_key_names_nobody(verifier):
    assert verifier.subject(_token(rsa.generate_private_key(65537, 2048))) is None


def test_unsigned_and_secretly_signed_tokens_name_nobody(verifier, key):
    """The two classic confusions: `none`, and the public key taken as the secret of an HMAC."""
    assert verifier.subject(_token(None, algorithm="none")) is None
    forged = jwt.api_jws.PyJWS()
    head = {"alg": "HS256", "typ": "JWT"}
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "admin", "exp": time.time() + 300}
    signed = _hmac_with_public_key(head, claims, _public_pem(key))
    assert forged.get_unverified_header(signed)["alg"] == "HS256"
    assert verifier.subject(signed) is None
    assert verifier.subject(_token(ec.generate_private_key(ec.SECP256R1()), algorithm="ES256")) is None


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "e30.e30.", "\ud800.\0.", "." * 1000])
def test_garbage_names_nobody(verifier, text):
    assert verifier.subject(text) is None


def test_an_email_counts_only_when_the_provider_has_verified_it(key, key_file):
    verifier = jwt_verifier(_settings(oidc_key_file=key_file, oidc_claim="email"))
    assert verifier is not None
    assert verifier.subject(_token(key, email="ada@example.com", email_verified=True)) == "ada@example.com"
    assert verifier.subject(_token(key, email="ada@example.com")) is None
    assert verifier.subject(_token(key, email="ada@example.com", email_verified=False)) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"oidc_audience": None, "oidc_key_file": "key.pem"}, "OIDC_AUDIENCE"),
        ({}, "one of"),
        ({"oidc_key_file": "k", "oidc_jwks_url": "https://login.example.com/jwks"}, "one of"),
        ({"oidc_key_file": "no/such/file.pem"}, "can't be read"),
        ({"oidc_jwks_url": "http://login.example.com/jwks"}, "https"),
        ({"oidc_jwks_url": "file:///etc/passwd"}, "https"),
    ],
)
def test_half_a_configuration_is_refused(given, said):
    with pytest.raises(SettingsError, match=said):
        jwt_verifier(_settings(**given))


def test_without_an_issuer_there_is_no_verifier():
    assert jwt_verifier(load_settings()) is None


@pytest.fixture
def provider(key) -> Iterator[tuple[str, list[str]]]:
    """A key server on loopback; its address, and the requests that it got."""
    published = json.loads(RSAAlgorithm.to_jwk(key.public_key())) | {"kid": "one", "use": "sig", "alg": "RS256"}
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = json.dumps({"keys": [published]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/jwks", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_published_keys_are_fetched_once_and_chosen_by_their_id(provider, key, monkeypatch):
    monkeypatch.setattr("api.access.issuer_keys._BETWEEN_SECONDS", 0.0)
    url, asked = provider
    verifier = jwt_verifier(_settings(oidc_jwks_url=url))
    assert verifier is not None
    one, two = (_token(key, headers={"kid": name}) for name in ("one", "two"))
    assert _settled(verifier, one) == "ada@example.com"
    for _ in range(3):
        assert verifier.subject(one) == "ada@example.com"
    assert asked == ["/jwks"]
    assert _settled(verifier, two) is None
    for _ in range(3):  # known to be unknown: no fetch for it
        assert verifier.subject(two) is None
    assert len(asked) == 2


def _settled(verifier: JwtVerifier, token: str) -> str | None:
    """What is said of the token once the keys for it have been asked for."""
    for _ in range(2000):
        try:
            return verifier.subject(token)
        except IdentityUnavailableError:
            time.sleep(0.005)
    raise AssertionError("no answer")


def test_a_provider_that_is_away_is_no_wrong_token(key):
    verifier = jwt_verifier(_settings(oidc_jwks_url="http://127.0.0.1:9/jwks"))
    assert verifier is not None
    with pytest.raises(IdentityUnavailableError):
        verifier.subject(_token(key, headers={"kid": "one"}))


def _hmac_with_public_key(head: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    """pyjwt refuses to sign so; an attacker's program doesn't."""
    import base64
    import hmac

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    body = f"{part(json.dumps(head).encode())}.{part(json.dumps(claims).encode())}"
    return f"{body}.{part(hmac.digest(secret, body.encode(), 'sha256'))}"
