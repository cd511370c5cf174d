"""Phoenix's spans. Source: Phoenix REST API, `GET /v1/projects/{project_identifier}/spans`."""

from typing import Any
from urllib.parse import quote

from streams.pulling.origin import Found, Page, Window, number_of, objects, told
from streams.pulling.web import Web

LOCAL = "http://localhost:6006"
KEYS = "PHOENIX_API_KEY"
_KINDS = ("LLM", "UNKNOWN")  # what isn't instrumented with OpenInference has no kind


class PhoenixOrigin:
    """Implements `Origin`: the spans of model calls in a project, which is named or known by its id."""

    page_records = 500
    grows = True

    def __init__(self, web: Web, project: str) -> None:
        self.name = f"phoenix:{web.host}/{project}"
        self._web = web
        self._path = f"/v1/projects/{quote(project, safe='')}/spans"

    def page(self, window: Window, cursor: str, count: int) -> Page:
        params = {
            "limit": count,
            "cursor": cursor or None,
            "start_time": None if window.since is None else told(window.since),
            "end_time": told(window.until),
            "span_kind": list(_KINDS),
        }
        value, _ = self._web.get(self._path, params)
        body = value if isinstance(value, dict) else {}
        spans = objects(body.get("data"), self._web.host)
        # Servers before 14 know no filter by kind.
        found = [Found(number_of(_identity(span)), span) for span in spans if _is_wanted(span)]
        return Page(found, str(body.get("next_cursor") or ""))


def _is_wanted(span: Any) -> bool:
    return not isinstance(span, dict) or str(span.get("span_kind") or "UNKNOWN").upper() in _KINDS


def _identity(span: Any) -> object:
    context = span.get("context") if isinstance(span, dict) else None
    return (context.get("trace_id"), context.get("span_id")) if isinstance(context, dict) else span
