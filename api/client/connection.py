"""Calls over HTTP: time limits, retries of what may be repeated, answers read into models, errors into exceptions."""

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from api.client.errors import ServiceError, TooOftenError, UnavailableError, service_error
from api.models.problems import Problem
from coachlm.machine.addresses import LOOPBACK
from coachlm.machine.waiting import Backoff

M = TypeVar("M", bound=BaseModel)

_BACKOFF = Backoff(first_seconds=0.2, longest_seconds=5.0)
_STREAM_TIMEOUT = httpx.Timeout(600.0, connect=5.0)


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `repeatable`: made twice it does what it does once, so that a lost answer may be asked for again."""

    method: str
    path: str
    repeatable: bool
    params: Mapping[str, Any] | None = None
    body: BaseModel | None = None


class Connection:
    """Safe to share between threads. Raises (all methods): ServiceError."""

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        timeout_seconds: float,
        tries: int,
        transport: httpx.BaseTransport | None,
        on_behalf_of: str = "",
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self._tries = tries
        try:
            host = httpx.URL(self.base_url).host
        except httpx.InvalidURL as error:
            raise UnavailableError(
                f"{base_url!r} is not an http address; set COACHLM_API_URL, e.g. http://127.0.0.1:8080"
            ) from (error)
        trust_env = host not in LOOPBACK  # a proxy has no business between two programs of one machine
        self._http = httpx.Client(
            base_url=self.base_url,
            headers=_headers(token, on_behalf_of),
            timeout=httpx.Timeout(timeout_seconds, connect=min(5.0, timeout_seconds)),
            transport=transport,
            trust_env=trust_env,
            verify=_certificates(trust_env),
        )

    def close(self) -> None:
        self._http.close()

    def read(self, model: type[M], call: Call) -> M:
        answer = self.send(call)
        try:
            return model.model_validate(answer.json())
        except (ValidationError, ValueError) as error:
            raise UnavailableError(
                f"{call.method} {call.path}: the answer isn't one of this version's service; check the address and "
                "that service and client are of the same version"
            ) from error

    def get(self, model: type[M], path: str, **params: Any) -> M:
        return self.read(model, Call("GET", path, True, params=params or None))

    def post(self, model: type[M], path: str, body: BaseModel, *, repeatable: bool = False) -> M:
        return self.read(model, Call("POST", path, repeatable, body=body))

    def send(self, call: Call) -> httpx.Response:
        """The successful answer, after as many tries as the call may have."""
        for left in range(self._tries - 1, -1, -1):
            try:
                return self._try(call)
            except ServiceError as error:
                if not left or not _may_repeat(call, error):
                    raise
                time.sleep(max(_asked_wait(error), _BACKOFF.spread_seconds(self._tries - left)))
        raise AssertionError("unreachable")

    @contextmanager
    def stream(self, call: Call, content: Any = None, headers: Mapping[str, str] | None = None) -> Iterator[Any]:
        """The answer as it comes; not repeated. It may begin late: posted logs are stored first."""
        options: Any = {"params": _given(call.params), "content": content, "headers": headers}
        try:
            with self._http.stream(call.method, call.path, timeout=_STREAM_TIMEOUT, **options) as answer:
                if answer.is_error:
                    answer.read()
                    raise service_error(answer.status_code, read_problem(answer))
                yield answer
        except httpx.HTTPError as error:
            raise self._unreachable(call, error) from error

    def _try(self, call: Call) -> httpx.Response:
        json = None if call.body is None else call.body.model_dump(mode="json", exclude_unset=True)
        try:
            answer = self._http.request(call.method, call.path, params=_given(call.params), json=json)
        except httpx.HTTPError as error:
            raise self._unreachable(call, error) from error
        if answer.is_success:
            return answer
        raise service_error(answer.status_code, read_problem(answer))

    def _unreachable(self, call: Call, error: httpx.HTTPError) -> UnavailableError:
        said = f"{type(error).__name__}: {error}".rstrip(": ")
        return UnavailableError(
            f"{call.method} {call.path}: the service at {self.base_url} can't be reached ({said}); check that "
            "`coachlm serve` runs there, and COACHLM_API_URL"
        )


def _headers(token: str, on_behalf_of: str) -> dict[str, str]:
    given = {"Authorization": token and f"Bearer {token}", "X-Forwarded-For": on_behalf_of}
    return {name: value for name, value in given.items() if value}


@cache
def _certificates(trust_env: bool) -> ssl.SSLContext:
    """Read once: that takes 20 ms, and the pages have a client for everybody."""
    return httpx.create_ssl_context(trust_env=trust_env)


def read_problem(answer: httpx.Response) -> Problem | None:
    try:
        return Problem.model_validate(answer.json())
    except (ValidationError, ValueError):
        return None


def path_part(name: str) -> str:
    """One part of a path, whatever stands in it."""
    return quote(name, safe="")


def _may_repeat(call: Call, error: ServiceError) -> bool:
    """What the service turned away unread may always be repeated; else only what can't do anything twice."""
    if isinstance(error, TooOftenError):
        return _asked_wait(error) <= _BACKOFF.longest_seconds
    if not isinstance(error, UnavailableError):
        return False
    return call.repeatable or isinstance(error.__cause__, httpx.ConnectError | httpx.ConnectTimeout)


def _asked_wait(error: ServiceError) -> float:
    return (error.problem and error.problem.retry_after_seconds) or 0.0


def _given(params: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Without the parameters that are None; days as ISO 8601."""
    return None if params is None else {name: _plain(value) for name, value in params.items() if value is not None}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
