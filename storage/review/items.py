"""Items of the review queue, as owners see them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, func, literal, select
from sqlalchemy.orm import aliased

from coachlm.desk.efficiency import Arm
from coachlm.desk.work import Background, Person, ReviewDraft, ReviewItem, ReviewReason, ReviewState
from storage.desk.items import PAIR
from storage.engine.bulk import is_among
from storage.engine.results import all_rows
from storage.pairs.backgrounds import read_backgrounds
from storage.pairs.edits import last_edit_rows, post_edit_from_row
from storage.pairs.revisions import revision_from_row
from storage.pairs.withheld import is_withheld
from storage.review.drafts import read_review_drafts
from storage.tables.desk import ReviewItemRow, RevisionRow
from storage.tables.pairs import PairRow, PersonRow
from storage.tables.rows import StoredEdit, StoredRevision, class_from_row, pair_from_row


class WaitingPair(NamedTuple):
    """A pair that waits for an owner, with what was said of it."""

    seq: int
    pair_id: str
    version: int
    status: str
    instruction: str
    input: str
    response: str
    task_class: str | None
    corrected_class: str | None
    state: str
    reason: str
    comment: str
    since: datetime
    name: str | None
    reserved_by: str | None
    reserved_until: datetime | None

    @property
    def is_question(self) -> bool:
        return self.state == ReviewState.SENT


_owners = aliased(PersonRow)
_WAITING = (
    select(
        *PAIR,
        ReviewItemRow.state,
        ReviewItemRow.reason,
        ReviewItemRow.comment,
        ReviewItemRow.since,
        PersonRow.name,
        _owners.name.label("reserved_by"),
        ReviewItemRow.reserved_until,
    )
    .join(PairRow, PairRow.seq == ReviewItemRow.pair)
    .join(PersonRow, PersonRow.id == ReviewItemRow.annotator, isouter=True)
    .join(_owners, _owners.id == ReviewItemRow.reserved_by, isouter=True)
)


def read_review_items(
    connection: Connection, owner: Person, classes: Sequence[str] | None, limit: int
) -> list[ReviewItem]:
    """What waits for this owner, of these classes (None: of all), questions first, then by age; with the owner's
    drafts."""
    found: list[WaitingPair] = []
    for state in (ReviewState.SENT, ReviewState.WAITING):
        of_state: list[WaitingPair] = []
        for task_class in (None,) if classes is None else classes:
            waiting = _WAITING.where(*waiting_for(owner, state, task_class)).order_by(ReviewItemRow.since).limit(limit)
            of_state += all_rows(WaitingPair, connection.execute(waiting))
        found += sorted(of_state, key=lambda row: (row.since, row.seq))
    return _items(connection, owner, found[:limit])


def read_reviews_of(connection: Connection, owner: Person, pairs: Sequence[int]) -> list[ReviewItem]:
    """Those of these pairs that wait, in the same order."""
    chosen = _WAITING.where(is_among(connection, ReviewItemRow.pair.expression, pairs))
    rows = all_rows(WaitingPair, connection.execute(chosen))
    return _items(connection, owner, sorted(rows, key=lambda row: (not row.is_question, row.since, row.seq)))


def _items(connection: Connection, owner: Person, rows: Sequence[WaitingPair]) -> list[ReviewItem]:
    pairs = [row.seq for row in rows]
    revisions = {row.pair: row for row in _last_revisions(connection, pairs)}
    edits = {row.pair: row for row in last_edit_rows(connection, [row.seq for row in rows if not row.is_question])}
    drafts = read_review_drafts(connection, owner, {row.seq: row.version for row in rows})
    backgrounds = read_backgrounds(connection, pairs)
    return [
        replace(
            _review_item(row, revisions.get(row.seq), edits.get(row.seq), drafts.get(row.seq)),
            background=backgrounds.get(row.seq, Background()),
        )
        for row in rows
    ]


def count_review_items(connection: Connection, owner: Person, classes: Sequence[str] | None, at_most: int) -> int:
    """How much waits for this owner, of these classes (None: of all); counted up to `at_most`."""
    total = 0
    for state in (ReviewState.WAITING, ReviewState.SENT):
        for task_class in (None,) if classes is None else classes:
            waiting = waiting_for(owner, state, task_class)
            some = select(literal(1).label("one")).where(*waiting).limit(at_most).subquery()
            total += connection.scalar(select(func.count()).select_from(some)) or 0
    return min(total, at_most)


def waiting_for(owner: Person, state: ReviewState, task_class: str | None) -> list[ColumnElement[bool]]:
    item = ReviewItemRow
    chosen = [item.state == state.value]
    if task_class is not None:
        chosen.append(item.task_class == task_class)
    if owner.is_rater:
        chosen.append(~is_withheld(item.pair, owner.id))
    return chosen


def _last_revisions(connection: Connection, pairs: Sequence[int]) -> list[StoredRevision]:
    """Of each pair that has one."""
    chosen = is_among(connection, RevisionRow.pair.expression, pairs)
    last = select(func.max(RevisionRow.id)).where(chosen).group_by(RevisionRow.pair)
    return all_rows(StoredRevision, connection.execute(select(RevisionRow.__table__).where(RevisionRow.id.in_(last))))


def _review_item(
    row: WaitingPair, revision: StoredRevision | None, edit: StoredEdit | None, draft: ReviewDraft | None
) -> ReviewItem:
    raw = pair_from_row(row)
    return ReviewItem(
        pair_id=row.pair_id,
        version=row.version,
        raw=raw,
        revision=None if revision is None else revision_from_row(revision, row.pair_id, raw),
        post_edit=None if edit is None else post_edit_from_row(edit, row.pair_id),
        task_class=class_from_row(row),
        reason=ReviewReason(row.reason),
        arm=Arm.COACH if edit is None else Arm(edit.arm),
        annotator=row.name,
        comment=row.comment,
        since=row.since,
        draft=draft,
        reserved_by=row.reserved_by,
        reserved_until=row.reserved_until,
    )
