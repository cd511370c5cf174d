"""Our own bearer tokens, `clm_<id>_<secret>`: drawn, hashed, verified.

Only a hash of the secret is stored: its SHA-256, since 256 random bits stand in no dictionary that a slow hash would
keep somebody from trying, and a slow hash is work that strangers can ask for. Tokens of versions before 0.2 have an
argon2id hash until they are used; what fitted one is remembered in this process for a minute.
"""

import hashlib
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_SHAPE = re.compile(r"clm_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_QUICK = "sha256$"
_PASSES, _MEMORY_KIB, _LANES = 2, 19_456, 1
_REMEMBERED = 10_000
_REMEMBERED_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class DrawnToken:
    """A new token. `text` is shown once; `id` and `hash` are stored."""

    text: str
    id: str
    hash: str

    def __repr__(self) -> str:
        return f"DrawnToken(id={self.id!r})"


def draw_token() -> DrawnToken:
    """256 random bits behind an id of 64 bits."""
    token_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    return DrawnToken(f"clm_{token_id}_{secret}", token_id, _quick_hash(secret))


def token_id(token: str) -> str | None:
    """The id in a token, None for anything that isn't shaped as one."""
    match = _SHAPE.fullmatch(token)
    return None if match is None else match[1]


def is_costly(stored_hash: str) -> bool:
    """Whether checking it takes 19 MiB and many milliseconds."""
    return not stored_hash.startswith(_QUICK)


def quick_hash(token: str) -> str:
    """What is stored of a token that fits. Raises: ValueError, for what is no token."""
    match = _SHAPE.fullmatch(token)
    if match is None:
        raise ValueError("that isn't a token")
    return _quick_hash(match[2])


def _quick_hash(secret: str) -> str:
    return _QUICK + hashlib.sha256(secret.encode()).hexdigest()


class TokenVerifier:
    """Safe to share between threads; one argon2 at a time, since each takes 19 MiB."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._hasher = PasswordHasher(_PASSES, _MEMORY_KIB, _LANES)
        self._clock = clock
        self._fitting: OrderedDict[bytes, tuple[str, float]] = OrderedDict()  # sha256 of token → (hash, until)
        self._lock = Lock()
        self._one_hash = Lock()

    def is_remembered(self, token: str) -> bool:
        return self._remembered(_digest(token)) is not None

    def fits(self, token: str, stored_hash: str) -> bool:
        """Whether the token is the one whose hash is stored."""
        match = _SHAPE.fullmatch(token)
        if match is None:
            return False
        if not is_costly(stored_hash):
            return secrets.compare_digest(_quick_hash(match[2]), stored_hash)
        digest = _digest(token)
        known = self._remembered(digest)
        if known is not None and secrets.compare_digest(known, stored_hash):
            return True
        try:
            with self._one_hash:
                self._hasher.verify(stored_hash, match[2])
        except (VerificationError, InvalidHashError):
            return False
        self._remember(digest, stored_hash)
        return True

    def _remembered(self, digest: bytes) -> str | None:
        with self._lock:
            stored_hash, until = self._fitting.get(digest, ("", 0.0))
            return stored_hash if until > self._clock() else None

    def _remember(self, digest: bytes, stored_hash: str) -> None:
        with self._lock:
            self._fitting[digest] = (stored_hash, self._clock() + _REMEMBERED_SECONDS)
            self._fitting.move_to_end(digest)
            if len(self._fitting) > _REMEMBERED:
                self._fitting.popitem(last=False)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
