"""The headers of a message as the database keeps them: whatever Kafka carries comes back byte for byte."""

import base64
from collections.abc import Iterable, Sequence

Headers = tuple[tuple[str, bytes | None], ...]


def stored_headers(headers: Headers) -> list[list[str | None]]:
    """[name, value in base64 or null] each; a name that no database takes as text stands third, in base64."""
    return [_stored(name, value) for name, value in headers]


def message_headers(stored: Iterable[Sequence[str | None]]) -> Headers:
    """What `stored_headers` was made of."""
    return tuple(_header(*each) for each in stored)


def _stored(name: str, value: bytes | None) -> list[str | None]:
    encoded = None if value is None else base64.b64encode(value).decode()
    raw = name.encode("utf-8", "surrogateescape")
    is_plain = "\0" not in name and raw == name.encode("utf-8", "replace")
    return [name, encoded] if is_plain else ["", encoded, base64.b64encode(raw).decode()]


def _header(name: str | None, value: str | None, raw: str | None = None) -> tuple[str, bytes | None]:
    name = base64.b64decode(raw).decode("utf-8", "surrogateescape") if raw is not None else name
    return name or "", None if value is None else base64.b64decode(value)
