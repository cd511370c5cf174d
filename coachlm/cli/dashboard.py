"""`dashboard`: starts the pages on this machine."""

import os
import sys
from pathlib import Path

import click

from coachlm.cli.output import answering_errors, emit_json, json_option, people
from coachlm.errors import CoachLMError
from coachlm.settings import load_settings


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="Port of the pages.")
@click.option("--address", default="127.0.0.1", show_default=True, help="Where to listen; beyond loopback use TLS.")
@click.option("--api-url", help="Where the service is (also COACHLM_API_URL).")
@json_option
@answering_errors
def dashboard(port: int, address: str, api_url: str | None, as_json: bool) -> None:
    """Start the pages: the post-edit desk and everything else in a browser. Needs a running `coachlm serve`."""
    url = load_settings(api_url=api_url).api_url
    command = dashboard_command(port, address)
    if as_json:
        emit_json({"url": f"http://{address}:{port}", "api_url": url})
        sys.stdout.flush()
    else:
        people.print(f"pages: http://{address}:{port}   service: {url}   (Ctrl+C stops)", markup=False)
    os.execve(command[0], command, dashboard_environment(url))  # noqa: S606  (our own interpreter, no shell)


def dashboard_command(port: int, address: str = "127.0.0.1") -> list[str]:
    """The command that serves the pages. Raises: CoachLMError, when the port is taken or Streamlit isn't installed."""
    import importlib.util
    import socket

    if importlib.util.find_spec("streamlit") is None:
        raise CoachLMError("the pages need Streamlit: install the extra `dashboard` (pip install '.[dashboard,api]')")
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
    return [sys.executable, "-m", "streamlit", "run", str(app), *options]


def dashboard_environment(api_url: str) -> dict[str, str]:
    return {**os.environ, "COACHLM_API_URL": api_url}
