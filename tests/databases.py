"""Fixtures that give a test a migrated database of its own: an SQLite file, and a database on a real PostgreSQL server.

The server is the one that COACHLM_TEST_POSTGRES names (a URL whose user may create databases); without it a private one
is started from the installed binaries and ended with the test run.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from storage.database import open_database
from storage.schema import upgrade

_INSTALL = (
    "no PostgreSQL server to test with: install one (Debian, Ubuntu: `apt-get install postgresql`), "
    "or set COACHLM_TEST_POSTGRES to the URL of a user who may create databases"
)
_START_SECONDS = 30


class Databases:
    """Makes databases of one kind: each new, each with the tables in place unless asked otherwise."""

    def __init__(self, folder: Path, server: str | None) -> None:
        self._folder = folder
        self._server = server
        self._template: str | None = None
        self._made: list[str] = []

    @property
    def is_sqlite(self) -> bool:
        return self._server is None

    def new(self, *, migrated: bool = True, encoding: str = "UTF8") -> str:
        """The URL of a new database; one without tables may have another encoding (PostgreSQL)."""
        if migrated and self._template is None:
            self._template = self._create(None)
            _migrate(self._url(self._template))
        name = self._create(self._template if migrated else None, encoding)
        return self._url(name)

    def drop(self, *, with_template: bool = False) -> None:
        """Delete what was made, for the next test but for the template."""
        kept = None if with_template else self._template
        for name in self._made:
            if name != kept:
                self._delete(name)
        self._made = [name for name in self._made if name == kept]

    def _delete(self, name: str) -> None:
        if self._server is not None:
            self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            return
        for file in self._folder.glob(f"{name}*"):
            file.unlink()

    def _create(self, template: str | None, encoding: str = "UTF8") -> str:
        name = f"coachlm_test_{uuid4().hex[:12]}"
        self._made.append(name)
        if self._server is None:
            if template is not None:
                shutil.copyfile(self._folder / f"{template}.db", self._folder / f"{name}.db")
            return name
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING {}").format(
            sql.Identifier(name), sql.Identifier(template or "template0"), sql.Literal(encoding)
        )
        self._administer(statement)
        return name

    def _administer(self, statement: sql.Composed) -> None:
        assert self._server is not None
        plain = make_url(self._server).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(statement)

    def _url(self, name: str) -> str:
        if self._server is None:
            return f"sqlite:///{self._folder / name}.db"
        return make_url(self._server).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a server's maintenance database."""
    given = os.environ.get("COACHLM_TEST_POSTGRES")
    if given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="coachlm-postgres-"))
    try:
        yield from _private_server(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> Databases:
    return Databases(tmp_path_factory.mktemp("sqlite"), None)


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    databases = Databases(tmp_path_factory.getbasetemp(), postgres_server)
    yield databases
    databases.drop(with_template=True)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """Both kinds in turn: what uses this runs once on each."""
    databases: Databases = request.getfixturevalue(f"{request.param}_databases")
    yield databases
    databases.drop()


@pytest.fixture
def database_url(databases: Databases) -> str:
    """A migrated database of the test's own, once on SQLite and once on PostgreSQL."""
    return databases.new()


def _migrate(url: str) -> None:
    database = open_database(url)
    upgrade(database)
    if database.is_sqlite:  # one file, so that it can be copied
        with database.engine.connect() as connection:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


def _private_server(folder: Path) -> Iterator[str]:
    binaries = _binaries()
    user = _server_user()
    data, log = folder / "data", folder / "log"
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    as_user = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    init = ["--auth=trust", "--username=coachlm", "--encoding=UTF8", "--locale=C", "--no-sync", "-D", str(data)]
    subprocess.run([binaries / "initdb", *init], check=True, capture_output=True, cwd=folder, **as_user)
    quick = ["fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=", "max_connections=60"]
    options = [part for setting in quick for part in ("-c", setting)]
    command = [binaries / "postgres", "-D", str(data), "-k", str(folder), *options]
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder, **as_user)
    url = f"postgresql+psycopg://coachlm@/postgres?host={folder}"
    try:
        _await_server(server, f"host={folder} user=coachlm dbname=postgres", log)
        yield url
    finally:
        server.send_signal(signal.SIGINT)  # PostgreSQL's "fast" shutdown
        try:
            server.wait(_START_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _binaries() -> Path:
    """The newest installed server's folder."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if not found:
        pytest.fail(_INSTALL)
    return max(found, key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0)


def _server_user() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: its own user then, who comes with the package."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _await_server(server: subprocess.Popen[bytes], conninfo: str, log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            psycopg.connect(conninfo).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"the private PostgreSQL server did not start:\n{log.read_text(errors='replace')[-2000:]}")
