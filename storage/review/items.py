"""Items of the review queue, as owners see them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, func, literal, select

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

    @property
    def is_question(self) -> bool:
        return self.state == ReviewState.SENT


def read_review_items(
    connection: Connection, owner: Person, classes: Sequence[str] | None, limit: int
) -> list[ReviewItem]:
    """What waits for this owner, of these classes (None: of all), oldest first; with the owner's drafts."""
    item = ReviewItemRow
    columns = (*PAIR, item.state, item.reason, item.comment, item.since, PersonRow.name)
    found: list[WaitingPair] = []
    for state in (ReviewState.WAITING, ReviewState.SENT):
        for task_class in (None,) if classes is None else classes:
            waiting = (
                select(*columns)
                .join(PairRow, PairRow.seq == item.pair)
                .join(PersonRow, PersonRow.id == item.annotator, isouter=True)
                .where(*_waiting_for(owner, state, task_class))
                .order_by(item.since)
                .limit(limit)
            )
            found += all_rows(WaitingPair, connection.execute(waiting))
    found.sort(key=lambda row: (row.since, row.seq))
    rows = found[:limit]
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
            waiting = _waiting_for(owner, state, task_class)
            some = select(literal(1).label("one")).where(*waiting).limit(at_most).subquery()
            total += connection.scalar(select(func.count()).select_from(some)) or 0
    return min(total, at_most)


def _waiting_for(owner: Person, state: ReviewState, task_class: str | None) -> list[ColumnElement[bool]]:
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
    )
