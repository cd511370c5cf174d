"""`db`: the database's schema."""

import click

from assembly.stores import database_option, open_database
from coachlm.settings import load_settings
from commands.shared.output import answering_errors, emit_json, json_option, results


@click.group()
def db() -> None:
    """Create, upgrade and check the database's tables."""


@db.command()
@database_option
@json_option
@answering_errors
def upgrade(db: str | None, as_json: bool) -> None:
    """Create the tables, or bring them to this version. Back up first; running it again changes nothing."""
    _answer(db, as_json, apply=True)


@db.command()
@database_option
@json_option
@answering_errors
def check(db: str | None, as_json: bool) -> None:
    """Check that the tables are exactly this version's.

    Exits with 1 where they are not.
    """
    _answer(db, as_json, apply=False)


@db.command("rebuild-rollups")
@database_option
@json_option
@answering_errors
def rebuild_rollups(db: str | None, as_json: bool) -> None:
    """Recompute the sums behind the figures.

    They are counted from the history; people may continue to work meanwhile.
    """
    from storage.figures import recount

    with open_database(load_settings(database_url=db)) as database:
        rows = recount.rebuild_rollups(database)
    if as_json:
        emit_json({"rows": rows})
    else:
        results().print(f"{rows:,} rows of sums were counted anew")


def _answer(url: str | None, as_json: bool, *, apply: bool) -> None:
    from storage.engine import database as databases
    from storage.engine import schema

    database = databases.open_database(load_settings(database_url=url).database.url.get_secret_value())
    try:
        if apply:
            schema.upgrade(database)
        schema.check_schema(database)
        if as_json:
            emit_json({"database": database.name, "schema": "current"})
        else:
            results().print(f"database {database.name}: the tables are this version's", markup=False)
    finally:
        database.close()
