"""Single pairs, as people look at them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.orm import aliased

from coachlm.desk.work import Background
from coachlm.errors import NotFoundError
from coachlm.pairs import ExcludeReason, InstructionPair, TaskClass
from coachlm.revision import Revision
from coachlm.status import Status
from storage.desk.items import last_revision
from storage.engine.bulk import is_among
from storage.engine.database import Database
from storage.engine.results import one_row
from storage.pairs.backgrounds import read_backgrounds
from storage.pairs.edits import is_reopened, last_post_edit
from storage.tables.desk import ReviewRow
from storage.tables.pairs import PairRow, PersonRow, class_column
from storage.tables.rows import StoredPair, StoredReview, class_from_row, pair_from_row

_original = aliased(PairRow)
_PAIR = select(PairRow.__table__, _original.id.label("original")).join(
    _original, _original.seq == PairRow.duplicate_of, isouter=True
)


@dataclass(frozen=True, slots=True)
class PairView:
    """A pair as it stands."""

    pair_id: str
    version: int
    status: Status
    raw: InstructionPair
    task_class: TaskClass | None
    exclude_reason: ExcludeReason | None
    exclude_detail: str
    duplicate_of: str | None  # pair id
    created_at: datetime
    revision: Revision | None = None  # the latest
    final: InstructionPair | None = None  # the owner's text, else the annotator's last
    annotator: str | None = None
    background: Background = field(default_factory=Background)
    reviewer: str | None = None  # the owner who decided last


class PairViews:
    """Every method sees one snapshot and blocks no writer. Raises (all): StoreError, naming the remedy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pair(self, pair_id: str) -> PairView:
        """With revision and final text. Raises: NotFoundError."""
        with self._database.reading() as connection:
            row = one_row(StoredPair, connection.execute(_PAIR.where(PairRow.id == pair_id)))
            if row is None:
                raise _unknown(pair_id)
            edit = last_post_edit(connection, row.seq, pair_id)
            final = _owner_text(connection, row.seq) or (edit and edit.final)
            revision = last_revision(connection, row.seq, row.id, pair_from_row(row))
            view = _view(row, revision, final, edit and edit.person)
            background = read_backgrounds(connection, [row.seq]).get(row.seq, Background())
            return replace(view, reviewer=_reviewer(connection, row.seq), background=background)

    def classes(self, pair_ids: Sequence[str]) -> dict[str, TaskClass | None]:
        """Pair id → class, as a person corrected it, else as predicted. Raises: NotFoundError, naming one."""
        with self._database.reading() as connection:
            chosen = is_among(connection, PairRow.id.expression, pair_ids)
            found = dict(connection.execute(select(PairRow.id, class_column()).where(chosen)).all())
        missing = set(pair_ids) - found.keys()
        if missing:
            raise _unknown(min(missing))
        return {pair_id: None if name is None else TaskClass(name) for pair_id, name in found.items()}


def _view(row: StoredPair, revision: Revision | None, final: InstructionPair | None, annotator: str | None) -> PairView:
    return PairView(
        pair_id=row.id,
        version=row.version,
        status=Status(row.status),
        raw=pair_from_row(row),
        task_class=class_from_row(row),
        exclude_reason=None if row.exclude_reason is None else ExcludeReason(row.exclude_reason),
        exclude_detail=row.exclude_detail or "",
        duplicate_of=row.original,
        created_at=row.created_at,
        revision=revision,
        final=final,
        annotator=annotator,
    )


def _owner_text(connection: Connection, seq: int) -> InstructionPair | None:
    """The text of the last review, if it corrected: a corrected pair is approved, so that no edit comes after it."""
    row = _last_review(connection, seq)
    return None if row is None else row.text


def _reviewer(connection: Connection, seq: int) -> str | None:
    row = _last_review(connection, seq)
    return None if row is None else connection.scalar(select(PersonRow.name).where(PersonRow.id == row.person))


def _last_review(connection: Connection, seq: int) -> StoredReview | None:
    """The last that stands."""
    standing = select(ReviewRow.__table__).where(ReviewRow.pair == seq, ~is_reopened())
    return one_row(StoredReview, connection.execute(standing.order_by(ReviewRow.id.desc()).limit(1)))


def _unknown(pair_id: str) -> NotFoundError:
    return NotFoundError(f"pair {pair_id!r} does not exist; take its id from the queue or an export")
