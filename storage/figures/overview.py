"""How the installation runs: what came out of each stage in each hour, and what waits."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from coachlm.desk.work import QueueDepth
from storage.desk.depth import CoachDepth, oldest_queued, read_coach_depth, read_depth, seconds_since
from storage.engine.results import all_rows
from storage.pairs.rollups import Stage, hour_of, hour_start
from storage.tables.rollups import StageRollupRow, WorkRollupRow
from storage.tables.rows import StoredStage


@dataclass(frozen=True, slots=True)
class StageHour:
    """What came out of a stage in an hour."""

    start: datetime
    stage: str  # a `storage.pairs.rollups.Stage`, `post_edited` or `approved`
    pairs: int
    per_minute: float  # of the minutes that have passed
    tokens: int = 0
    tokens_per_second: float | None = None  # of the reviser's own time


@dataclass(frozen=True, slots=True)
class Overview:
    """How the installation runs. `depth` counts up to a bound (`storage.desk.depth`)."""

    at: datetime
    stages: tuple[StageHour, ...]
    depth: QueueDepth
    oldest_seconds: float | None  # age of the oldest free item
    coach: CoachDepth
    excluded_by_reason: dict[str, int]  # these three: over the hours shown
    outcomes: dict[str, int]  # of revisions; fallbacks with what was wrong
    revised_by_adapter: dict[str, int]  # digest (empty: none) → pairs


def read_overview(connection: Connection, now: datetime, hours: int) -> Overview:
    """Of the current hour and those before it, newest first."""
    since = hour_of(now) - hours + 1
    stages = _stages(connection, since)
    hourly = [_stage_hour(now, *row) for row in [*_summed_stages(stages), *_done(connection, since)]]
    revised = [row for row in stages if row.stage == Stage.REVISED]
    oldest = oldest_queued(connection)
    return Overview(
        at=now,
        stages=tuple(sorted(hourly, key=lambda one: (one.start, one.stage), reverse=True)),
        depth=read_depth(connection),
        oldest_seconds=seconds_since(oldest, now),
        coach=read_coach_depth(connection, now),
        excluded_by_reason=_by((r.reason, r.pairs) for r in stages if r.stage in (Stage.EXCLUDED, Stage.SET_ASIDE)),
        outcomes=_by((row.reason, row.pairs) for row in revised),
        revised_by_adapter=_by((row.adapter, row.pairs) for row in revised),
    )


def _stages(connection: Connection, since: int) -> list[StoredStage]:
    recent = select(StageRollupRow.__table__).where(StageRollupRow.hour >= since)
    return all_rows(StoredStage, connection.execute(recent))


def _summed_stages(rows: Iterable[StoredStage]) -> list[tuple[int, str, int, int, int]]:
    sums: dict[tuple[int, str], tuple[int, int, int]] = {}
    for row in rows:
        pairs, tokens, work_ms = sums.get((row.hour, row.stage), (0, 0, 0))
        sums[row.hour, row.stage] = (pairs + row.pairs, tokens + row.tokens, work_ms + row.work_ms)
    return [(*key, *total) for key, total in sums.items()]


def _done(connection: Connection, since: int) -> list[tuple[int, str, int, int, int]]:
    """What people put out."""
    row = WorkRollupRow
    sums = select(row.hour, func.sum(row.submitted), func.sum(row.approved)).where(row.hour >= since)
    done: list[tuple[int, str, int, int, int]] = []
    for hour, submitted, approved in connection.execute(sums.group_by(row.hour)):
        done += [(hour, "post_edited", int(submitted), 0, 0), (hour, "approved", int(approved), 0, 0)]
    return done


def _stage_hour(now: datetime, hour: int, stage: str, pairs: int, tokens: int, work_ms: int) -> StageHour:
    start = hour_start(hour)
    minutes = min(60.0, max(1.0, (now - start).total_seconds() / 60))
    return StageHour(start, stage, pairs, pairs / minutes, tokens, tokens * 1000 / work_ms if work_ms else None)


def _by(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name, number in pairs:
        counts[name] = counts.get(name, 0) + number
    return counts
