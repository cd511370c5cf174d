"""Pairs, batches and a clock for the storage suite."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from coachlm.desk.post_edit import PostEdit
from coachlm.desk.work import PersonRole, WorkItem
from coachlm.pairs import (
    Exclusion,
    InstructionPair,
    Position,
    Provenance,
    Reject,
    RejectReason,
    SourcedPair,
    TaskClass,
)
from coachlm.protocols.intake import IntakeBatch, IntakePair
from coachlm.revision import Outcome, Revision
from storage.desk.queue import PostEditQueue
from storage.desk.rules import DeskRules
from storage.engine.database import Database
from storage.intake.near_copies import NearCopies
from storage.intake.store import DatabaseStore
from storage.pairs.rollups import STAGE_KEY, WORK_KEY
from storage.review.desk import ReviewDesk
from storage.tables.rollups import StageRollupRow, WorkRollupRow

SOURCE = "logs/chat.jsonl"
PLAIN = DeskRules(control_share=0, review_share=1, review_trusted_share=1, max_held_items=100)
"""Nothing left to chance: everybody sees the coach's text, an owner sees everything."""


class Clock:
    """A clock that stands still unless turned."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def turn(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


def make_pair(number: int = 0, response: str | None = None) -> InstructionPair:
    return InstructionPair(f"Name the colour of fruit number {number}.", "", response or f"It is colour {number}.")


def make_intake(
    pair: InstructionPair | None = None,
    record: int = 0,
    *,
    source: str = SOURCE,
    part: int = 0,
    bands: tuple[int, ...] = (),
    exclusion: Exclusion | None = None,
    task_class: TaskClass | None = TaskClass.QA,
    redactions: dict[str, int] | None = None,
    **provenance: Any,
) -> IntakePair:
    origin = Provenance(Position(source, record, part), provenance.pop("format", "openai_chat"), **provenance)
    sourced = SourcedPair(pair or make_pair(record), origin)
    confidence = 0.75 if task_class else 0.0
    return IntakePair(sourced, exclusion, task_class, confidence, bands, redactions or {})


def make_reject(record: int, reason: RejectReason = RejectReason.MALFORMED_JSON, source: str = SOURCE) -> Reject:
    return Reject(Position(source, record), reason, "expected a comma", "openai_chat")


def word_overlap(first: str, second: str) -> float:
    """A similarity that tests can compute in their heads: shared words of all words."""
    one, other = set(first.split()), set(second.split())
    return len(one & other) / len(one | other)


WORDS = NearCopies(word_overlap, lambda pair: f"{pair.instruction} {pair.response}", 0.7)


def make_revision(pair: InstructionPair, **fields: Any) -> Revision:
    revised = InstructionPair(pair.instruction, pair.input, f"{pair.response} Gladly.")
    return Revision(pair.id, fields.pop("revised", revised), fields.pop("outcome", Outcome.REVISED), "rules", **fields)


def fill_queue(
    database: Database, pairs: int, now: Clock, *, task_classes: Sequence[TaskClass | None] = ()
) -> list[str]:
    """Pairs numbered from 0, revised and waiting for annotators; their ids in order."""
    store = DatabaseStore(database, now=now)
    classes = task_classes or [TaskClass.QA] * pairs
    batch = [make_intake(make_pair(number), number, task_class=classes[number]) for number in range(pairs)]
    store.commit_intake(IntakeBatch(batch))
    store.save_revisions([make_revision(make_pair(number)) for number in range(pairs)])
    return [make_pair(number).id for number in range(pairs)]


class Desk:
    """A queue with a review desk and people: Ada and Ben annotate, Olga owns."""

    def __init__(self, database: Database, clock: Clock, lease_seconds: int = 600, rules: DeskRules = PLAIN) -> None:
        self.clock = clock
        self.queue = PostEditQueue(database, lease_seconds, clock, rules)
        self.reviews = ReviewDesk(database, clock, rules)
        for name in ("ada", "ben"):
            self.queue.ensure_person(name)
        self.queue.ensure_person("olga", PersonRole.OWNER)

    def claim(self, person: str = "ada", **options: Any) -> WorkItem:
        item = self.queue.claim(person, **options)
        assert item is not None
        return item

    def submit(self, item: WorkItem, person: str = "ada", key: str = "key-1", response: str = "Red.") -> Any:
        edit = make_edit(item.pair_id, person, response)
        return self.queue.submit(edit, token=item.token, version=item.version, idempotency_key=key)


def make_edit(pair_id: str, person: str = "ada", response: str = "Red.", **fields: Any) -> PostEdit:
    final = fields.pop("final", None) or InstructionPair("Name the colour of this fruit.", "", response)
    return PostEdit(pair_id, person, final, fields.pop("active_seconds", 30.0), **fields)


def read_rollups(database: Database) -> dict[tuple[Any, ...], tuple[int, ...]]:
    """Key → counts of every rollup that is not all zeros."""
    found: dict[tuple[Any, ...], tuple[int, ...]] = {}
    with database.reading() as connection:
        for entity, keys in ((WorkRollupRow, len(WORK_KEY)), (StageRollupRow, len(STAGE_KEY))):
            for row in connection.execute(select(entity.__table__)):
                if any(row[keys:]):
                    found[entity.__tablename__, *row[:keys]] = tuple(row[keys:])
    return found
