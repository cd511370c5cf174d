"""A private PostgreSQL server from the installed binaries, on a socket in a temporary folder."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from signal import SIGINT, SIGQUIT
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from devtools.servers.process import ServerError, ServerProcess
from storage.engine.database import open_database
from storage.engine.schema import upgrade

_INSTALL = (
    "no PostgreSQL server to run: install one (Debian, Ubuntu: `apt-get install postgresql`), "
    "or set COACHLM_TEST_POSTGRES to the URL of a user who may create databases"
)
_START_SECONDS = 120
_OPTIONS = ("listen_addresses=", "max_connections=120", "fsync=off", "full_page_writes=off")


class PostgresServer:
    """One folder, one socket, from `start()` to `remove()`, whatever restarts lie between.

    `durable` keeps every commit through a crash of the server (of the machine none are kept); without it the server is
    quicker. Raises: ServerError when no binaries are installed or the server does not start.
    """

    def __init__(self, *, durable: bool = False) -> None:
        binaries = _binaries()
        self._user = _server_user()
        self._folder = Path(tempfile.mkdtemp(prefix="coachlm-postgres-"))
        if self._user is not None:
            os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
        data = self._folder / "data"
        options = [*_OPTIONS, f"synchronous_commit={'on' if durable else 'off'}"]
        self._command = [binaries / "postgres", "-D", data, "-k", self._folder]
        self._command += [part for option in options for part in ("-c", option)]
        init = ["--auth=trust", "--username=coachlm", "--encoding=UTF8", "--locale=C", "--no-sync", "-D", str(data)]
        as_user: dict[str, Any] = {}
        if self._user is not None:
            as_user = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        command = [binaries / "initdb", *init]
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder, **as_user)
        self._server: ServerProcess | None = None

    @property
    def url(self) -> str:
        """SQLAlchemy's, of the maintenance database."""
        return f"postgresql+psycopg://coachlm@/postgres?host={self._folder}"

    @property
    def pid(self) -> int:
        """Raises: ServerError before the first start."""
        if self._server is None:
            raise ServerError("the PostgreSQL server was not started")
        return self._server.pid

    def start(self) -> None:
        self._server = ServerProcess(self._command, self._folder / "postgres.log", self._user)
        self._server.await_ready(self._answers, _START_SECONDS)

    def new_database(self) -> str:
        """URL of a database of its own, with the current tables."""
        name = f"bench_{uuid4().hex[:8]}"
        with psycopg.connect(f"host={self._folder} user=coachlm dbname=postgres", autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        url = make_url(self.url).set(database=name).render_as_string(hide_password=False)
        database = open_database(url)
        upgrade(database)
        database.close()
        return url

    def stop(self) -> None:
        """Disconnect everybody, roll back what is open, end (PostgreSQL's "fast" shutdown)."""
        if self._server is not None:
            self._server.end(SIGINT)

    def crash(self) -> None:
        """End at once, as after a failure; the next start recovers from the log."""
        if self._server is not None:
            self._server.end(SIGQUIT)

    def remove(self) -> None:
        if self._server is not None:
            self._server.end(SIGINT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            psycopg.connect(f"host={self._folder} user=coachlm dbname=postgres").close()
        except psycopg.OperationalError:
            return False
        return True


def _binaries() -> Path:
    """The newest installed server's folder."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if not found:
        raise ServerError(_INSTALL)
    return max(found, key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0)


def _server_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: its own user then, who comes with the package."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")
