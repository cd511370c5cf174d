"""A claim costs the same however long the queue is: indexes name the next item, nothing is sorted or scanned."""

from typing import Any

import pytest
from sqlalchemy import event, text

from coachlm.pairs import TaskClass
from storage.database import Database
from storage.work_tables import QueueItemRow
from tests.storage.factories import Clock, Desk, fill_queue

LONG = 3000


@pytest.fixture
def long_queue(database: Database, clock: Clock) -> Database:
    fill_queue(database, LONG, clock, task_classes=[list(TaskClass)[number % 3] for number in range(LONG)])
    with database.writing() as connection:
        connection.execute(text("ANALYZE"))
    return database


def statements_of_a_claim(database: Database, clock: Clock, **options: Any) -> list[tuple[str, Any]]:
    desk = Desk(database, clock)
    desk.queue.skip(desk.claim(**options).token, "ada")
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if statement.startswith("SELECT") and QueueItemRow.__tablename__ in statement:
            seen.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        desk.claim(**options)
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    return seen


@pytest.mark.parametrize("options", [{}, {"task_class": TaskClass.QA}])
def test_a_claim_reads_indexes_in_order(long_queue: Database, clock: Clock, options: dict[str, Any]):
    statements = statements_of_a_claim(long_queue, clock, **options)
    assert len(statements) == 3  # what is out or was sent back, what is free, the item itself
    explain = "EXPLAIN QUERY PLAN" if long_queue.is_sqlite else "EXPLAIN"
    with long_queue.reading() as connection:
        for statement, parameters in statements:
            plan = "\n".join(str(row) for row in connection.exec_driver_sql(f"{explain} {statement}", parameters))
            assert "Seq Scan on queue_items" not in plan, plan
            assert "SCAN queue_items" not in plan, plan
            assert "Sort" not in plan, plan
            assert "TEMP B-TREE" not in plan, plan
