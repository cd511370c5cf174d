"""`serve`: the HTTP service, in this process."""

import signal
import socket
import sys
from typing import TYPE_CHECKING

import click

from assembly.services import build_services
from assembly.stores import database_option, open_database
from coachlm.errors import CoachLMError
from coachlm.machine.addresses import LOOPBACK
from coachlm.settings import Settings, load_settings
from commands.shared.output import answering_errors, emit_json, json_option, people

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

    from api.http.services import Services

_BACKLOG = 2048


@click.command()
@click.option("--host", help="Address to listen on (also COACHLM_API_HOST; default: loopback).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port (also COACHLM_API_PORT); 0 takes a free one.")
@database_option
@json_option
@answering_errors
def serve(host: str | None, port: int | None, db: str | None, as_json: bool) -> None:
    """Run the HTTP service.

    Queue, reviews, people, intake of logs, export, figures. SIGTERM lets requests finish.
    """
    settings = load_settings(api_host=host, api_port=port, database_url=db)
    with open_database(settings) as database, _listening(settings) as listener:
        services = build_services(database, settings)
        _announce(listener, services, as_json=as_json)
        _run(services, settings, listener)


def _listening(settings: Settings) -> socket.socket:
    """Raises: CoachLMError, when the address can't be had."""
    host, port = settings.api.host, settings.api.port
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        said = error.strerror or error
        raise CoachLMError(f"can't listen on {host}:{port}: {said}; choose another --port") from error


def _announce(listener: socket.socket, services: "Services", *, as_json: bool) -> None:
    host, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    if as_json:
        emit_json({"url": url})
        click.get_text_stream("stdout").flush()
    else:
        people.print(f"service: {url}   (Ctrl+C stops)", markup=False)
    if host not in LOOPBACK:
        people.print("it is reachable from other machines: put TLS in front of it, tokens travel in clear otherwise")
    if not services.accounts.people():
        people.print("nobody may come in yet; next: coachlm people add NAME --role admin")


def _run(services: "Services", settings: Settings, listener: socket.socket) -> None:
    import uvicorn

    from api.app import create_app

    # uvicorn finishes what is under way on SIGTERM, then hands the signal on: that is a good end, not a failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    uvicorn.Server(_config(create_app(services, settings), settings)).run(sockets=[listener])


def _config(app: "FastAPI", settings: Settings) -> "uvicorn.Config":
    import uvicorn

    from api.http.connections import ImpatientH11

    return uvicorn.Config(
        app,
        http=ImpatientH11,
        limit_concurrency=settings.api.connections,
        log_config=None,  # the command line's own
        access_log=False,  # `api.http.envelope` writes one line a request, with its id
        server_header=False,
        proxy_headers=False,  # whom to believe is `api.access.callers`' to say
        timeout_graceful_shutdown=settings.worker.drain_seconds,
    )
