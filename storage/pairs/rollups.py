"""Sums per hour, kept in the transaction of what they count: one upsert a kind of event, always last.

A person's row is written by what they do and by what is done to their post-edits; nobody else waits for it. Rows are
taken in order, after every other lock of a transaction, so that no two of them wait for each other in a circle.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import NamedTuple, Protocol, TypeVar

from sqlalchemy import Connection, Executable

from coachlm.desk.efficiency import WorkTime
from storage.engine.bulk import insert_or_update
from storage.tables.columns import to_micros
from storage.tables.pairs import Base
from storage.tables.rollups import StageRollupRow, WorkRollupRow

_HOUR = 3_600_000_000
_MAX_REASON = 60
WORK_KEY = ("hour", "person", "unit", "task_class", "engine", "adapter", "arm")
WORK_COUNTS = tuple(name for name in WorkRollupRow.__table__.columns.keys() if name not in WORK_KEY)  # noqa: SIM118
STAGE_KEY = ("hour", "stage", "reason", "engine", "adapter")
STAGE_COUNTS = ("pairs", "tokens", "work_ms")


class Stage(StrEnum):
    """What a pair came out of."""

    ACCEPTED = "accepted"  # intake kept it
    EXCLUDED = "excluded"  # intake excluded it; reason: which filter
    DUPLICATE = "duplicate"  # intake linked it
    REVISED = "revised"  # the coach answered; reason: the outcome, for fallbacks with what was wrong
    SET_ASIDE = "set_aside"  # a person excluded it; reason: which


class WorkPlace(Protocol):
    """A row that says, as a lease does, where its work is counted."""

    @property
    def person(self) -> int: ...
    @property
    def unit(self) -> str: ...
    @property
    def task_class(self) -> str: ...
    @property
    def engine(self) -> str: ...
    @property
    def adapter(self) -> str: ...
    @property
    def arm(self) -> str: ...


class CoachWork(Protocol):
    """What of a revision is counted."""

    @property
    def outcome(self) -> str: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def engine(self) -> str: ...
    @property
    def adapter(self) -> str | None: ...
    @property
    def output_tokens(self) -> int: ...
    @property
    def seconds(self) -> float: ...


class WorkKey(NamedTuple):
    """Where work is counted."""

    hour: int
    person: int
    unit: str
    task_class: str
    engine: str
    adapter: str
    arm: str

    @classmethod
    def of(cls, lease: WorkPlace, at: datetime) -> "WorkKey":
        return cls(hour_of(at), lease.person, lease.unit, lease.task_class, lease.engine, lease.adapter, lease.arm)


class StageKey(NamedTuple):
    """Where a stage's output is counted."""

    hour: int
    stage: str
    reason: str = ""
    engine: str = ""
    adapter: str = ""


CountKey = TypeVar("CountKey", WorkKey, StageKey)


@dataclass(frozen=True, slots=True)
class Submitted:
    """What of a post-edit is counted."""

    active_seconds: float
    is_first: bool  # of the pair; a text that was returned and written again tells nothing about the coach's help
    is_untouched: bool
    raw_distance: int | None
    revision_distance: int | None

    def counts(self, sign: int = 1) -> dict[str, int]:
        time = WorkTime.of(self.active_seconds) if self.is_first else WorkTime()
        given = {
            "submitted": 1,
            "untouched": int(self.is_untouched),
            "active_ms": round(self.active_seconds * 1000),
            "timed": time.pairs,
            "timed_ms": time.milliseconds,
            "log_micros": time.log_micros,
            "log_squared_micros": time.log_squared_micros,
            "unusable": time.unusable,
            "raw_distance": self.raw_distance or 0,
            "revision_distance": self.revision_distance or 0,
        }
        return {name: sign * value for name, value in given.items()}


def revised_event(revision: CoachWork, at: datetime) -> tuple[StageKey, dict[str, int]]:
    cause = (revision.reason or "").partition(":")[0][:_MAX_REASON]  # the kind of failure, without its details
    said = f"{revision.outcome}: {cause}" if cause else str(revision.outcome)
    key = StageKey(hour_of(at), Stage.REVISED.value, said, revision.engine, revision.adapter or "")
    return key, {"pairs": 1, "tokens": revision.output_tokens, "work_ms": round(revision.seconds * 1000)}


def hour_of(moment: datetime) -> int:
    """Whole hours since 1970, UTC."""
    return to_micros(moment) // _HOUR


def hour_start(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * 3600, UTC)


def count_work(connection: Connection, *events: tuple[WorkKey, Mapping[str, int]]) -> None:
    """Adds the counts of each event; to be called once a transaction, last."""
    _add(connection, WorkRollupRow, WORK_KEY, WORK_COUNTS, events)


def count_stages(connection: Connection, *events: tuple[StageKey, Mapping[str, int]]) -> None:
    """As `count_work`."""
    _add(connection, StageRollupRow, STAGE_KEY, STAGE_COUNTS, events)


def summed(events: Iterable[tuple[CountKey, Mapping[str, int]]]) -> dict[CountKey, dict[str, int]]:
    sums: dict[CountKey, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for key, counts in events:
        for name, value in counts.items():
            sums[key][name] += value
    return sums


def _add(
    connection: Connection,
    entity: type[Base],
    key_names: tuple[str, ...],
    count_names: tuple[str, ...],
    events: Iterable[tuple[CountKey, Mapping[str, int]]],
) -> None:
    zeros = dict.fromkeys(count_names, 0)
    for key, counts in sorted(summed(events).items()):
        changed = tuple(name for name in count_names if counts.get(name))
        if changed:
            values = {**zeros, **dict(zip(key_names, key, strict=True)), **counts}
            connection.execute(_upsert(connection.dialect.name, entity, key_names, changed), values)


@cache  # an upsert is the one statement here that costs more to put together than to run
def _upsert(dialect: str, entity: type[Base], key_names: tuple[str, ...], changed: tuple[str, ...]) -> Executable:
    first = insert_or_update(dialect, entity)
    sums = {name: getattr(entity, name) + first.excluded[name] for name in changed}
    return first.on_conflict_do_update(index_elements=key_names, set_=sums)
