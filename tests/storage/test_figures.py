"""Figures: right by hand-made examples, in every arm and unit, and as cheap with many pairs as with few."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import event, text

from coachlm.desk.efficiency import Arm, WorkTime
from coachlm.desk.post_edit import Decision, Review
from coachlm.desk.work import WorkItem
from coachlm.errors import NotFoundError
from coachlm.pairs import ExcludeReason, Exclusion, TaskClass
from coachlm.protocols.intake import IntakeBatch
from coachlm.revision import Outcome
from storage.desk.depth import CoachDepth
from storage.desk.rules import DeskRules
from storage.engine.database import Database
from storage.figures.figures import Figures
from storage.figures.recount import rebuild_rollups
from storage.intake.store import DatabaseStore
from storage.tables.desk import DraftRow, EventRow, LeaseRow, PostEditRow
from tests.storage.factories import (
    PLAIN,
    Clock,
    Desk,
    fill_queue,
    make_edit,
    make_intake,
    make_pair,
    make_revision,
    read_rollups,
)

TODAY = date(2026, 3, 1)  # of the clock


def submit(desk: Desk, person: str = "ada", seconds: int = 30, *, untouched: bool = False) -> tuple[WorkItem, Any]:
    """Claims, works without heartbeats for so long, and submits."""
    item = desk.claim(person)
    desk.clock.turn(seconds)
    edit = make_edit(item.pair_id, person, active_seconds=seconds)
    if untouched and item.revision is not None:
        edit = make_edit(item.pair_id, person, active_seconds=seconds, final=item.revision.revised)
    return item, desk.queue.submit(edit, token=item.token, version=item.version, idempotency_key=item.token)


def test_what_a_person_did_today(database: Database, clock: Clock):
    fill_queue(database, 6, clock)
    desk = Desk(database, clock)
    _, first = submit(desk, seconds=100)
    desk.reviews.review(Review(first.pair_id, "olga", Decision.RETURN), version=first.version)
    submit(desk, seconds=20)  # the same pair again
    _, third = submit(desk, seconds=80, untouched=True)
    desk.reviews.review(Review(third.pair_id, "olga", Decision.APPROVE), version=third.version)
    desk.queue.skip(desk.claim().token, "ada")
    work = Figures(database, clock).progress("ada")
    assert (work.claimed, work.submitted, work.untouched, work.skipped) == (4, 3, 1, 1)
    assert (work.reviewed, work.returned, work.approved) == (2, 1, 1)
    assert work.active_seconds == 200
    assert work.pairs_per_person_day == 3 * 8 * 3600 / 200
    assert work.return_rate == work.disagreement_rate == 0.5
    assert work.mean_revision_distance is not None
    assert work.mean_revision_distance > 0
    assert Figures(database, clock).progress("ben").submitted == 0
    with pytest.raises(NotFoundError):
        Figures(database, clock).progress("nobody")


def test_a_person_without_work_has_no_rates(database: Database, clock: Clock):
    Desk(database, clock)
    work = Figures(database, clock).progress("ada")
    assert [work.untouched_share, work.return_rate, work.mean_raw_distance, work.pairs_per_person_day] == [None] * 4


def test_people_by_day_and_unit(database: Database, clock: Clock):
    fill_queue(database, 4, clock, task_classes=[TaskClass.QA, TaskClass.CREATIVE] * 2)
    desk = Desk(database, clock)
    desk.queue.ensure_person("quinn", unit=TaskClass.QA)
    submit(desk, "quinn", 60)
    desk.clock.turn(86_400)
    submit(desk, "quinn", 30)
    submit(desk, "ada", 10)
    figures = Figures(database, clock)
    tomorrow = date(2026, 3, 2)
    everybody = figures.people(TODAY, tomorrow)
    assert [one.person for one in everybody] == ["ada", "quinn"]
    assert [(one.day, one.work.pairs_per_person_day) for one in everybody[1].days] == [(TODAY, 480), (tomorrow, 960)]
    assert everybody[1].work.submitted == 2
    assert [one.person for one in figures.people(TODAY, tomorrow, unit=TaskClass.QA)] == ["quinn"]
    assert [one.person for one in figures.people(TODAY, TODAY)] == ["quinn"]


@pytest.mark.slow
def test_what_the_estimate_is_made_from(database: Database, clock: Clock):
    fill_queue(database, 40, clock)
    desk = Desk(database, clock, rules=DeskRules(control_share=0.5, review_share=0, max_held_items=3))
    seen: dict[Arm, list[int]] = {Arm.COACH: [], Arm.CONTROL: []}
    for number in range(40):
        item, _ = submit(desk, seconds=10 + number)
        assert (item.revision is None) == (item.arm is Arm.CONTROL)
        seen[item.arm].append(10 + number)
    assert min(map(len, seen.values())) > 5
    rows = {row.arm: row for row in Figures(database, clock).efficiency_rows(TODAY, TODAY)}
    for arm, seconds in seen.items():
        assert rows[arm].time == sum(map(WorkTime.of, seconds), WorkTime())
        assert (rows[arm].person, rows[arm].day, rows[arm].task_class, rows[arm].unit) == ("ada", TODAY, "qa", None)
    assert Figures(database, clock).efficiency_rows(TODAY, TODAY, adapter="none of them") == []


def test_a_text_written_again_after_a_return_tells_nothing_about_the_coach(database: Database, clock: Clock):
    fill_queue(database, 1, clock)
    desk = Desk(database, clock)
    _, receipt = submit(desk, seconds=50)
    desk.reviews.review(Review(receipt.pair_id, "olga", Decision.RETURN), version=receipt.version)
    submit(desk, seconds=400)
    [row] = Figures(database, clock).efficiency_rows(TODAY, TODAY)
    assert row.time == WorkTime.of(50)


def test_the_overview(database: Database, clock: Clock):
    ids = fill_queue(database, 5, clock)
    store = DatabaseStore(database, now=clock)
    store.commit_intake(IntakeBatch([make_intake(record=7, exclusion=Exclusion(ExcludeReason.SAFETY, "rule"))]))
    store.commit_intake(IntakeBatch([make_intake(record=8)]))
    failed = make_revision(make_pair(8), outcome=Outcome.FALLBACK_GUARD, reason="code_fence", adapter="d1")
    store.save_revisions([failed])
    desk = Desk(database, clock, lease_seconds=7200)
    submit(desk, seconds=1800)
    desk.queue.exclude(ids[1], "olga", ExcludeReason.MANUAL, version=2, detail="odd")
    overview = Figures(database, clock).overview()
    assert {stage.stage: (stage.pairs, stage.per_minute) for stage in overview.stages} == {
        "accepted": (6, 0.2),
        "excluded": (1, 1 / 30),
        "revised": (6, 0.2),
        "set_aside": (1, 1 / 30),
        "post_edited": (1, 1 / 30),
        "approved": (0, 0.0),
    }
    assert overview.excluded_by_reason == {"safety": 1, "manual": 1}
    assert overview.outcomes == {"revised": 5, "fallback_guard: code_fence": 1}
    assert overview.revised_by_adapter == {"": 5, "d1": 1}
    assert (overview.depth.free, overview.depth.awaiting_review, overview.oldest_seconds) == (4, 1, 1800)
    desk.clock.turn(24 * 3600)
    assert Figures(database, clock).overview().stages == ()


def test_a_rebuild_gives_the_same_sums(database: Database, clock: Clock):
    fill_queue(database, 6, clock)
    desk = Desk(database, clock, rules=DeskRules(control_share=0.5, review_share=0, max_held_items=9))
    _, receipt = submit(desk)
    desk.queue.undo("ada", receipt.pair_id, receipt.post_edit)
    submit(desk, "ben")
    desk.clock.turn(7200)
    assert desk.reviews.approve_unsampled() == 1
    item = desk.claim()
    version = desk.queue.exclude(item.pair_id, "ada", ExcludeReason.MANUAL, version=item.version)
    desk.reviews.restore(item.pair_id, "olga", version=version)
    kept = read_rollups(database)
    with database.writing() as connection:
        connection.execute(text("DELETE FROM work_rollups"))
        connection.execute(text("UPDATE stage_rollups SET pairs = pairs + 1"))
    assert read_rollups(database) != kept
    assert rebuild_rollups(database) > 0
    assert read_rollups(database) == kept
    rebuild_rollups(database)
    assert read_rollups(database) == kept


def statements_of_all_figures(database: Database, clock: Clock) -> list[tuple[str, Any]]:
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if statement.startswith("SELECT"):
            seen.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        figures = Figures(database, clock)
        figures.overview()
        figures.people(TODAY, TODAY)
        figures.progress("ada")
        figures.efficiency_rows(TODAY, TODAY)
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    return seen


def test_figures_read_rollups_alone(database: Database, clock: Clock):
    """However many pairs there are: no table that grows with them is scanned."""
    fill_queue(database, 200, clock)
    desk = Desk(database, clock, rules=PLAIN)
    submit(desk)
    with database.writing() as connection:
        connection.execute(text("ANALYZE"))
    seen = statements_of_all_figures(database, clock)
    growing = [entity.__tablename__ for entity in (PostEditRow, LeaseRow, EventRow, DraftRow)]
    growing += ["pairs", "revisions", "occurrences", "reviews", "queue_items", "review_items"]
    bounded = [
        (statement, parameters)
        for statement, parameters in seen
        if any(f"FROM {table}" in statement.replace("\n", " ") or f"JOIN {table}" in statement for table in growing)
    ]
    assert {statement.split("FROM ")[-1].split()[0] for statement, _ in bounded} <= {
        "pairs",
        "revisions",
        "events",
        "queue_items",
        "review_items",
    }
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    for statement, parameters in bounded:
        assert "LIMIT" in statement
        with database.reading() as connection:
            plan = "\n".join(str(row) for row in connection.exec_driver_sql(f"{explain} {statement}", parameters))
        assert "Sort" not in plan, plan
        assert "TEMP B-TREE" not in plan, plan


@pytest.mark.slow
def test_ten_times_the_pairs_cost_the_figures_nothing_more(database: Database, clock: Clock):
    """The same statements, over as many rollups: those grow with hours and people, not with pairs."""
    fill_queue(database, 50, clock)
    desk = Desk(database, clock, rules=PLAIN)
    for _ in range(4):
        submit(desk)
    few, rollups = statements_of_all_figures(database, clock), read_rollups(database)
    for _ in range(36):
        submit(desk)
    assert [statement for statement, _ in statements_of_all_figures(database, clock)] == [one for one, _ in few]
    assert read_rollups(database).keys() == rollups.keys()
    assert Figures(database, clock).progress("ada").submitted == 40


def test_what_waits_for_the_coach(database: Database, clock: Clock):
    figures = Figures(database, clock)
    assert figures.overview().coach == CoachDepth(0, None, None)
    fill_queue(database, 1, clock)
    clock.turn(60)
    store = DatabaseStore(database, now=clock)
    store.commit_intake(IntakeBatch([make_intake(make_pair(n), n) for n in (7, 8)]))
    clock.turn(30)
    assert figures.overview().coach == CoachDepth(2, 30, 90)
    store.save_revisions([make_revision(make_pair(7))])
    clock.turn(10)
    assert figures.overview().coach == CoachDepth(1, 40, 10)


def test_a_restored_pair_waits_for_the_coach_since_then(database: Database, clock: Clock):
    excluded = make_intake(make_pair(1), 1, exclusion=Exclusion(ExcludeReason.SAFETY, "drugs"))
    DatabaseStore(database, now=clock).commit_intake(IntakeBatch([excluded]))
    desk = Desk(database, clock)
    clock.turn(86_400)
    desk.reviews.restore(excluded.sourced.pair.id, "olga", version=1)
    clock.turn(20)
    assert Figures(database, clock).overview().coach.oldest_seconds == 20
