"""The keys of a company's identity provider, fetched beside the requests: no request ever waits for the provider.

What was fetched last is used until something newer comes, however long the provider is away. A token that names a key
we don't have asks for a fetch and is told to come again; a key id that a fetch didn't bring is refused for a while
without another one.
"""

# See docs/decisions/0155-no-request-waits-for-strangers.md

import asyncio
import hashlib
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from threading import Lock, Thread
from typing import Any

import httpx
import jwt
from jwt import PyJWKClientError, PyJWKSet

from coachlm.machine.addresses import LOOPBACK

log = logging.getLogger(__name__)

_FETCH_SECONDS = 10.0  # altogether, however the provider drips
_LARGEST_BYTES = 1_000_000
_KEPT_SECONDS = 300.0
_BETWEEN_SECONDS = 5.0  # two fetches, whatever tokens ask for
_UNKNOWN_SECONDS = 60.0
_UNKNOWN_IDS = 10_000
_MAX_ID_CHARS = 500
_NO_ID = ""


class IdentityUnavailableError(Exception):
    """The identity provider's keys aren't here, or not yet."""


class PublishedKeys:
    """Those of the issuer's address. Safe to share between threads; one fetch at a time, in a thread of its own.

    A token may name no key where the issuer has one. Source: OpenID Connect Core 1.0, §10.1.
    """

    def __init__(
        self,
        url: str,
        on_fetch: Callable[[bool], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
        fetch: Callable[[str], bytes] | None = None,
    ) -> None:
        self._url = url
        self._on_fetch = on_fetch
        self._clock = clock
        self._fetch = fetch or _fetched
        self._lock = Lock()
        self._keys: dict[str, Any] = {}  # by their ids; the last good ones
        self._at: float | None = None  # of the last good fetch
        self._tried_at: float | None = None  # of the last one that has ended, good or not
        self._is_fetching = False
        self._asked: OrderedDict[str, float] = OrderedDict()  # key ids that the next fetch decides about
        self._refused: OrderedDict[str, float] = OrderedDict()  # key id → until when

    def candidates(self, token: str) -> Iterator[Any]:
        """The key that may have signed the token.

        Raises: IdentityUnavailableError, where a fetch may bring it; PyJWKClientError; DecodeError.
        """
        name = jwt.get_unverified_header(token).get("kid", _NO_ID)
        if not isinstance(name, str) or len(name) > _MAX_ID_CHARS:
            raise PyJWKClientError("the key id is none")
        key = self._found(name)
        if key is None:
            self._ask_for(name)
        self._renew()
        yield key
        if name == _NO_ID:  # it didn't fit: the issuer may have another one by now
            self._ask_for(f"{_NO_ID}#{hashlib.sha256(token.encode()).hexdigest()}")

    def refresh(self) -> None:
        """Begins a fetch, unless one is under way or has just been."""
        with self._lock:
            is_too_soon = self._tried_at is not None and self._clock() - self._tried_at < _BETWEEN_SECONDS
            if not self._is_fetching and not is_too_soon:
                self._is_fetching = True
                Thread(target=self._refresh, name="issuer-keys", daemon=True).start()

    def _found(self, name: str) -> Any | None:
        with self._lock:
            if name != _NO_ID:
                return self._keys.get(name)
            if len(self._keys) > 1:
                raise PyJWKClientError("the token names no key, and the issuer has published several")
            return next(iter(self._keys.values()), None)

    def _renew(self) -> None:
        with self._lock:
            is_old = self._at is None or self._clock() - self._at >= _KEPT_SECONDS
        if is_old:
            self.refresh()

    def _ask_for(self, name: str) -> None:
        """Raises: IdentityUnavailableError, when the next fetch may bring the key; else PyJWKClientError."""
        with self._lock:
            if self._refused.get(name, 0.0) > self._clock():
                raise PyJWKClientError("the issuer has no such key")
            _remember(self._asked, name, 0.0)
        self.refresh()
        raise IdentityUnavailableError

    def _refresh(self) -> None:
        keys: dict[str, Any] | None = None
        try:
            keys = _read(self._fetch(self._url))
        except Exception as error:  # noqa: BLE001 - whatever a stranger's server does; the keys that are here stay
            log.warning("the identity provider's keys can't be fetched (%s); the last ones stay", type(error).__name__)
        with self._lock:
            self._tried_at = now = self._clock()
            self._is_fetching = False
            if keys is not None:
                self._keys, self._at = keys, now
                for name in self._asked.keys() - keys.keys():
                    _remember(self._refused, name, now + _UNKNOWN_SECONDS)
                self._asked.clear()
        self._on_fetch(keys is not None)


def _remember(names: OrderedDict[str, float], name: str, until: float) -> None:
    names[name] = until
    names.move_to_end(name)
    if len(names) > _UNKNOWN_IDS:
        names.popitem(last=False)


def _read(answer: bytes) -> dict[str, Any]:
    """Raises: ValueError, PyJWKClientError, for what is no key set."""
    found = PyJWKSet.from_dict(json.loads(answer)).keys
    keys = [key for key in found if key.public_key_use in ("sig", None)]
    if not keys:
        raise PyJWKClientError("no key to check signatures with")
    return {key.key_id or f"#{number}": key.key for number, key in enumerate(keys)}


def _fetched(url: str) -> bytes:
    return asyncio.run(asyncio.wait_for(_download(url), _FETCH_SECONDS))


async def _download(url: str) -> bytes:
    host = httpx.URL(url).host
    async with (
        httpx.AsyncClient(timeout=_FETCH_SECONDS, trust_env=host not in LOOPBACK) as http,
        http.stream("GET", url, headers={"Accept": "application/json"}) as answer,
    ):
        answer.raise_for_status()
        pieces, size = [], 0
        async for piece in answer.aiter_bytes():
            size += len(piece)
            if size > _LARGEST_BYTES:
                raise ValueError("longer than any key set")
            pieces.append(piece)
        return b"".join(pieces)
