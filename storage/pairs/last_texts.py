"""What was last said of pairs: by the coach, by the annotator, by the owner."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from sqlalchemy import Connection, Executable, select

from coachlm.desk.dataset import TurnTexts
from coachlm.pairs import InstructionPair
from coachlm.status import Status
from storage.engine.bulk import is_among
from storage.engine.results import all_rows, columns_of
from storage.pairs.edits import is_reopened, is_withdrawn
from storage.tables.desk import PostEditRow, ReviewRow, RevisionRow
from storage.tables.pairs import PairRow, PersonRow
from storage.tables.rows import StoredEdit, StoredReview, StoredRevision, pair_from_row

OfPair = TypeVar("OfPair", StoredRevision, StoredEdit, StoredReview)
_WORKED_ON = (Status.REVISED, Status.RETURNED, Status.POST_EDITED, Status.APPROVED)


class _Turn(NamedTuple):
    seq: int
    conversation: int
    turn: int
    instruction: str
    input: str
    response: str


class LastTexts:
    """Of some pairs, by their numbers."""

    def __init__(self, connection: Connection, numbers: Sequence[int]) -> None:
        revised = select(RevisionRow.__table__).where(is_among(connection, RevisionRow.pair.expression, numbers))
        self.revisions = _latest(StoredRevision, connection, revised.order_by(RevisionRow.id))
        named = select(PostEditRow.__table__, PersonRow.name).join(PersonRow, PersonRow.id == PostEditRow.person)
        standing = named.where(~is_withdrawn(), is_among(connection, PostEditRow.pair.expression, numbers))
        self.edits = _latest(StoredEdit, connection, standing.order_by(PostEditRow.id))
        decided = (is_among(connection, ReviewRow.pair.expression, numbers), ~is_reopened())
        reviewed = select(ReviewRow.__table__).where(*decided)
        self._reviews = _latest(StoredReview, connection, reviewed.order_by(ReviewRow.id))

    def revised(self, seq: int) -> InstructionPair | None:
        """Where the coach changed the text."""
        revision = self.revisions.get(seq)
        return None if revision is None else revision.text

    def final(self, seq: int) -> InstructionPair | None:
        """The owner's correction where it is the last word, else the annotator's text."""
        edit, review = self.edits.get(seq), self._reviews.get(seq)
        corrected = None if review is None else review.text
        if review is not None and corrected is not None and (edit is None or review.created_at >= edit.created_at):
            return corrected
        return None if edit is None else pair_from_row(edit)


def read_told_turns(connection: Connection, conversations: Sequence[int]) -> dict[int, tuple[TurnTexts, ...]]:
    """Of each conversation the turns that the coach or people have worked on."""
    if not conversations:
        return {}
    rows = connection.execute(
        select(*columns_of(PairRow, _Turn))
        .where(
            is_among(connection, PairRow.conversation.expression, conversations),
            PairRow.status.in_([status.value for status in _WORKED_ON]),
        )
        .order_by(PairRow.conversation, PairRow.turn, PairRow.seq)
    )
    turns = all_rows(_Turn, rows)
    texts = LastTexts(connection, [turn.seq for turn in turns])
    found: dict[int, tuple[TurnTexts, ...]] = {}
    for turn in turns:
        told = TurnTexts(pair_from_row(turn), texts.revised(turn.seq), texts.final(turn.seq), turn.turn)
        found[turn.conversation] = (*found.get(turn.conversation, ()), told)
    return found


def _latest(kind: type[OfPair], connection: Connection, statement: Executable) -> dict[int, OfPair]:
    """By the numbers of their pairs; of several rows of a pair the last one that the statement gives."""
    return {row.pair: row for row in all_rows(kind, connection.execute(statement))}
