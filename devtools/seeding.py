"""Fills a migrated database with many pairs, as if they had come in, been revised, edited and reviewed as usual.

`python -m devtools.seeding sqlite:///FILE --queued 10000` for a database to look at. Rows are written in bulk; which
rows a status needs is what `storage` writes for it one by one (tests/storage/test_seeding.py compares).
"""

import argparse
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text

from coachlm.desk.post_edit import Decision
from coachlm.desk.work import Ending, ItemState, PersonRole, ReviewReason, ReviewState, Seniority
from coachlm.pairs import InstructionPair, TaskClass
from coachlm.revision import Outcome
from coachlm.status import Status
from coachlm.text.distance import pair_distance
from storage.desk.rules import DeskRules
from storage.desk.sampling import arm_of
from storage.engine.bulk import insert_rows
from storage.engine.database import Database, open_database, utc_now
from storage.engine.schema import hash_salt, upgrade
from storage.engine.texts import text_hash
from storage.figures.recount import rebuild_rollups
from storage.pairs.revisions import NORMAL_PRIORITY
from storage.tables.columns import to_column, to_micros
from storage.tables.desk import EventRow, LeaseRow, PostEditRow, QueueItemRow, ReviewItemRow, ReviewRow, RevisionRow
from storage.tables.pairs import Base, OccurrenceRow, PairRow, PersonRow, TextRow

ENGINE, ADAPTER = "packed", "0" * 31 + "1"
_BATCH = 5_000
_NUMBERED = (PersonRow, RevisionRow, EventRow, LeaseRow, PostEditRow, ReviewRow)
_CLASSES = tuple(TaskClass)
_TOPICS = (
    "a bicycle with a slipping chain",
    "a balcony garden in the shade",
    "a letter to the landlord",
    "the water cycle",
    "a birthday for twelve children",
    "an old radio",
    "a first marathon",
    "sourdough in summer",
    "a library card catalogue",
    "night trains",
    "a leaking tap",
    "a story about a lighthouse",
)
_SENTENCES = (
    "Start with what can be seen without tools, and write it down.",
    "Most of the time the cause is simpler than it looks.",
    "It helps to do one thing at a time and to check after each.",
    "If this changes nothing, go back and try the next point.",
    "Ask somebody who has done it before; ten minutes save an afternoon.",
    "Keep the parts in the order in which they came off.",
    "A little patience matters more here than strength.",
    "In the end, compare the result with what was wanted.",
    "Leave enough time, for the last step takes the longest.",
    "What is left over can be used again next week.",
)


@dataclass(frozen=True, slots=True)
class Mix:
    """How many pairs of each status. The last three have an annotator's text."""

    queued: int = 0  # revised, in the queue, free
    accepted: int = 0
    excluded: int = 0
    post_edited: int = 0  # waits for an owner
    returned: int = 0  # waits for the annotator who wrote it
    approved: int = 0

    def statuses(self) -> Iterator[Status]:
        """Finished ones first, as they would have come."""
        for status, count in (
            (Status.APPROVED, self.approved),
            (Status.POST_EDITED, self.post_edited),
            (Status.RETURNED, self.returned),
            (Status.EXCLUDED, self.excluded),
            (Status.REVISED, self.queued),
            (Status.ACCEPTED, self.accepted),
        ):
            for _ in range(count):
                yield status


@dataclass(frozen=True, slots=True)
class Staff:
    """Numbers of the people of a unit."""

    annotators: tuple[int, ...]
    owner: int


def seed(database: Database, mix: Mix, *, annotators: int = 18, days: int = 30, now: datetime | None = None) -> int:
    """Add the pairs, spread over the last `days`, and build the rollups; gives how many pairs. People are added when
    they are not there: `annotator-000` …, `owner-qa` … . Nobody else may write meanwhile. The same database gets the
    same pairs; more of them with every call.
    """
    now = now or utc_now()
    staff = _ensure_staff(database, annotators, now)
    writer = _Writer(database, staff, now - timedelta(days=days), now)
    total = sum(1 for _ in mix.statuses())
    for number, status in enumerate(mix.statuses()):
        writer.add(number, total, status)
        if (number + 1) % _BATCH == 0:
            writer.flush()
    writer.flush()
    _advance_sequences(database)
    rebuild_rollups(database)
    return total


def make_pair(number: int) -> InstructionPair:
    """The same for the same number; of the length that answers of assistants have."""
    draw = random.Random(number)
    topic = _TOPICS[number % len(_TOPICS)]
    said = " ".join(draw.choices(_SENTENCES, k=draw.randint(4, 12)))
    return InstructionPair(f"What should I know about {topic}? (request {number})", "", f"About {topic}: {said}")


class _Writer:
    """Collects rows by table and writes them in the order in which they refer to one another."""

    def __init__(self, database: Database, staff: Mapping[TaskClass, Staff], first: datetime, last: datetime) -> None:
        self._database = database
        self._staff = staff
        self._first, self._span = first, last - first
        self._salt = hash_salt(database)
        self._rules = DeskRules()
        self._rows: dict[type[Base], list[tuple[Any, ...]]] = {}
        with database.writing() as connection:
            self._ids = {entity: _highest(connection, entity, "id") for entity in _NUMBERED}
            self._seq = _highest(connection, PairRow, "seq")
            self._record = self._seq
            self._source = _highest(connection, TextRow, "id") + 1
            name = f"seeded/{self._source}.jsonl"
            insert_rows(connection, TextRow, [(self._source, text_hash(name), name)])

    def add(self, number: int, total: int, status: Status) -> None:
        self._seq += 1
        at = self._first + self._span * (number / total)
        raw = make_pair(self._seq)
        task_class = _CLASSES[self._seq % len(_CLASSES)]
        self._put_pair(raw, status, task_class, at)
        if status is Status.ACCEPTED or status is Status.EXCLUDED:
            return
        revised = replace(raw, response=f"{raw.response} In short: take it step by step.")
        revision = self._put_revision(revised, at)
        if status is Status.REVISED:
            self._put(
                QueueItemRow,
                pair=self._seq,
                state=ItemState.FREE.value,
                task_class=task_class.value,
                priority=NORMAL_PRIORITY,
                queued_at=to_micros(at),
                place=self._seq,
            )
            return
        self._put_edited(raw, revised, revision, status, task_class, at)

    def flush(self) -> None:
        with self._database.writing() as connection:
            for entity in (
                PairRow,
                OccurrenceRow,
                RevisionRow,
                EventRow,
                LeaseRow,
                PostEditRow,
                QueueItemRow,
                ReviewItemRow,
                ReviewRow,
            ):
                insert_rows(connection, entity, self._rows.pop(entity, []))

    def _put(self, entity: type[Base], **values: Any) -> int:
        """Columns that are not named are NULL; gives the row's number, where it has one."""
        number = 0
        if entity in self._ids:
            number = self._ids[entity] = self._ids[entity] + 1
            values["id"] = number
        self._rows.setdefault(entity, []).append(tuple(values.get(name) for name in _columns(entity)))
        return number

    def _put_pair(self, raw: InstructionPair, status: Status, task_class: TaskClass, at: datetime) -> None:
        reason = {"exclude_reason": "too_short", "exclude_detail": ""} if status is Status.EXCLUDED else {}
        changes = {Status.REVISED: 1, Status.POST_EDITED: 2, Status.APPROVED: 3, Status.RETURNED: 3}
        self._put(
            PairRow,
            context_messages=0,
            context_steps=0,
            seq=self._seq,
            id=raw.id,
            **_texts(raw),
            status=status.value,
            version=1 + changes.get(status, 0),
            task_class=None if reason else task_class.value,
            class_confidence=0.0 if reason else 0.9,
            created_at=to_micros(at),
            **reason,
        )
        self._record += 1
        self._put(
            OccurrenceRow,
            source=self._source,
            record=self._record,
            part=0,
            pair=self._seq,
            is_repeat=False,
            format="openai_chat",
            language="en",
        )

    def _put_revision(self, revised: InstructionPair, at: datetime) -> int:
        number = self._put(
            RevisionRow,
            pair=self._seq,
            **_texts(revised),
            outcome=Outcome.REVISED.value,
            engine=ENGINE,
            adapter=ADAPTER,
            prompt_tokens=180,
            output_tokens=200,
            seconds=0.8,
            created_at=to_micros(at),
        )
        self._put_event(None, Status.ACCEPTED, Status.REVISED, at, '{"outcome": "revised"}')
        return number

    def _put_event(self, person: int | None, old: Status, new: Status, at: datetime, detail: str = "") -> None:
        self._put(
            EventRow,
            pair=self._seq,
            person=person,
            from_status=old.value,
            to_status=new.value,
            detail=detail,
            created_at=to_micros(at),
        )

    def _put_edited(
        self,
        raw: InstructionPair,
        revised: InstructionPair,
        revision: int,
        status: Status,
        task_class: TaskClass,
        at: datetime,
    ) -> None:
        unit = self._staff[task_class]
        annotator = unit.annotators[self._seq // len(_CLASSES) % len(unit.annotators)]
        draw = random.Random(self._seq)
        arm = arm_of(raw.id, self._salt, self._rules)
        seconds = round(min(3600.0, draw.lognormvariate(5.7 if arm == "control" else 5.5, 0.6)), 3)
        submitted = at + timedelta(seconds=seconds)
        where = {"task_class": task_class.value, "engine": ENGINE, "adapter": ADAPTER, "arm": arm.value}
        lease = self._put(
            LeaseRow,
            token=f"seeded-{self._seq:024}",
            pair=self._seq,
            person=annotator,
            claimed_at=to_micros(at),
            expires_at=to_micros(at + timedelta(hours=1)),
            ended_at=to_micros(submitted),
            ending=Ending.SUBMITTED.value,
            unit=task_class.value,
            revision=revision,
            beats=0,
            active_ms=round(seconds * 1000),
            **where,
        )
        final = revised if draw.random() < 0.4 else replace(revised, response=f"{revised.response} Good luck!")
        shown = raw if arm == "control" else revised
        edit = self._put(
            PostEditRow,
            pair=self._seq,
            person=annotator,
            **_texts(final),
            active_seconds=seconds,
            comment="",
            idempotency_key=f"seeded-{self._seq}",
            version=3,
            created_at=to_micros(submitted),
            lease=lease,
            arm=arm.value,
            adapter=ADAPTER,
            is_untouched=final == shown,
            raw_distance=pair_distance(raw, final),
            revision_distance=pair_distance(revised, final),
            review_reason=ReviewReason.SAMPLED.value,
        )
        self._put_event(annotator, Status.REVISED, Status.POST_EDITED, submitted)
        if status is Status.POST_EDITED:
            self._put(
                ReviewItemRow,
                pair=self._seq,
                state=ReviewState.WAITING.value,
                task_class=task_class.value,
                reason=ReviewReason.SAMPLED.value,
                annotator=annotator,
                comment="",
                since=to_micros(submitted),
            )
            return
        self._put_review(status, unit.owner, annotator, edit, submitted + timedelta(minutes=30))
        if status is Status.RETURNED:
            self._put(
                QueueItemRow,
                pair=self._seq,
                state=ItemState.RESERVED.value,
                task_class=task_class.value,
                priority=NORMAL_PRIORITY,
                reserved_for=annotator,
                arm=arm.value,
                queued_at=to_micros(submitted + timedelta(minutes=30)),
                place=self._seq,
            )

    def _put_review(self, status: Status, owner: int, annotator: int, edit: int, at: datetime) -> None:
        decision = Decision.RETURN if status is Status.RETURNED else Decision.APPROVE
        comment = "Please check the last sentence." if decision is Decision.RETURN else ""
        self._put(
            ReviewRow,
            pair=self._seq,
            person=owner,
            decision=decision.value,
            comment=comment,
            annotator=annotator,
            post_edit=edit,
            created_at=to_micros(at),
        )
        self._put_event(owner, Status.POST_EDITED, status, at, comment)


def _ensure_staff(database: Database, annotators: int, now: datetime) -> dict[TaskClass, Staff]:
    if annotators < len(_CLASSES):
        raise ValueError(f"{annotators} annotators; each of the {len(_CLASSES)} units needs one")
    wanted = [(f"owner-{unit.value}", PersonRole.OWNER, unit) for unit in _CLASSES]
    wanted += [
        (f"annotator-{number:03}", PersonRole.ANNOTATOR, _CLASSES[number % len(_CLASSES)])
        for number in range(annotators)
    ]
    with database.writing() as connection:
        known = dict(connection.execute(select(PersonRow.name, PersonRow.id)).all())
        highest = max(known.values(), default=0)
        fresh = [one for one in wanted if one[0] not in known]
        known |= {name: highest + place for place, (name, _, _) in enumerate(fresh, 1)}
        rows = [
            {
                "id": known[name],
                "name": name,
                "role": role.value,
                "unit": unit.value,
                "created_at": to_micros(now),
                "seniority": Seniority.REGULAR.value,
                "is_active": True,
            }
            for name, role, unit in fresh
        ]
        insert_rows(connection, PersonRow, [tuple(row.get(name) for name in _columns(PersonRow)) for row in rows])
    return {
        unit: Staff(
            tuple(known[name] for name, role, of in wanted if of is unit and role is PersonRole.ANNOTATOR),
            known[f"owner-{unit.value}"],
        )
        for unit in _CLASSES
    }


def _advance_sequences(database: Database) -> None:
    """Rows came with their numbers; the database's own counters go on after them. SQLite looks for itself."""
    if database.is_sqlite:
        return
    with database.writing() as connection:
        for entity in _NUMBERED:
            highest = _highest(connection, entity, "id")
            if highest:
                connection.execute(
                    text("SELECT setval(pg_get_serial_sequence(:table, 'id'), :value)"),
                    {"table": entity.__tablename__, "value": highest},
                )
        connection.execute(text("ANALYZE"))


def _highest(connection: Any, entity: type[Base], column: str) -> int:
    return connection.scalar(select(func.max(getattr(entity, column)))) or 0


def _columns(entity: type[Base]) -> list[str]:
    return _NAMES.setdefault(entity, list(entity.__table__.columns.keys()))


_NAMES: dict[type[Base], list[str]] = {}


def _texts(pair: InstructionPair) -> dict[str, str]:
    return {
        "instruction": to_column(pair.instruction),
        "input": to_column(pair.input),
        "response": to_column(pair.response),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="an empty or migrated database")
    for name in Mix.__slots__:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=0)
    options = parser.parse_args()
    start = time.perf_counter()
    database = open_database(options.url)
    upgrade(database)
    count = seed(database, Mix(**{name: getattr(options, name) for name in Mix.__slots__}))
    database.close()
    print(f"{count:,} pairs in {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
