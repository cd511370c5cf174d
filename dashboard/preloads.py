"""Tells the browser with the page itself which modules the desk needs: it fetches them while Streamlit starts."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.mounting import ASSETS, ASSETS_PATH

_PATHS = ("/", "/desk")


class DeskPreloads:
    """ASGI middleware. Where the browser knows no such header nothing is lost: the modules come when they are used."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        modules = [ASSETS / "session" / "main.js", *sorted((ASSETS / "editor").glob("*.js"))]
        addresses = (f".{ASSETS_PATH}/{module.relative_to(ASSETS).as_posix()}" for module in modules)
        self._links = ", ".join(f"<{address}>; rel=modulepreload" for address in addresses)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_links(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    headers.append("Link", self._links)
            await send(message)

        is_desk = scope["type"] == "http" and scope["path"] in _PATHS
        await self._app(scope, receive, send_with_links if is_desk else send)
