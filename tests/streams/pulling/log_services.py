"""Stand-ins for Langfuse, LangSmith, Phoenix and the Hugging Face viewer that hold callers to their documentation: a
wrong key, an unknown parameter or too long a page is refused, as are cursors that nobody was given."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

PUBLIC, SECRET, KEY = "pk-lf-1", "sk-lf-very-secret", "key-very-secret"
SESSION = "11111111-2222-3333-4444-555555555555"
_BASIC = f"Basic {base64.b64encode(f'{PUBLIC}:{SECRET}'.encode()).decode()}"


@dataclass
class Services:
    """What they hold, and how they behave; tests change it while it is served."""

    url: str = ""
    observations: list[Any] = field(default_factory=list)
    runs: list[Any] = field(default_factory=list)
    spans: list[Any] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)
    failures: list[tuple[int, dict[str, str]]] = field(default_factory=list)  # the next answers: status and headers
    is_legacy: bool = False  # a Langfuse server without the cursor API
    page: int = 2  # records that a page holds at most, whatever is asked for
    asked: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)


def _started(record: Any, name: str, since: str | None, until: str | None) -> bool:
    if not isinstance(record, dict) or name not in record:
        return True
    begun = datetime.fromisoformat(record[name])
    return (since is None or begun >= datetime.fromisoformat(since)) and (
        until is None or begun < datetime.fromisoformat(until)
    )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    services: Services

    def log_message(self, *_: object) -> None: ...

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.params = parse_qs(parts.query)
        self.services.asked.append((parts.path, self.params))
        if self._failed():
            return None
        match parts.path:
            case "/api/public/v2/observations" if not self.services.is_legacy:
                return self._observations()
            case "/api/public/observations":
                return self._legacy_observations()
            case "/api/v1/sessions":
                return self._sessions()
            case "/v1/projects/default/spans":
                return self._spans()
            case "/splits":
                return self._splits()
            case "/rows":
                return self._rows()
        return self._answer(404, {"detail": "not found"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.services.bodies.append(body)
        self.services.asked.append((self.path, {}))
        if self._failed():
            return None
        known = {"session", "run_type", "filter", "select", "limit", "cursor"}
        if self.path != "/api/v1/runs/query" or self.headers.get("x-api-key") != KEY:
            return self._answer(401, {})
        if not body.keys() <= known or body["limit"] > 100 or body["session"] != [SESSION] or body["run_type"] != "llm":
            return self._answer(422, {})
        runs, following = self._cut(self.services.runs, body.get("cursor"), body["limit"])
        return self._answer(200, {"runs": runs, "cursors": {"next": following, "prev": None}, "parsed_query": None})

    def _observations(self) -> None:
        if self.headers.get("Authorization") != _BASIC:
            return self._answer(401, {"message": "Invalid credentials"})
        known = {"fields", "limit", "cursor", "type", "fromStartTime", "toStartTime"}
        if not self._is_allowed(known, "limit", 1000) or self.params["type"] != ["GENERATION"]:
            return self._answer(400, {})
        assert "io" in self.params["fields"][0].split(",")
        found = self._within("startTime", "fromStartTime", "toStartTime", self.services.observations)
        page, following = self._cut(found, self._one("cursor"), int(self._one("limit") or 50))
        return self._answer(200, {"data": page, "meta": {"cursor": following} if following else {}})

    def _legacy_observations(self) -> None:
        if self.headers.get("Authorization") != _BASIC:
            return self._answer(401, {"message": "Invalid credentials"})
        if not self._is_allowed({"page", "limit", "type", "fromStartTime", "toStartTime"}, "limit", 100):
            return self._answer(400, {})
        number, limit = int(self._one("page") or 1), int(self._one("limit") or 50)
        found = self._within("startTime", "fromStartTime", "toStartTime", self.services.observations)
        meta = {"page": number, "limit": limit, "totalItems": len(found), "totalPages": -(-len(found) // limit)}
        return self._answer(200, {"data": found[(number - 1) * limit : number * limit], "meta": meta})

    def _sessions(self) -> None:
        known = [{"id": SESSION, "name": "shop"}] if self._one("name") == "shop" else []
        return self._answer(200 if self.headers.get("x-api-key") == KEY else 401, known)

    def _spans(self) -> None:
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            return self._answer(401, {})
        if not self._is_allowed({"limit", "cursor", "start_time", "end_time", "span_kind"}, "limit", 1000):
            return self._answer(422, {})
        found = self._within("start_time", "start_time", "end_time", self.services.spans)
        page, following = self._cut(found, self._one("cursor"), int(self._one("limit") or 100))
        return self._answer(200, {"data": page, "next_cursor": following})

    def _splits(self) -> None:
        if self._one("dataset") == "ada/none":
            return self._answer(404, {"error": "The dataset does not exist"})
        splits = [{"dataset": self._one("dataset"), "config": "default", "split": name} for name in ("train", "test")]
        return self._answer(200, {"splits": splits, "pending": [], "failed": []}, {"X-Revision": "f" * 40})

    def _rows(self) -> None:
        if not self._is_allowed({"dataset", "config", "split", "offset", "length"}, "length", 100):
            return self._answer(422, {})
        begin = int(self._one("offset") or 0)
        end = begin + min(self.services.page, int(self._one("length") or 100))
        rows = [
            {"row_idx": begin + place, "row": row, "truncated_cells": ["messages"] if row == "cut" else []}
            for place, row in enumerate(self.services.rows[begin:end])
        ]
        more = {"num_rows_total": len(self.services.rows), "num_rows_per_page": 100, "partial": False}
        return self._answer(200, {"features": [], "rows": rows, **more})

    def _within(self, name: str, since: str, until: str, records: list[Any]) -> list[Any]:
        return [one for one in records if _started(one, name, self._one(since), self._one(until))]

    def _cut(self, records: list[Any], cursor: str | None, limit: int) -> tuple[list[Any], str | None]:
        begin = 0 if cursor is None else int(cursor.removeprefix("after-"))
        end = begin + min(limit, self.services.page)
        return records[begin:end], f"after-{end}" if end < len(records) else None

    def _is_allowed(self, known: set[str], name: str, most: int) -> bool:
        return self.params.keys() <= known and int(self._one(name) or 1) <= most

    def _one(self, name: str) -> str | None:
        return self.params.get(name, [None])[0]

    def _failed(self) -> bool:
        if not self.services.failures:
            return False
        status, headers = self.services.failures.pop(0)
        self._answer(status, {"message": "no"}, headers)
        return True

    def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def log_services() -> Iterator[Services]:
    services = Services()
    handler = type("Handler", (_Handler,), {"services": services})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    services.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield services
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
