"""Single pairs and pages of what was set aside, as people look at them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.orm import aliased

from coachlm.errors import NotFoundError
from coachlm.pairs import ExcludeReason, InstructionPair, TaskClass
from coachlm.revision import Revision
from coachlm.status import Status
from storage.bulk import is_among
from storage.database import Database
from storage.edits import last_post_edit, pair_from_row
from storage.items import class_column
from storage.revisions import revision_from_row
from storage.tables import PairRow
from storage.work_tables import ReviewRow, RevisionRow

_original = aliased(PairRow)


@dataclass(frozen=True, slots=True)
class PairView:
    """A pair as it stands."""

    seq: int  # order of arrival
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


class PairViews:
    """Every method sees one snapshot and blocks no writer. Raises (all): StoreError, naming the remedy."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def pair(self, pair_id: str) -> PairView:
        """With revision and final text. Raises: NotFoundError."""
        with self._database.reading() as connection:
            row = connection.execute(_pairs().where(PairRow.id == pair_id)).one_or_none()
            if row is None:
                raise _unknown(pair_id)
            edit = last_post_edit(connection, row.seq, pair_id)
            final = _owner_text(connection, row.seq) or (edit and edit.final)
            revision = _revision(connection, row)
            return _view(row, revision=revision, final=final, annotator=edit and edit.person)

    def classes(self, pair_ids: Sequence[str]) -> dict[str, TaskClass | None]:
        """Pair id → class, as a person corrected it, else as predicted. Raises: NotFoundError, naming one."""
        with self._database.reading() as connection:
            chosen = is_among(connection, PairRow.id.expression, pair_ids)
            found = dict(connection.execute(select(PairRow.id, class_column()).where(chosen)).all())
        missing = set(pair_ids) - found.keys()
        if missing:
            raise _unknown(min(missing))
        return {pair_id: None if name is None else TaskClass(name) for pair_id, name in found.items()}

    def set_aside(
        self,
        limit: int,
        *,
        status: Status = Status.EXCLUDED,
        before: int | None = None,
        reason: ExcludeReason | None = None,
        task_class: TaskClass | None = None,
    ) -> list[PairView]:
        """Excluded pairs (or near copies, by `status`), latest arrivals first; `before` is the `seq` where the page
        before ended. Pairs that the preliminary filter set aside have no class: any class finds them too."""
        chosen = [PairRow.status == status.value]
        if before is not None:
            chosen.append(PairRow.seq < before)
        if reason is not None:
            chosen.append(PairRow.exclude_reason == reason.value)
        if task_class is not None:
            chosen.append(class_column().is_(None) | (class_column() == task_class.value))
        with self._database.reading() as connection:
            rows = connection.execute(_pairs().where(*chosen).order_by(PairRow.seq.desc()).limit(limit))
            return [_view(row) for row in rows]


def _pairs() -> Any:
    joined = select(PairRow.__table__, _original.id.label("original"))
    return joined.join(_original, _original.seq == PairRow.duplicate_of, isouter=True)


def _view(row: Any, **more: Any) -> PairView:
    task_class = row.corrected_class or row.task_class
    return PairView(
        seq=row.seq,
        pair_id=row.id,
        version=row.version,
        status=Status(row.status),
        raw=pair_from_row(row),
        task_class=None if task_class is None else TaskClass(task_class),
        exclude_reason=None if row.exclude_reason is None else ExcludeReason(row.exclude_reason),
        exclude_detail=row.exclude_detail or "",
        duplicate_of=row.original,
        created_at=row.created_at,
        **more,
    )


def _revision(connection: Connection, pair: Any) -> Revision | None:
    latest = select(RevisionRow.__table__).where(RevisionRow.pair == pair.seq).order_by(RevisionRow.id.desc()).limit(1)
    row = connection.execute(latest).one_or_none()
    return None if row is None else revision_from_row(row, pair.id, pair_from_row(pair))


def _owner_text(connection: Connection, seq: int) -> InstructionPair | None:
    """The text of the last review, if it corrected: a corrected pair is approved, so that no edit comes after it."""
    latest = select(ReviewRow.__table__).where(ReviewRow.pair == seq).order_by(ReviewRow.id.desc()).limit(1)
    row = connection.execute(latest).one_or_none()
    return None if row is None or row.instruction is None else pair_from_row(row)


def _unknown(pair_id: str) -> NotFoundError:
    return NotFoundError(f"there is no pair {pair_id!r}; take its id from the queue or an export")
