"""`dashboard` starts the pages; `desk` starts service and pages for one person on one database."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from assembly.stores import database_option, open_database
from coachlm.errors import CoachLMError
from coachlm.machine import extras
from coachlm.machine.processes import coachlm_command, python_module
from coachlm.settings import load_settings
from commands.shared.output import answering_errors, emit_json, json_option, people, results


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="Port of the pages.")
@click.option(
    "--address",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; use TLS for any other than loopback.",
)
@click.option("--api-url", help="Address of the service (also COACHLM_API_URL).")
@json_option
@answering_errors
def dashboard(port: int, address: str, api_url: str | None, as_json: bool) -> None:
    """Start the web pages for a running `coachlm serve`.

    The post-edit desk, review, figures and everything else in a browser.
    """
    url = load_settings(api_url=api_url).api.url
    command = dashboard_command(port, address)
    if as_json:
        emit_json({"url": f"http://{address}:{port}", "api_url": url})
        sys.stdout.flush()
    else:
        people.print(f"pages: http://{address}:{port}   service: {url}   (Ctrl+C stops)", markup=False)
    os.execve(command[0], command, dashboard_environment(url))  # noqa: S606  (our own interpreter, no shell)


@click.command()
@click.option(
    "--person",
    default="me",
    show_default=True,
    help="Name of the annotator; the account is created if it does not exist.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="Port of the pages.")
@database_option
@json_option
@answering_errors
def desk(person: str, port: int, db: str | None, as_json: bool) -> None:
    """Start the service and the web desk locally for one person.

    Both run until Ctrl+C; a token for you is shown.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # both children end with this command, however it ends
    settings = load_settings(database_url=db)
    command = dashboard_command(port)
    with open_database(settings) as database:
        token = _token_for(database, person)
    with _service(settings.database.url.get_secret_value()) as api_url:
        answer = {"url": f"http://127.0.0.1:{port}", "api_url": api_url, "person": person, "token": token}
        if as_json:
            emit_json(answer)
            sys.stdout.flush()
        else:
            results().print(f"open   {answer['url']}\ntoken  {token}", markup=False)
            people.print(
                f"you are {person!r}; Ctrl+C stops. The token works until the next one is drawn.", markup=False
            )
        pages = subprocess.Popen(command, env=dashboard_environment(api_url), stdout=subprocess.DEVNULL)  # noqa: S603
        try:
            raise SystemExit(pages.wait())
        finally:
            pages.terminate()


def _token_for(database: Any, name: str) -> str:
    """A new token; somebody new is an admin: on a database of one's own one does everything."""
    from api.access.tokens import draw_token
    from coachlm.desk.work import PersonRole
    from storage.people.accounts import Accounts

    accounts = Accounts(database)
    if all(person.name != name for person in accounts.people()):
        accounts.add(name, PersonRole.ADMIN)
    drawn = draw_token()
    accounts.set_token(name, drawn.id, drawn.hash)
    return drawn.text


@contextmanager
def _service(database_url: str) -> Iterator[str]:
    """The service in a process of its own, on a free port; gives its address."""
    command = coachlm_command("serve", "--port", "0", "--json")
    environment = {**os.environ, "COACHLM_DATABASE_URL": database_url}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)  # noqa: S603
    try:
        line = process.stdout.readline() if process.stdout else b""
        if not line:
            raise CoachLMError("the service didn't start; see its message above")
        yield json.loads(line)["url"]
    finally:
        process.terminate()
        process.wait()


def dashboard_command(port: int, address: str = "127.0.0.1") -> list[str]:
    """The command that serves the pages. Raises: CoachLMError, when the port is taken or Streamlit isn't installed."""
    import socket

    if problem := extras.PAGES.lack("the pages need"):
        raise CoachLMError(problem)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise CoachLMError(
                f"can't listen on {address}:{port}: {error.strerror or error}; choose another --port"
            ) from error
    app = Path(__file__).parents[2] / "dashboard" / "app.py"
    options = ["--server.port", str(port), "--server.address", address]
    return python_module("streamlit", "run", str(app), *options)


def dashboard_environment(api_url: str) -> dict[str, str]:
    return {**os.environ, "COACHLM_API_URL": api_url, "PYTHONSAFEPATH": "1"}
