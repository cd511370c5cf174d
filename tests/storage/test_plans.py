"""What people and workers wait for costs the same however many pairs there are: indexes name the next one, nothing is
sorted or scanned."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, text

from coachlm.pairs import ExcludeReason, Exclusion, TaskClass
from coachlm.protocols.intake import IntakeBatch
from storage.engine.database import Database
from storage.figures.figures import Figures
from storage.intake.store import DatabaseStore
from storage.pairs.revision_claims import RevisionClaims
from tests.storage.factories import Clock, Desk, fill_queue, make_intake

LONG = 3000
_SET_ASIDE = Exclusion(ExcludeReason.SAFETY, "rude")


@pytest.fixture
def long_queue(database: Database, clock: Clock) -> Database:
    """Behind what is in the queue some pairs that wait for the coach, and some that were excluded."""
    fill_queue(database, LONG, clock, task_classes=[list(TaskClass)[number % 3] for number in range(LONG)])
    late = range(LONG, LONG + LONG // 10)
    batch = [make_intake(record=number, exclusion=None if number % 2 else _SET_ASIDE) for number in late]
    DatabaseStore(database, now=clock).commit_intake(IntakeBatch(batch))
    with database.writing() as connection:
        connection.execute(text("ANALYZE"))
    return database


def plans(database: Database, table: str, act: Callable[[], object]) -> list[str]:
    """How the database goes about each statement of `act` that reads the table."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if statement.startswith("SELECT") and table in statement:
            seen.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    with database.reading() as connection:
        return [
            "\n".join(str(row) for row in connection.exec_driver_sql(f"{explain} {statement}", parameters))
            for statement, parameters in seen
        ]


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"task_class": TaskClass.QA}])
def test_a_claim_reads_indexes_in_order(long_queue: Database, clock: Clock, options: dict[str, Any]):
    desk = Desk(long_queue, clock)
    desk.queue.skip(desk.claim(**options).token, "ada")
    found = plans(long_queue, "queue_items", lambda: desk.claim(**options))
    assert len(found) == 3  # what is out or was sent back, what is free, the item itself
    for plan in found:
        assert "Seq Scan on queue_items" not in plan, plan
        assert "SCAN queue_items" not in plan, plan
        assert_in_order(plan)


_ACTS: dict[str, Callable[[Database, Clock], object]] = {
    "a worker's claim": lambda database, clock: RevisionClaims(database, now=clock).claim("worker", 8),
    "the embedded run": lambda database, clock: DatabaseStore(database, now=clock).awaiting_revision(8),
    "the overview": lambda database, clock: Figures(database, clock).overview(),
    "excluded pairs": lambda database, clock: Desk(database, clock).reviews.exclusions("olga", 20),
    "by reason": lambda database, clock: Desk(database, clock).reviews.exclusions(
        "olga", 20, reason=_SET_ASIDE.reason, after=LONG + 5
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("act", _ACTS)
def test_what_stands_behind_all_others_is_found_at_once(long_queue: Database, clock: Clock, act: str):
    """PostgreSQL would read pair after pair in order of arrival, as long as it expects to meet such ones early."""
    found = plans(long_queue, "FROM pairs", lambda: _ACTS[act](long_queue, clock))
    assert found
    for plan in found:
        assert "ix_pairs_status_seq" in plan or "ix_pairs_exclude_reason_seq" in plan, plan
        assert_in_order(plan)


def assert_in_order(plan: str) -> None:
    assert "Sort" not in plan, plan
    assert "TEMP B-TREE" not in plan, plan
