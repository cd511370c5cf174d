"""Which owner has a waiting review in hands, and until when: nobody else gets or decides it meanwhile."""

# See docs/decisions/0154-reviews-are-reserved.md

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, or_, select, update

from coachlm.desk.work import Person, ReviewState
from storage.engine.bulk import is_among
from storage.review.items import waiting_for
from storage.tables.desk import ReviewItemRow
from storage.tables.pairs import PairRow

STATES = (ReviewState.SENT, ReviewState.WAITING)  # in the order in which owners get them


def reserve_reviews(
    connection: Connection,
    owner: Person,
    classes: Sequence[str] | None,
    *,
    want: int,
    known: Sequence[str],
    now: datetime,
    until: datetime,
) -> list[int]:
    """At most `want` pairs, by their numbers: what the owner has in hands and doesn't name as known, then new ones."""
    told = _numbers(connection, known)
    found: list[int] = []
    for task_class in (None,) if classes is None else classes:
        of_class = () if task_class is None else (ReviewItemRow.task_class == task_class,)
        held = select(ReviewItemRow.pair).where(*_held_by(owner, now), *of_class)
        found += [pair for pair in connection.scalars(held) if pair not in told]
    for state in STATES:
        for task_class in (None,) if classes is None else classes:
            if len(found) < want:
                found += _lock_free(connection, owner, state, task_class, want - len(found), now)
    chosen = found[:want]
    _set(connection, chosen, owner.id, until)
    return chosen


def hold_reviews(
    connection: Connection, owner: Person, pair_ids: Sequence[str], now: datetime, until: datetime
) -> list[str]:
    """Keeps those that no other owner has got meanwhile; gives them."""
    named = select(ReviewItemRow.pair, PairRow.id).join(PairRow, PairRow.seq == ReviewItemRow.pair)
    mine = or_(ReviewItemRow.reserved_by == owner.id, _is_free(now))
    named_ones = is_among(connection, ReviewItemRow.pair.expression, list(_numbers(connection, pair_ids)))
    chosen = named.where(named_ones, mine).order_by(ReviewItemRow.pair)
    locked = dict(connection.execute(chosen.with_for_update(of=ReviewItemRow)).all())
    _set(connection, list(locked), owner.id, until)
    return list(locked.values())


def release_reviews(connection: Connection, owner: Person, pair_ids: Sequence[str]) -> None:
    named = is_among(connection, ReviewItemRow.pair.expression, list(_numbers(connection, pair_ids)))
    own = (named, ReviewItemRow.reserved_by == owner.id)
    connection.execute(update(ReviewItemRow).where(*own).values(reserved_by=None, reserved_until=None))


def _numbers(connection: Connection, pair_ids: Sequence[str]) -> set[int]:
    if not pair_ids:
        return set()
    return set(connection.scalars(select(PairRow.seq).where(is_among(connection, PairRow.id.expression, pair_ids))))


def _lock_free(
    connection: Connection, owner: Person, state: ReviewState, task_class: str | None, limit: int, now: datetime
) -> list[int]:
    free = select(ReviewItemRow.pair).where(*waiting_for(owner, state, task_class), _is_free(now))
    first = free.order_by(ReviewItemRow.since).limit(limit)
    return list(connection.scalars(first.with_for_update(of=ReviewItemRow, skip_locked=True)))


def _set(connection: Connection, pairs: Sequence[int], owner: int, until: datetime) -> None:
    if pairs:
        chosen = is_among(connection, ReviewItemRow.pair.expression, pairs)
        connection.execute(update(ReviewItemRow).where(chosen).values(reserved_by=owner, reserved_until=until))


def _held_by(owner: Person, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return ReviewItemRow.reserved_by == owner.id, ReviewItemRow.reserved_until > now


def _is_free(now: datetime) -> ColumnElement[bool]:
    return or_(ReviewItemRow.reserved_by.is_(None), ReviewItemRow.reserved_until <= now)
