"""Creating the tables, bringing them up to date, and refusing a database that this version can't work with."""

import re
import secrets
from enum import Enum, auto
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, Text, column, func, insert, inspect, select, table

from coachlm.errors import SchemaError
from storage.engine.database import Database
from storage.tables.pairs import MetaRow

INTAKE_LOCK = "intake"  # the row of `meta` that intake locks
HASH_SALT = "hash_salt"
STREAMS = "streams"  # a row of `meta` that is there once streams have written
_APPLICATION = ("application", "coachlm")
_REVISIONS = "alembic_version"  # Alembic's table
_MIGRATIONS = Path(__file__).parents[1] / "migrations"
_POSTGRES_LOCK = 0x0C0AC41A  # any number that other programs are unlikely to take


class SchemaState(Enum):
    """What a database holds."""

    EMPTY = auto()
    CURRENT = auto()
    OLDER = auto()  # `upgrade` brings it up to date
    NEWER = auto()
    FOREIGN = auto()  # tables that are not ours


def schema_state(connection: Connection) -> SchemaState:
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return SchemaState.EMPTY
    if MetaRow.__tablename__ not in tables or not _is_ours(connection):
        return SchemaState.FOREIGN
    if _REVISIONS not in tables:
        return SchemaState.NEWER
    revision = connection.scalar(select(column("version_num", Text)).select_from(table(_REVISIONS)))
    if revision == newest_revision():
        return SchemaState.CURRENT
    return SchemaState.OLDER if revision in _steps() else SchemaState.NEWER


def newest_revision() -> str:
    """Which step the tables of this version end with."""
    steps = _steps()
    (newest,) = steps.keys() - steps.values()
    return newest


@cache
def _steps() -> dict[str, str]:
    """The step before each (empty: none), as the files say in two assignments: Alembic, which is slow to import, is
    needed to make steps alone."""
    files = (_MIGRATIONS / "versions").glob("0*.py")
    return {step["revision"]: step["down_revision"] for step in map(_assignments, files)}


def _assignments(file: Path) -> dict[str, str]:
    return dict(re.findall(r'^(revision|down_revision) = (?:"(\w+)"|None)$', file.read_text("utf-8"), re.MULTILINE))


def check_schema(database: Database) -> None:
    """Raises: SchemaError, with the remedy, unless the tables are exactly this version's."""
    with database.reading() as connection:
        state = schema_state(connection)
    _refuse(database, state, {SchemaState.EMPTY, SchemaState.OLDER, SchemaState.NEWER, SchemaState.FOREIGN})


def upgrade(database: Database) -> None:
    """Create the tables or bring them up to date, in one transaction; nothing happens when they are current.

    Raises: SchemaError, when the database is of a newer version or holds another program's tables.
    """
    with database.writing(durable=True) as connection:
        if not database.is_sqlite:
            connection.execute(select(func.pg_advisory_xact_lock(_POSTGRES_LOCK)))
            _check_encoding(database, connection)
        state = schema_state(connection)
        _refuse(database, state, {SchemaState.NEWER, SchemaState.FOREIGN})
        if state is SchemaState.CURRENT:
            return
        _make_steps(connection)
        if state is SchemaState.EMPTY:
            salt = secrets.token_hex(16)
            rows = (_APPLICATION, (INTAKE_LOCK, ""), (HASH_SALT, salt))
            connection.execute(insert(MetaRow), [{"name": name, "value": value} for name, value in rows])


def prepare(database: Database) -> None:
    """Create the tables in an empty database; otherwise check them. An upgrade is never done unasked.

    Raises: SchemaError, like `check_schema`.
    """
    with database.reading() as connection:
        state = schema_state(connection)
    if state is SchemaState.EMPTY:
        upgrade(database)
    else:
        check_schema(database)


def hash_salt(database: Database) -> str:
    """The random salt of user and session hashes that was drawn when this database was created."""
    with database.reading() as connection:
        return read_salt(connection)


def read_salt(connection: Connection) -> str:
    return connection.execute(select(MetaRow.value).where(MetaRow.name == HASH_SALT)).scalar_one()


def _is_ours(connection: Connection) -> bool:
    columns = {column["name"] for column in inspect(connection).get_columns(MetaRow.__tablename__)}
    if not {"name", "value"} <= columns:
        return False
    name, value = _APPLICATION
    return connection.execute(select(MetaRow.value).where(MetaRow.name == name)).scalar_one_or_none() == value


def _check_encoding(database: Database, connection: Connection) -> None:
    encoding = connection.scalar(select(func.current_setting("server_encoding")))
    if encoding != "UTF8":
        raise SchemaError(
            f"database {database.name} has the encoding {encoding}; "
            "create it with `createdb --encoding UTF8 --template template0`"
        )


def _refuse(database: Database, state: SchemaState, refused: set[SchemaState]) -> None:
    if state not in refused:
        return
    name = database.name
    match state:
        case SchemaState.EMPTY:
            raise SchemaError(f"database {name} has no tables yet; create them with `coachlm db upgrade`")
        case SchemaState.OLDER:
            raise SchemaError(f"database {name} is of an older version; back it up, then run `coachlm db upgrade`")
        case SchemaState.NEWER:
            raise SchemaError(f"database {name} is of a newer version of CoachLM; install that version")
        case _:
            raise SchemaError(f"database {name} holds another program's tables; give CoachLM a database of its own")


def _make_steps(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
