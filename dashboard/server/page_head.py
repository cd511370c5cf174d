"""What the pages' server adds to Streamlit's page, so that it shows something sooner: which modules its first content
needs, to be fetched while Streamlit starts, and a script that says where the server is."""

import re
from functools import cache
from os.path import normpath
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import file_util

from dashboard.server.mounting import ASSETS, assets_path

_COMPONENTS = {
    "": "editor",
    "desk": "editor",
    "review": "review",
    "ratings": "rating",
    "people": "table",
    "adapters": "table",
    "studies": "table",
}
"""Page → the component that shows its first content."""
_IMPORTED = re.compile(r'(?:from|import)"\./([\w.-]+\.js)"')  # in Streamlit's modules
_OUR_IMPORTED = re.compile(r'^import [^;"]*? from "(\.[^"]+)";$', re.MULTILINE)  # also over several lines
_HEAD = b"<head>"
_NO_PAGE = b"""<!doctype html><html lang="en"><head>
<meta charset="utf-8"><title>No such page \xc2\xb7 CoachLM</title></head>
<body style="font:16px/1.5 sans-serif;max-width:40rem;margin:15vh auto;padding:0 1rem"><h1>There is no page here</h1>
<p>The address may have been cut or mistyped. <a href="/">Go to the start page</a></p></body></html>"""


class PageHead:
    """ASGI middleware. Where browser or Streamlit don't know what it adds, pages come a little later."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or b"text/html" not in dict(scope["headers"]).get(b"accept", b""):
            await self._app(scope, receive, send)
            return
        # Not compressed: its text is to change.
        headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        await self._app({**scope, "headers": headers}, receive, _Page(scope, send).send)


class _Page:
    """An answer; held back while it is a page, whose text is to change."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._name = scope["path"].strip("/")
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if headers.get("content-type", "").startswith("text/html"):
                self._start = message
                return
        if self._start is None:
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if not message.get("more_body", False):
            await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        script = f'<script src=".{assets_path()}/start/main.js"></script>'.encode()
        body = self._body.replace(_HEAD, _HEAD + script, 1)
        headers = MutableHeaders(scope=start)
        if "/" in self._name and body != self._body:
            start["status"], body = 404, _NO_PAGE  # Streamlit's own page would stay blank below its root
        for name in ("etag", "last-modified"):
            del headers[name]  # of Streamlit's file alone
        headers["Content-Length"] = str(len(body))
        headers.append("Link", _links(self._name if self._name in _COMPONENTS else "another"))
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


@cache
def _links(page: str) -> str:
    ours = _modules(ASSETS / _COMPONENTS[page] / "main.js") if page in _COMPONENTS else []
    addresses = [f".{assets_path()}/{module.relative_to(ASSETS).as_posix()}" for module in ours]
    addresses += (f"./static/js/{name}" for name in _chunks("Html", *(["BidiComponent"] if ours else [])))
    return ", ".join(f"<{address}>; rel=modulepreload" for address in addresses)


def _modules(main: Path) -> list[Path]:
    """With all that it imports, directly or not."""
    found: dict[Path, None] = {}
    waiting = [main]
    while waiting:
        module = waiting.pop(0)
        if module not in found:
            found[module] = None
            text = module.read_text(encoding="utf-8")
            waiting += (Path(normpath(module.parent / name)) for name in _OUR_IMPORTED.findall(text))
    return list(found)


def _chunks(*elements: str) -> list[str]:
    """Streamlit's own modules for these elements, with what they import; none where it has come to name them otherwise.
    What the page itself names already is left out."""
    static = Path(file_util.get_static_dir())
    found: dict[str, None] = {}
    waiting = [file.name for element in elements for file in (static / "static" / "js").glob(f"{element}.*.js")]
    page = (static / "index.html").read_text(encoding="utf-8")
    while waiting:
        name = waiting.pop()
        if name in found or name in page:
            continue
        found[name] = None
        waiting += _IMPORTED.findall((static / "static" / "js" / name).read_text(encoding="utf-8"))
    return list(found)
