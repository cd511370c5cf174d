"""Scripts, styles and fonts of the pages, given out of memory: a page asks for eighty of them before it shows anything,
and a file from disk costs the server threads and milliseconds each."""

import mimetypes
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import file_util

from dashboard.server.mounting import ASSETS, assets_path

_YEAR_SECONDS = 365 * 24 * 3600
Answer = tuple[list[tuple[bytes, bytes]], bytes]


class KeptFiles:
    """ASGI middleware; what it doesn't know goes on. All its addresses change with their contents, so that a browser
    need never ask twice."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._files = _addresses("/static", Path(file_util.get_static_dir()) / "static")
        self._files |= _addresses(assets_path(), ASSETS)
        self._kept: dict[str, Answer] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" and scope["method"] == "GET" else ""
        file = self._files.get(path)
        if file is None:
            await self._app(scope, receive, send)
            return
        headers, body = self._kept.get(path) or self._kept.setdefault(path, _answer(file))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _addresses(prefix: str, folder: Path) -> dict[str, Path]:
    return {f"{prefix}/{file.relative_to(folder).as_posix()}": file for file in folder.rglob("*") if file.is_file()}


def _answer(file: Path) -> Answer:
    body = file.read_bytes()
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    headers = {
        "content-type": f"{kind}; charset=utf-8" if kind.startswith("text/") else kind,
        "content-length": str(len(body)),
        "cache-control": f"public, immutable, max-age={_YEAR_SECONDS}",
    }
    return [(name.encode(), value.encode()) for name, value in headers.items()], body
