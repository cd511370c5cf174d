"""The pages' server, for `streamlit run dashboard/app.py`: Streamlit with the gateway, the components' files and
protective headers. An entry script: reads the settings and builds the app when it is loaded."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

from starlette.middleware import Middleware
from streamlit.starlette import App

from coachlm.settings import load_settings
from dashboard.server.gateway import Gateway
from dashboard.server.headers import ProtectiveHeaders
from dashboard.server.kept_files import KeptFiles
from dashboard.server.page_head import PageHead

_api_url = load_settings().api.url
_gateway = Gateway(_api_url)


@asynccontextmanager
async def _serving(_: App) -> AsyncIterator[dict[str, Any]]:
    for module in ("dashboard.parts.session", "dashboard.catalogue", "dashboard.views.desk"):
        import_module(module)  # which Streamlit's script needs: the first visitor shouldn't wait for them
    yield {}
    await _gateway.close()


app = App(
    "shell.py",
    secrets={"coachlm": {"api_url": _api_url}},
    routes=_gateway.routes(),
    lifespan=_serving,
    middleware=[Middleware(ProtectiveHeaders), Middleware(PageHead), Middleware(KeptFiles)],
)
