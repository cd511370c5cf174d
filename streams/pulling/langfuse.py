"""Langfuse's observations: the cursor API, and the paged one of servers that don't have it.

Source: Langfuse API reference, "Observations" (`GET /api/public/v2/observations`), "Legacy observations".
"""

import base64
from typing import Any

from streams.pulling.origin import Found, Page, Window, number_of, objects, told
from streams.pulling.web import NoSuchPageError, Web

CLOUD = "https://cloud.langfuse.com"
KEYS = "LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY"
_FIELDS = "core,basic,io,model"
_LEGACY = "offset:"
_LEGACY_MOST = 100


class LangfuseOrigin:
    """Implements `Origin`: the generations of the project whose keys they are."""

    page_records = 500
    grows = True

    def __init__(self, web: Web, public_key: str) -> None:
        self.name = f"langfuse:{web.host}/{number_of(public_key):016x}"
        self._web = web

    def page(self, window: Window, cursor: str, count: int) -> Page:
        if cursor.startswith(_LEGACY):
            return self._legacy(window, int(cursor.removeprefix(_LEGACY)), count)
        params = {"fields": _FIELDS, "limit": count, "cursor": cursor or None, **_wanted(window)}
        try:
            value, _ = self._web.get("/api/public/v2/observations", params)
        except NoSuchPageError:
            if cursor:
                raise
            return self._legacy(window, 0, count)
        body = value if isinstance(value, dict) else {}
        meta = body.get("meta")
        following = meta.get("cursor") if isinstance(meta, dict) else None
        return Page(_found(objects(body.get("data"), self._web.host)), str(following or ""))

    def _legacy(self, window: Window, offset: int, count: int) -> Page:
        """Pages by number: their length has to divide what was pulled before."""
        length = next(n for n in range(min(count, _LEGACY_MOST), 0, -1) if offset % n == 0)
        params = {"page": offset // length + 1, "limit": length, **_wanted(window)}
        value, _ = self._web.get("/api/public/observations", params)
        body = value if isinstance(value, dict) else {}
        records = objects(body.get("data"), self._web.host)
        return Page(_found(records), f"{_LEGACY}{offset + length}" if len(records) == length else "")


def basic(public_key: str, secret_key: str) -> dict[str, str]:
    """The header that lets us in."""
    return {"Authorization": f"Basic {base64.b64encode(f'{public_key}:{secret_key}'.encode()).decode()}"}


def _wanted(window: Window) -> dict[str, Any]:
    since = None if window.since is None else told(window.since)
    return {"type": "GENERATION", "fromStartTime": since, "toStartTime": told(window.until)}


def _found(records: list[Any]) -> list[Found]:
    return [Found(number_of(one.get("id") if isinstance(one, dict) else one), one) for one in records]
