"""Who may come in: bearer tokens, rate limits, and the roles that each route declares.

A route declares its roles by one dependency: `Allowed`, `KeyPair`, `LocalOr` or `Anyone`. A service with a route that
declares none does not start. Which pairs a person may see is `api.access.units`' to say.
"""

# See docs/decisions/0101-roles-fail-closed.md

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer
from starlette.routing import BaseRoute

from api.access.jwt_bearer import IdentityUnavailableError, JwtVerifier
from api.access.rate_limits import RateLimiter
from api.access.tokens import TokenVerifier, token_id
from api.http.problems import RefusedError
from coachlm.desk.work import Person, PersonRole
from coachlm.errors import SettingsError
from storage.people.accounts import Accounts

ANNOTATOR, OWNER, OPERATOR, ADMIN, INGEST = (
    PersonRole.ANNOTATOR,
    PersonRole.OWNER,
    PersonRole.OPERATOR,
    PersonRole.ADMIN,
    PersonRole.INGEST,
)
_BEARER = HTTPBearer(auto_error=False, description="A token of `coachlm people token`, or the company's JWT.")
Credentials = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
_BASIC = HTTPBasic(auto_error=False, description="Any name (a public key), and a token as password (the secret key).")
BasicPair = Annotated[HTTPBasicCredentials | None, Depends(_BASIC)]
_LOOPBACK = ("127.0.0.1", "::1")
_MAX_TOKEN_CHARS = 8_000


@dataclass(frozen=True, slots=True)
class Gate:
    """Turns a bearer token into a person, or the request away. Safe to share between threads."""

    accounts: Accounts
    tokens: TokenVerifier
    jwt: JwtVerifier | None
    requests: RateLimiter  # by person
    failures: RateLimiter  # by address

    def admit(self, token: str | None, address: str) -> Person:
        """Raises: RefusedError."""
        if not token:
            raise _unauthorised("send a token: `Authorization: Bearer clm_…`; an admin gives one out")
        person = self._person(token, address)
        if person is None:
            self.failures.take(address)
            raise _unauthorised("the token isn't known, or no longer; ask an admin for a new one")
        wait = self.requests.take(person.id)
        if wait:
            raise _too_often("too many requests; slow down", wait)
        return person

    def _person(self, token: str, address: str) -> Person | None:
        if not self.tokens.is_remembered(token):
            wait = self.failures.wait_seconds(address)
            if wait:
                raise _too_often("too many wrong tokens came from this address", wait)
        own = token_id(token)
        if own is not None:
            found = self.accounts.token_holder(own)
            return found[0] if found is not None and self.tokens.fits(token, found[1]) else None
        return None if self.jwt is None or len(token) > _MAX_TOKEN_CHARS else self._of_company(self.jwt, token)

    def _of_company(self, verifier: JwtVerifier, token: str) -> Person | None:
        try:
            subject = verifier.subject(token)
        except IdentityUnavailableError:
            said = "the identity provider's keys can't be fetched; try again, and check COACHLM_OIDC_JWKS_URL"
            raise RefusedError(503, "identity", said, retry_after_seconds=5) from None
        return None if subject is None else self.accounts.find_by_subject(subject)


@dataclass(frozen=True, slots=True)
class Roles:
    """Who may call a route. Every dependency that declares it has one as its attribute `roles`."""

    named: frozenset[PersonRole] | None  # None: everybody, without a token

    def admit(self, request: Request, credentials: HTTPAuthorizationCredentials | None) -> Person:
        """Raises: RefusedError, for a token that isn't known and for another role."""
        gate: Gate = request.app.state.gate
        person = gate.admit(None if credentials is None else credentials.credentials, _address(request))
        request.state.person = person.name
        if self.named is not None and person.role not in self.named:
            allowed = ", ".join(sorted(self.named))
            raise RefusedError(403, "forbidden", f"your role is {person.role}; this takes one of: {allowed}")
        return person


class Allowed:
    """A dependency: lets these roles in and gives the person."""

    def __init__(self, *roles: PersonRole) -> None:
        self.roles = Roles(frozenset(roles))

    def __call__(self, request: Request, credentials: Credentials) -> Person:
        return self.roles.admit(request, credentials)


class KeyPair:
    """A dependency as `Allowed`, for clients that know no bearer tokens but a public and a secret key: the secret one
    is a token, and what the public one says doesn't matter."""

    def __init__(self, *roles: PersonRole) -> None:
        self.roles = Roles(frozenset(roles))

    def __call__(self, request: Request, credentials: Credentials, pair: BasicPair) -> Person:
        if credentials is None and pair is not None:
            credentials = HTTPAuthorizationCredentials(scheme="Bearer", credentials=pair.password)
        return self.roles.admit(request, credentials)


class LocalOr:
    """A dependency: lets these roles in, and programs of the same machine without a token (None is given)."""

    def __init__(self, *roles: PersonRole) -> None:
        self.roles = Roles(frozenset(roles))

    def __call__(self, request: Request, credentials: Credentials) -> Person | None:
        if credentials is None and _address(request) in _LOOPBACK:
            return None
        return self.roles.admit(request, credentials)


class Anyone:
    """A dependency: lets everybody in, without a token."""

    roles = Roles(None)

    async def __call__(self) -> None:
        return None


def declared(route: APIRoute) -> list[Roles]:
    """What the route says about who may come in; exactly one, or it is wrong."""
    found = (getattr(call, "roles", None) for call in _calls(route.dependant))
    return [roles for roles in found if isinstance(roles, Roles)]


def check_declared(routes: Iterable[BaseRoute]) -> None:
    """Raises: SettingsError, naming a route that anybody could call because nobody said who may."""
    for route in routes:
        if not isinstance(route, APIRoute) or len(declared(route)) != 1:
            name = f"{getattr(route, 'methods', '')} {getattr(route, 'path', route)}"
            raise SettingsError(
                f"route {name} doesn't declare its roles; give it one dependency of api.access.gate (Allowed, KeyPair, "
                "LocalOr, Anyone)"
            )


def _calls(dependant: Dependant) -> Iterable[object]:
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from _calls(dependency)


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _unauthorised(said: str) -> RefusedError:
    return RefusedError(401, "unauthorised", said, headers={"WWW-Authenticate": "Bearer"})


def _too_often(said: str, wait: float) -> RefusedError:
    return RefusedError(429, "too_often", f"{said}; wait {wait:.1f} s", retry_after_seconds=round(wait, 3))
