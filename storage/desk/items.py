"""Items as people see them: everything about a pair that the work on it needs."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, exists, select

from coachlm.desk.efficiency import Arm
from coachlm.desk.post_edit import Decision
from coachlm.desk.work import Background, Person, WorkItem
from coachlm.pairs import InstructionPair
from coachlm.revision import Revision
from coachlm.status import Status
from storage.engine.results import all_rows, one_row, the_row
from storage.pairs.backgrounds import read_backgrounds
from storage.pairs.edits import is_reopened, last_edit_row, latest_draft, post_edit_from_row
from storage.pairs.revisions import revision_from_row
from storage.pairs.states import last_question
from storage.tables.desk import DraftRow, LeaseRow, QueueItemRow, ReviewRow, RevisionRow
from storage.tables.pairs import PairRow
from storage.tables.rows import StoredRevision, class_from_row, pair_from_row


class HeldPair(NamedTuple):
    """A pair that somebody has in hands."""

    seq: int
    pair_id: str
    version: int
    status: str
    instruction: str
    input: str
    response: str
    task_class: str | None
    corrected_class: str | None
    token: str
    expires_at: datetime
    person: int
    arm: str
    is_answered: bool
    has_draft: bool


PAIR = (
    PairRow.seq,
    PairRow.id.label("pair_id"),
    PairRow.version,
    PairRow.status,
    PairRow.instruction,
    PairRow.input,
    PairRow.response,
    PairRow.task_class,
    PairRow.corrected_class,
)
_HAS_DRAFT = exists().where(DraftRow.pair == LeaseRow.pair, DraftRow.person == LeaseRow.person).label("has_draft")
_STANDING_RETURN = (ReviewRow.decision == Decision.RETURN.value, ~is_reopened())
_IS_ANSWERED = exists().where(ReviewRow.pair == LeaseRow.pair, *_STANDING_RETURN).label("is_answered")
_ITEMS = (
    select(
        *PAIR,
        LeaseRow.token,
        LeaseRow.expires_at,
        LeaseRow.person,
        LeaseRow.arm,
        _IS_ANSWERED,
        _HAS_DRAFT,
    )
    .join(PairRow, PairRow.seq == LeaseRow.pair)
    .join(QueueItemRow, QueueItemRow.pair == LeaseRow.pair)
)
_BY_TOKEN = _ITEMS.where(LeaseRow.token == bindparam("under"))
_OF_PERSON = _ITEMS.where(
    LeaseRow.person == bindparam("who"), LeaseRow.ended_at.is_(None), LeaseRow.expires_at > bindparam("now")
).order_by(LeaseRow.id)
_LAST_REVISION = (
    select(RevisionRow.__table__)
    .where(RevisionRow.pair == bindparam("of_pair"))
    .order_by(RevisionRow.id.desc())
    .limit(1)
)


def read_item(connection: Connection, token: str) -> WorkItem:
    """The item that was just handed out under this token."""
    row = the_row(HeldPair, connection.execute(_BY_TOKEN, {"under": token}))
    return _work_item(connection, row, read_backgrounds(connection, [row.seq]))


def read_held(connection: Connection, person: Person, now: datetime) -> list[WorkItem]:
    """What the person has in hands, first claimed first."""
    rows = all_rows(HeldPair, connection.execute(_OF_PERSON, {"who": person.id, "now": now}))
    backgrounds = read_backgrounds(connection, [row.seq for row in rows])
    return [_work_item(connection, row, backgrounds) for row in rows]


def _work_item(connection: Connection, row: HeldPair, backgrounds: Mapping[int, Background]) -> WorkItem:
    raw, status = pair_from_row(row), Status(row.status)
    last_edit = last_edit_row(connection, row.seq) if status is Status.RETURNED else None
    arm = Arm(row.arm)
    return WorkItem(
        pair_id=row.pair_id,
        token=row.token,
        version=row.version,
        expires_at=row.expires_at,
        status=status,
        raw=raw,
        revision=None if arm is Arm.CONTROL else last_revision(connection, row.seq, row.pair_id, raw),
        task_class=class_from_row(row),
        draft=latest_draft(connection, row.seq, row.person) if row.has_draft else None,
        last_edit=None if last_edit is None else post_edit_from_row(last_edit, row.pair_id),
        owner_comment=_owner_comment(connection, row.seq) if row.is_answered else "",
        question=last_question(connection, row.seq) if row.is_answered and last_edit is None else "",
        arm=arm,
        background=backgrounds.get(row.seq, Background()),
    )


def last_revision(connection: Connection, seq: int, pair_id: str, raw: InstructionPair) -> Revision | None:
    row = one_row(StoredRevision, connection.execute(_LAST_REVISION, {"of_pair": seq}))
    return None if row is None else revision_from_row(row, pair_id, raw)


def _owner_comment(connection: Connection, seq: int) -> str:
    latest = (
        select(ReviewRow.comment).where(ReviewRow.pair == seq, *_STANDING_RETURN).order_by(ReviewRow.id.desc()).limit(1)
    )
    return connection.scalar(latest) or ""
