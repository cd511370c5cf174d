"""The Store of intake and revising on a database."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from threading import Lock

from sqlalchemy import func, select

from coachlm.pairs import InstructionPair
from coachlm.protocols.intake import IntakeBatch, IntakeCounts, Progress
from coachlm.revision import Revision
from coachlm.status import Status
from storage.engine.arrivals import arrived, by_arrival
from storage.engine.database import Database, utc_now
from storage.engine.results import all_rows, columns_of
from storage.engine.schema import INTAKE_LOCK
from storage.engine.texts import TextNumbers, text_hash
from storage.intake.batch_writer import BatchWriter
from storage.intake.near_copies import NearCopies
from storage.pairs.contexts import Contexts, WaitingPair
from storage.pairs.revisions import store_revisions
from storage.tables.pairs import IntakePositionRow, MetaRow, PairRow, TextRow


class DatabaseStore:
    """Implements `protocols.intake.Store`; safe to share between threads. Without `near_copies` none are looked for.

    Raises (from every method): StoreError, naming the remedy; the call's transaction is rolled back then.
    """

    def __init__(
        self,
        database: Database,
        near_copies: NearCopies | None = None,
        now: Callable[[], datetime] = utc_now,
        *,
        head_start: int = 0,
    ) -> None:
        self._database = database
        self._near_copies = near_copies
        self._now = now
        self._head_start = head_start  # see store_revisions
        self._texts = TextNumbers()
        self._one_batch = Lock()  # guards `_texts`

    def commit_intake(self, batch: IntakeBatch) -> IntakeCounts:
        with self._intake(batch) as writer:
            return writer.write(self._near_copies)

    @contextmanager
    def _intake(self, batch: IntakeBatch) -> Generator[BatchWriter]:
        """A transaction under the lock of intake, with the batch's writer."""
        with self._one_batch:
            try:
                with self._database.writing() as connection:
                    connection.execute(select(MetaRow.value).where(MetaRow.name == INTAKE_LOCK).with_for_update())
                    yield BatchWriter(connection, batch, self._texts, self._now())
            except BaseException:
                self._texts.forget()
                raise

    def progress(self, source: str) -> Progress | None:
        columns = (
            IntakePositionRow.records,
            IntakePositionRow.finished,
            IntakePositionRow.has_fragments,
            IntakePositionRow.digest,
        )
        with self._database.reading() as connection:
            row = connection.execute(
                select(*columns)
                .join(TextRow, TextRow.id == IntakePositionRow.source)
                .where(TextRow.hash == text_hash(source))
            ).one_or_none()
        return None if row is None else Progress(source, *row)

    def awaiting_revision(self, limit: int) -> list[tuple[str, InstructionPair]]:
        with self._database.reading() as connection:
            found = connection.execute(
                select(*columns_of(PairRow, WaitingPair))
                .where(*arrived(PairRow.status, Status.ACCEPTED.value))
                .order_by(*by_arrival(PairRow.status))
                .limit(limit)
            )
            rows = all_rows(WaitingPair, found)
            contexts = Contexts(connection, rows)
        return [(row.id, contexts.pair(row)) for row in rows]

    def count_awaiting_revision(self) -> int:
        with self._database.reading() as connection:
            waiting = select(func.count()).select_from(PairRow).where(PairRow.status == Status.ACCEPTED.value)
            return connection.scalar(waiting) or 0

    def save_revisions(self, revisions: Sequence[Revision]) -> int:
        with self._database.writing() as connection:
            return len(store_revisions(connection, revisions, self._now(), self._head_start))

    def close(self) -> None:
        self._database.close()
