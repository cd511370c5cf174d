"""Databases with data of earlier versions come along."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import text

import storage
from coachlm.rejects import RejectedRecord
from storage.engine.database import Database, open_database
from storage.engine.schema import upgrade
from storage.intake.rejects import RejectChoice, Rejects
from tests.databases import Databases
from tests.storage.factories import Clock, Desk

BEFORE = "0008"
ROWS = (
    "INSERT INTO meta (name, value) VALUES ('application', 'coachlm'), ('intake', ''), ('hash_salt', '00')",
    "INSERT INTO texts (id, hash, text) VALUES (1, 'a', 'logs/old.jsonl')",
    "INSERT INTO rejects (source, record, part, reason, detail) VALUES (1, 4, 0, 'empty', 'a blank record')",
    "INSERT INTO pairs (seq, id, instruction, input, response, status, version, class_confidence, created_at) "
    "VALUES (1, 'p1', 'one', '', 'x', 'revised', 1, 0, 0), (2, 'p2', 'two', '', 'x', 'revised', 1, 0, 0)",
    "INSERT INTO occurrences (source, record, part, pair, is_repeat, format) "
    "VALUES (1, 0, 0, 1, false, 'alpaca'), (1, 1, 0, 2, false, 'alpaca')",
    "INSERT INTO queue_items (pair, state, task_class, priority) VALUES (1, 'free', '', 100), (2, 'free', '', 100)",
)


def as_it_was(databases: Databases) -> Database:
    database = open_database(databases.new(migrated=False))
    with database.writing() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(storage.__file__).parent / "migrations"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, BEFORE)
        for row in ROWS:
            connection.execute(text(row))
    return database


def test_rejects_and_the_queue_of_the_version_before_are_kept(databases: Databases, clock: Clock):
    database = as_it_was(databases)
    upgrade(database)
    (reject,) = Rejects(database).page(RejectChoice()).rejects
    assert isinstance(reject, RejectedRecord)
    assert (reject.place, reject.excerpt) == ("logs/old.jsonl:5", None)
    desk = Desk(database, clock)
    assert [desk.claim("ada").pair_id for _ in range(2)] == ["p1", "p2"]
    database.close()
