"""JSON from another service's HTTP API: bounded answers, waits when it says so, words that never hold a key."""

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from coachlm.errors import InputError, SettingsError
from coachlm.http_answers import retry_after
from coachlm.machine.waiting import Backoff

_TRIES = 8
_LONGEST_WAIT = 300.0
_WAITS = Backoff(1.0, _LONGEST_WAIT)
_TIMEOUT = httpx.Timeout(60.0, connect=15.0)
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})
MAX_PAGE_BYTES = 64_000_000


class PageTooLongError(Exception):
    """The answer is longer than a page may be; fewer records at once may fit."""


class Web:
    """One service, with the headers that let us in."""

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        keys: str,
        *,
        max_bytes: int = MAX_PAGE_BYTES,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        """`keys`: what somebody has to set whom the service doesn't let in. Raises: SettingsError."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise SettingsError("the service's address is none; write https://HOST, without a key in it")
        self.url = url.rstrip("/")
        self.host = parts.netloc
        self._keys = keys
        self._max_bytes = max_bytes
        self._wait = wait
        self._http = httpx.Client(headers=dict(headers), timeout=_TIMEOUT, follow_redirects=False)

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, params: Mapping[str, Any]) -> tuple[dict[str, Any] | list[Any], httpx.Headers]:
        """Parameters that are None are left out. Raises: InputError, SettingsError, PageTooLongError."""
        given = {name: value for name, value in params.items() if value is not None}
        return self._ask("GET", path, params=given)

    def post(self, path: str, body: Mapping[str, Any]) -> tuple[dict[str, Any] | list[Any], httpx.Headers]:
        """Raises: as `get`."""
        return self._ask("POST", path, json={name: value for name, value in body.items() if value is not None})

    def _ask(self, method: str, path: str, **options: Any) -> tuple[dict[str, Any] | list[Any], httpx.Headers]:
        problem = ""
        for failures in range(1, _TRIES + 1):
            asked_for = 0.0
            try:
                with self._http.stream(method, f"{self.url}{path}", **options) as answer:
                    if answer.status_code == httpx.codes.OK:
                        return self._json(answer), answer.headers
                    problem = f"status {answer.status_code}"
                    self._check(answer)
                    asked_for = retry_after(answer.headers.get("retry-after", ""))
            except (httpx.TransportError, httpx.DecodingError) as error:
                problem = type(error).__name__
            if asked_for > _LONGEST_WAIT:
                break
            if failures < _TRIES:
                self._wait(_WAITS.spread_seconds(failures, asked_for))
        raise InputError(f"{self.host} gives no answer ({problem}); run the same command again later: it goes on here")

    def _json(self, answer: httpx.Response) -> dict[str, Any] | list[Any]:
        body = bytearray()
        for piece in answer.iter_bytes():
            body += piece
            if len(body) > self._max_bytes:
                raise PageTooLongError
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError:
            value = None
        if not isinstance(value, dict | list):
            raise InputError(f"{self.host} answered with something else than JSON; check the address {self.url}")
        return value

    def _check(self, answer: httpx.Response) -> None:
        """Raises: InputError, SettingsError, NoSuchPageError, for what another try doesn't mend."""
        status = answer.status_code
        if status in (401, 403):
            raise SettingsError(f"{self.host} doesn't let us in (status {status}); set {self._keys}")
        if status == httpx.codes.NOT_FOUND:
            raise NoSuchPageError(f"{self.host} has nothing under that name (status 404); check its spelling")
        if 300 <= status < 400:
            raise InputError(f"{self.host} sends us elsewhere (status {status}); give the address that it means")
        if status not in _AGAIN:
            raise InputError(f"{self.host} refuses the question (status {status}); check the options")


class NoSuchPageError(InputError):
    """The service has no such route or thing."""
