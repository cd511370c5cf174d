"""Stream workers with all that they need, ready to run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from assembly.stores import build_stream_store, intake_salt
from coachlm.errors import SettingsError
from coachlm.machine.locks import FileLock
from coachlm.settings import Settings

if TYPE_CHECKING:
    from storage.engine.database import Database
    from streams.broker.wire.report import Report


def run_intake_worker(database: Database, settings: Settings, report: Report) -> None:
    """Until it is told to end. Raises: StreamError, SettingsError, SchemaError."""
    from streams.broker.worker.intake_handler import IntakeHandler
    from streams.broker.worker.worker import Worker, intake_stage
    from streams.reading.sources.records import ParseOptions
    from streams.reading.stages import IntakeStages

    store = build_stream_store(database, settings)
    stages = IntakeStages(settings, ParseOptions.from_settings(settings), intake_salt(database, settings))
    stage = intake_stage(settings)
    Worker(stage, lambda observer: IntakeHandler(stages, store, settings, observer), store, settings, report).run()


def run_revise_worker(database: Database, settings: Settings, report: Report) -> None:
    """Until it is told to end. Raises: as above; ModelError."""
    from assembly.engines import build_engine
    from streams.broker.worker.revise_handler import ReviseHandler
    from streams.broker.worker.worker import Worker, revise_stage

    store = build_stream_store(database, settings)
    engine = build_engine(settings, database)
    try:
        stage = revise_stage(settings)
        Worker(stage, lambda observer: ReviseHandler(engine, store, settings, observer), store, settings, report).run()
    finally:
        engine.close()


@contextmanager
def _only_one_on_sqlite(database: Database, stage: str) -> Iterator[None]:
    """Raises: SettingsError, when another process runs this stage on the same SQLite file."""
    file = database.engine.url.database
    if not database.is_sqlite or file is None:
        yield
        return
    try:
        lock = FileLock(Path(f"{file}.{stage}.lock"))
    except BlockingIOError:
        raise SettingsError(
            f"another `coachlm stream {stage}` works on {database.name}; an SQLite file serves one worker of a "
            "kind: for more, set COACHLM_DATABASE_URL to a PostgreSQL database"
        ) from None
    with lock:
        yield
