"""What owners have typed and not decided yet.

There is no lease to save it under. Its place says which version of the pair the owner saw and which browser saves it:
two browsers never overwrite each other's text.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from coachlm.desk.work import Person, ReviewDraft
from coachlm.pairs import InstructionPair
from storage.engine.bulk import is_among
from storage.engine.results import all_rows
from storage.pairs.edits import SAVED, keep_refused, save_draft
from storage.pairs.states import PairState
from storage.tables.desk import DraftRow, ReviewRow
from storage.tables.rows import StoredDraft, pair_from_row

_PLACE = "review "


def save_review_draft(
    connection: Connection,
    pair: PairState,
    owner: Person,
    text: InstructionPair,
    *,
    writer: str,
    comment: str,
    now: datetime,
) -> None:
    """Replaces what the same writer saved of the same version before."""
    place = _place(pair.version, writer)
    save_draft(connection, pair.seq, owner, text, token=place, comment=comment, now=now)


def keep_refused_review(
    connection: Connection,
    pair: PairState,
    owner: Person,
    text: InstructionPair,
    *,
    version: int,
    comment: str,
    now: datetime,
) -> None:
    """The text of a decision or draft that came too late."""
    place = _place(version, "")
    keep_refused(connection, pair.seq, owner, text, token=place, comment=comment, now=now)


def read_review_drafts(connection: Connection, owner: Person, versions: dict[int, int]) -> dict[int, ReviewDraft]:
    """The latest of each pair (`versions`: by its number, the version it has now).

    A draft of an earlier version counts as long as the owner hasn't decided since: the text changed beneath it.
    """
    saved = select(DraftRow.__table__).where(
        is_among(connection, DraftRow.pair.expression, list(versions)),
        DraftRow.person == owner.id,
        DraftRow.slot == SAVED,
        DraftRow.token.startswith(_PLACE),
    )
    rows = all_rows(StoredDraft, connection.execute(saved.order_by(DraftRow.created_at, DraftRow.id)))
    latest = {row.pair: (row, _draft(row)) for row in rows}
    older = [seq for seq, (_, draft) in latest.items() if draft.version != versions[seq]]
    decided = _decided_at(connection, owner, older) if older else {}
    return {seq: draft for seq, (row, draft) in latest.items() if seq not in decided or row.created_at > decided[seq]}


def _decided_at(connection: Connection, owner: Person, pairs: Sequence[int]) -> dict[int, datetime]:
    last = select(ReviewRow.pair, func.max(ReviewRow.created_at)).where(
        is_among(connection, ReviewRow.pair.expression, pairs), ReviewRow.person == owner.id
    )
    return dict(connection.execute(last.group_by(ReviewRow.pair)).all())


def _draft(row: StoredDraft) -> ReviewDraft:
    version, _, writer = row.token.removeprefix(_PLACE).partition(" ")
    return ReviewDraft(pair_from_row(row), row.comment, row.created_at, int(version), writer)


def _place(version: int, writer: str) -> str:
    return f"{_PLACE}{version} {writer}"
