"""LangSmith's runs of models.

Source: LangSmith API reference, "Query runs", "Read tracer sessions"; "Trace query syntax".
"""

from typing import Any
from uuid import UUID

from coachlm.errors import InputError
from streams.pulling.origin import Found, Page, Window, number_of, objects, told
from streams.pulling.web import Web

CLOUD = "https://api.smith.langchain.com"
KEYS = "LANGSMITH_API_KEY"
_SELECT = [
    "id", "name", "run_type", "start_time", "end_time", "inputs", "outputs", "error", "extra", "trace_id",
    "feedback_stats",
]  # fmt: skip


class LangsmithOrigin:
    """Implements `Origin`: the model calls of a project, which is named or known by its id."""

    page_records = 100  # the API's own limit
    grows = True

    def __init__(self, web: Web, project: str) -> None:
        self._web = web
        self._session = _session(web, project)
        self.name = f"langsmith:{web.host}/{self._session}"

    def page(self, window: Window, cursor: str, count: int) -> Page:
        body = {
            "session": [self._session],
            "run_type": "llm",
            "filter": _filter(window),
            "select": _SELECT,
            "limit": count,
            "cursor": cursor or None,
        }
        value, _ = self._web.post("/api/v1/runs/query", body)
        answer = value if isinstance(value, dict) else {}
        records = objects(answer.get("runs"), self._web.host)
        cursors = answer.get("cursors")
        following = cursors.get("next") if isinstance(cursors, dict) and records else None
        found = [Found(number_of(one.get("id") if isinstance(one, dict) else one), one) for one in records]
        return Page(found, str(following or ""))


def _session(web: Web, project: str) -> str:
    """Raises: InputError, where there is no such project."""
    try:
        return str(UUID(project))
    except ValueError:
        pass
    value, _ = web.get("/api/v1/sessions", {"name": project, "limit": 1})
    sessions: list[Any] = value if isinstance(value, list) else []
    known = [one for one in sessions if isinstance(one, dict) and one.get("name") == project]
    if not known:
        raise InputError(f"{web.host} has no project {project!r}; `--project` takes a name or an id")
    return str(known[0]["id"])


def _filter(window: Window) -> str:
    until = f'lt(start_time, "{told(window.until)}")'
    return until if window.since is None else f'and(gte(start_time, "{told(window.since)}"), {until})'
