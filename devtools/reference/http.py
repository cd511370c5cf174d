"""Every route of the service with its roles, from the application itself."""

from collections.abc import Iterator
from tempfile import TemporaryDirectory

from fastapi.routing import APIRoute

from api.access.gate import declared
from api.app import create_app
from assembly.services import build_services
from coachlm.settings import load_settings
from devtools.reference.blocks import sentence, table
from storage.engine.database import open_database
from storage.engine.schema import upgrade


def render_routes() -> str:
    rows = [
        (f"`{method} {route.path}`", _roles(route), sentence(_about(route)))
        for route in _routes()
        for method in sorted(route.methods or ())
    ]
    return table(("route", "roles", "what it does"), rows)


def _routes() -> Iterator[APIRoute]:
    settings = load_settings()
    with TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{folder}/empty.db")
        upgrade(database)
        app = create_app(build_services(database, settings), settings)
        database.close()
    yield from (route for route in app.routes if isinstance(route, APIRoute))


def _roles(route: APIRoute) -> str:
    (allowed,) = declared(route)
    return "anybody" if allowed.named is None else ", ".join(sorted(allowed.named))


def _about(route: APIRoute) -> str:
    summary = sentence(route.summary or route.name.replace("_", " "))
    return f"{summary} {(route.description or '').split(chr(10) * 2)[0]}"
