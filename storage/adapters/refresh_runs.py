"""What the refresh service remembers between its steps, and the lock that lets one process refresh at a time."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import func, insert, select, text, update

from coachlm.coaching.adapters import RefreshRun, RefreshStep
from coachlm.errors import ConflictError, StoreError
from coachlm.machine.locks import FileLock
from coachlm.status import Status
from storage.engine.database import Database, utc_now
from storage.engine.results import one_row
from storage.tables.adapters import RefreshRunRow
from storage.tables.pairs import PairRow

_POSTGRES_LOCK = 0x0C0AF4E5  # any number that other programs are unlikely to take


class _StoredRun(NamedTuple):
    id: int
    folder: str
    approved_pairs: int
    step: str
    adapter: str | None
    detail: str
    started_at: datetime
    changed_at: datetime


class RefreshRuns:
    """Raises (all): StoreError."""

    def __init__(self, database: Database, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    def approved_pairs(self) -> int:
        with self._database.reading() as connection:
            approved = select(func.count()).select_from(PairRow).where(PairRow.status == Status.APPROVED.value)
            return connection.scalar(approved) or 0

    def begin(self, folder: str, approved_pairs: int) -> RefreshRun:
        now = self._now()
        with self._database.writing(durable=True) as connection:
            number = connection.execute(
                insert(RefreshRunRow)
                .values(
                    folder=folder,
                    approved_pairs=approved_pairs,
                    step=RefreshStep.TRAINING.value,
                    adapter=None,
                    detail="",
                    started_at=now,
                    changed_at=now,
                )
                .returning(RefreshRunRow.id)
            ).scalar_one()
        return RefreshRun(number, folder, approved_pairs, RefreshStep.TRAINING, None, "", now, now)

    def advance(
        self, run: RefreshRun, step: RefreshStep, *, adapter: str | None = None, detail: str = ""
    ) -> RefreshRun:
        values: dict[str, object] = {"step": step.value, "detail": detail, "changed_at": self._now()}
        if adapter is not None:
            values["adapter"] = adapter
        with self._database.writing(durable=True) as connection:
            connection.execute(update(RefreshRunRow).where(RefreshRunRow.id == run.id).values(**values))
        found = self.last()
        if found is None or found.id != run.id:
            raise ConflictError(f"another refresh began while run {run.id} was at work; let one process refresh")
        return found

    def last(self) -> RefreshRun | None:
        with self._database.reading() as connection:
            newest = select(RefreshRunRow.__table__).order_by(RefreshRunRow.id.desc()).limit(1)
            row = one_row(_StoredRun, connection.execute(newest))
        if row is None:
            return None
        step = RefreshStep(row.step)
        return RefreshRun(
            row.id, row.folder, row.approved_pairs, step, row.adapter, row.detail, row.started_at, row.changed_at
        )

    @contextmanager
    def alone(self) -> Generator[None]:
        """Held by one process at a time, and let go when it dies. Raises: ConflictError, when another holds it."""
        with self._sqlite_lock() if self._database.is_sqlite else self._postgres_lock():
            yield

    @contextmanager
    def _postgres_lock(self) -> Generator[None]:
        with self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if not connection.scalar(select(func.pg_try_advisory_lock(_POSTGRES_LOCK))):
                raise ConflictError(_BUSY)
            try:
                yield
            finally:
                connection.execute(text(f"SELECT pg_advisory_unlock({_POSTGRES_LOCK})"))

    @contextmanager
    def _sqlite_lock(self) -> Generator[None]:
        path = Path(f"{self._database.engine.url.database or 'coachlm'}.refresh.lock")
        try:
            lock = FileLock(path)
        except BlockingIOError:
            raise ConflictError(_BUSY) from None
        except OSError as error:
            raise StoreError(f"{path} can't be written: {error}; the refresh service locks it") from error
        with lock:
            yield


_BUSY = "another process refreshes the coach of this database; wait for it, or end it"
