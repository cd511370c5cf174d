"""Drawing a study of blind ratings: which pairs, and for every rater an order of all their versions."""

# See docs/decisions/0064-salted-study-orders.md

import hashlib
import random
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from coachlm.context import context_record
from coachlm.desk.ratings import RATERS, STUDY_NAME, Versions, draw_items, each_version
from coachlm.desk.work import Person, PersonRole
from coachlm.errors import InputError
from coachlm.pairs import InstructionPair
from storage.engine.schema import read_salt
from storage.people.people import RATERS as RATER_ROLES
from storage.people.people import check_unit, find_person
from storage.studies.seen_pairs import rows_seen_by
from storage.tables.pairs import PersonRow
from storage.tables.studies import RatingPlaceRow, RatingRaterRow, RatingStudyRow, RatingTaskRow, RatingWithheldRow

_MAX_SOURCE_CHARS = 60


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """What is to be rated by whom. Without raters three annotators are drawn; without a seed nobody can know the draw.

    `pair_ids`: of the stored pairs that the rows are versions of, where they are known: kept from the raters.
    """

    name: str
    sources: Versions
    raters: tuple[str, ...] = ()
    count: int = 150
    seed: int | None = None
    pair_ids: Sequence[str] = ()


def check_plan(plan: StudyPlan) -> None:
    if not STUDY_NAME.fullmatch(plan.name):
        raise InputError(f"study {plan.name[:80]!r}: a name has 1 to 60 letters, digits, `.`, `_` and `-`")
    if len(plan.sources) < 2:
        raise InputError(f"study {plan.name!r} needs at least two versions of each pair")
    for source in plan.sources:
        if not source.strip() or len(source) > _MAX_SOURCE_CHARS:
            raise InputError(f"study {plan.name!r}: a version's name has 1 to {_MAX_SOURCE_CHARS} characters")
        if re.search(rf"(?<![^._-]){re.escape(source)}(?![^._-])", plan.name, re.IGNORECASE):
            raise InputError(f"study {plan.name!r}: raters see this name, so it can't say {source!r}")
    rows = {len(pairs) for pairs in plan.sources.values()}
    if plan.pair_ids and rows != {len(plan.pair_ids)}:
        raise InputError(f"study {plan.name!r}: there are {len(plan.pair_ids):,} pair ids and {sorted(rows)} pairs")
    if plan.count < 1:
        raise InputError(f"study {plan.name!r}: at least one pair is to be drawn, not {plan.count}")


def insert_study(connection: Connection, plan: StudyPlan, owner: Person | None, now: datetime) -> None:
    """Raises: InputError, for a plan that can't be carried out."""
    seed = secrets.randbits(64) if plan.seed is None else plan.seed
    chance = random.Random(seed)  # noqa: S311 - says nothing of which version is which
    raters = _raters(connection, plan, owner, chance)
    locked = select(PersonRow.id).where(PersonRow.id.in_([rater.id for rater in raters])).order_by(PersonRow.id)
    connection.execute(locked.with_for_update(key_share=True)).all()  # their claims wait until the study is there
    ids = [_texts_of(plan, row) for row in range(len(next(iter(plan.sources.values()))))]
    drawn = draw_items(plan.sources, plan.count, chance, without=rows_seen_by(connection, raters, ids))
    row = {
        "name": plan.name,
        "sources": list(plan.sources),
        "seed": str(seed),
        "owner": owner and owner.id,
        "created_at": now,
    }
    study = connection.execute(insert(RatingStudyRow).values(**row).returning(RatingStudyRow.id)).scalar_one()
    tasks = _insert_tasks(connection, study, list(plan.sources), [versions for _, versions in drawn])
    _insert_raters(connection, study, raters, tasks, f"{read_salt(connection)}:{seed}:{plan.name}")
    withheld = sorted({pair_id for row, _ in drawn for pair_id in ids[row]})
    connection.execute(insert(RatingWithheldRow), [{"pair_id": pair_id, "study": study} for pair_id in withheld])


def _texts_of(plan: StudyPlan, row: int) -> frozenset[str]:
    """Ids under which the pair, or one of its versions, could be looked up."""
    own = (pairs[row].id for pairs in plan.sources.values() if row < len(pairs))
    return frozenset((*own, *plan.pair_ids[row : row + 1]))


def _raters(connection: Connection, plan: StudyPlan, owner: Person | None, chance: random.Random) -> list[Person]:
    if not plan.raters:
        return _draw_raters(connection, owner, chance)
    if len(set(plan.raters)) != len(plan.raters):
        raise InputError(f"study {plan.name!r}: a rater is named twice; name each once")
    raters = [find_person(connection, name) for name in plan.raters]
    for rater in raters:
        if not rater.is_active or rater.role not in RATER_ROLES:
            raise InputError(f"{rater.name!r} can't rate: only active annotators and owners do, who can't read the key")
        if owner is not None and rater.id == owner.id:
            raise InputError(f"{rater.name!r} makes the study and so knows the versions; let others rate")
        if owner is not None and owner.role is PersonRole.OWNER and owner.unit is not None:
            check_unit(owner, rater.unit)
    return raters


def _draw_raters(connection: Connection, owner: Person | None, chance: random.Random) -> list[Person]:
    unit = None if owner is None else owner.unit
    chosen = [PersonRow.role == PersonRole.ANNOTATOR.value, PersonRow.is_active.is_(True)]
    if unit is not None:
        chosen.append(PersonRow.unit.is_(None) | (PersonRow.unit == unit.value))
    names = list(connection.scalars(select(PersonRow.name).where(*chosen).order_by(PersonRow.id)))
    if len(names) < RATERS:
        raise InputError(f"there are {len(names)} active annotators to draw {RATERS} raters from; name the raters")
    return [find_person(connection, name) for name in chance.sample(names, RATERS)]


def _insert_tasks(
    connection: Connection, study: int, sources: list[str], drawn: Sequence[dict[str, InstructionPair]]
) -> list[int]:
    # One context for all versions of a pair: it must not tell them apart.
    contexts: dict[int, dict[str, object] | None] = {}
    for task, pair in each_version(drawn):
        known = contexts.get(task.item)
        contexts[task.item] = known or (context_record(pair.context) if pair.context else None)
    rows = [
        {
            "study": study,
            "item": task.item,
            "source": sources.index(task.source),
            "instruction": pair.instruction,
            "instruction_differs": task.instruction_differs,
            "input": pair.input,
            "response": pair.response,
            "context": contexts[task.item],
        }
        for task, pair in each_version(drawn)
    ]
    connection.execute(insert(RatingTaskRow), rows)
    numbers = select(RatingTaskRow.id).where(RatingTaskRow.study == study)
    return list(connection.scalars(numbers.order_by(RatingTaskRow.item, RatingTaskRow.source)))


def _insert_raters(
    connection: Connection, study: int, raters: Sequence[Person], tasks: Sequence[int], salt: str
) -> None:
    for position, rater in enumerate(raters):
        connection.execute(insert(RatingRaterRow).values(person=rater.id, study=study, position=position))
        order = list(tasks)
        drawn_by = hashlib.sha256(f"{salt}:{rater.id}".encode()).digest()
        random.Random(drawn_by).shuffle(order)  # noqa: S311 - seeded by what no rater can read
        rows = [
            {"study": study, "person": rater.id, "place": place, "task": task} for place, task in enumerate(order, 1)
        ]
        connection.execute(insert(RatingPlaceRow), rows)
