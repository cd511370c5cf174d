"""JSON web tokens of a company's identity provider: who somebody is. What the person may do is our own table's to say.

Source: RFC 7519, RFC 8725 (best current practice: fixed algorithms, issuer and audience checked).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import jwt
from jwt import PyJWKClientError

from api.access.issuer_keys import PublishedKeys
from coachlm.errors import SettingsError
from coachlm.machine.addresses import LOOPBACK
from coachlm.settings import Settings

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_LEEWAY_SECONDS = 30


class _Keys(Protocol):
    def candidates(self, token: str) -> Iterator[Any]:
        """Keys that may have signed the token, likeliest first.

        Raises: IdentityUnavailableError; PyJWKClientError; DecodeError.
        """
        ...


class _KeyOfFile:
    """Whatever the token names."""

    def __init__(self, pem: bytes) -> None:
        self._pem = pem

    def candidates(self, token: str) -> Iterator[Any]:
        yield self._pem


@dataclass(frozen=True, slots=True)
class JwtVerifier:
    """Tokens of one issuer, for one audience; `claim` holds whom `coachlm people` knows as somebody's subject."""

    issuer: str
    audience: str
    claim: str
    keys: _Keys

    def subject(self, token: str) -> str | None:
        """Whom the provider says it is; None for a token that doesn't hold. Raises: IdentityUnavailableError."""
        try:
            claims = self._claims(token)
        except (jwt.PyJWTError, PyJWKClientError, ValueError):
            return None
        subject = claims[self.claim]
        if self.claim == "email" and claims.get("email_verified") is not True:
            return None
        return subject if isinstance(subject, str) and subject else None

    def _claims(self, token: str) -> dict[str, Any]:
        wrong: Exception = jwt.InvalidSignatureError()
        for key in self.keys.candidates(token):
            try:
                return jwt.decode(
                    token,
                    key,
                    algorithms=list(_ALGORITHMS),
                    issuer=self.issuer,
                    audience=self.audience,
                    leeway=_LEEWAY_SECONDS,
                    options={"require": ["exp", "iss", "aud", self.claim]},
                )
            except jwt.InvalidSignatureError as error:
                wrong = error
        raise wrong


def jwt_verifier(settings: Settings, on_fetch: Callable[[bool], None] = lambda _: None) -> JwtVerifier | None:
    """None where no issuer is set; `on_fetch` hears whether a fetch of its keys went well. Raises: SettingsError."""
    if settings.oidc.issuer is None:
        return None
    if settings.oidc.audience is None:
        raise SettingsError("COACHLM_OIDC_AUDIENCE is not set; without it any token of the issuer would do")
    if (settings.oidc.jwks_url is None) == (settings.oidc.key_file is None):
        raise SettingsError("set one of COACHLM_OIDC_JWKS_URL and COACHLM_OIDC_KEY_FILE: where the issuer's keys are")
    return JwtVerifier(settings.oidc.issuer, settings.oidc.audience, settings.oidc.claim, _keys(settings, on_fetch))


def _keys(settings: Settings, on_fetch: Callable[[bool], None]) -> _Keys:
    if settings.oidc.key_file is not None:
        try:
            return _KeyOfFile(Path(settings.oidc.key_file).read_bytes())
        except OSError as error:
            raise SettingsError(f"COACHLM_OIDC_KEY_FILE can't be read: {error.strerror or error}") from error
    url = settings.oidc.jwks_url or ""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise SettingsError(
            "COACHLM_OIDC_JWKS_URL is not an https address; without https the keys could be replaced on the way"
        )
    keys = PublishedKeys(url, on_fetch)
    keys.refresh()
    return keys
