"""The service and the pages as processes of their own, for browser tests: started, stopped and started again."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import Signals
from types import TracebackType
from typing import Self

import httpx
from sqlalchemy import delete, update

from api.access.tokens import draw_token
from api.client.client import Client
from api.models import Item, PairState
from coachlm.desk.work import Ending, PersonRole
from coachlm.pairs import InstructionPair, Position, Provenance, SourcedPair
from coachlm.protocols.intake import IntakeBatch, IntakePair
from devtools.servers.process import ServerError, ServerProcess, free_ports
from storage.engine.database import Database, open_database
from storage.engine.schema import prepare
from storage.intake.store import DatabaseStore
from storage.people.accounts import Accounts
from storage.studies.studies import RatingStudies
from storage.tables.desk import LeaseRow, QueueItemRow, ReviewItemRow
from tests.dashboard.samples import Sample

SETTINGS = {
    "COACHLM_CONTROL_SHARE": "0",
    "COACHLM_REVIEW_SHARE": "1",
    "COACHLM_REVIEW_TRUSTED_SHARE": "1",
    "COACHLM_LEASE_SECONDS": "1800",
    "COACHLM_API_REQUESTS_PER_SECOND": "1000",
}
PEOPLE = {
    "ada": PersonRole.ANNOTATOR,
    "ben": PersonRole.ANNOTATOR,
    "olga": PersonRole.OWNER,
    "oscar": PersonRole.OPERATOR,
    "adam": PersonRole.ADMIN,
}


class Process:
    """A command that serves HTTP on a port, started and stopped any number of times."""

    def __init__(
        self, arguments: Sequence[str], port: int, health: str, log: Path, environment: dict[str, str]
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, "-m", "coachlm", *arguments]
        self._health = self.url + health
        self._log = log
        self._environment = environment
        self._process: ServerProcess | None = None

    def under(self, environment: dict[str, str]) -> "Process":
        """The same command at the same address, with other settings; not started yet."""
        other = copy(self)
        other._process, other._environment = None, self._environment | environment
        return other

    def start(self) -> None:
        self._process = ServerProcess(self._command, self._log, environment=self._environment)
        self._process.await_ready(self._answers, 120)

    def ensure(self) -> None:
        if self._process is None:
            self.start()

    def stop(self, how: Signals = Signals.SIGTERM) -> None:
        if self._process is not None:
            self._process.end(how)
            self._process = None

    def _answers(self) -> bool:
        try:
            return httpx.get(self._health, trust_env=False, timeout=2).is_success
        except httpx.TransportError:
            return False


class Office:
    """A database with people and pairs, the service on it, and the pages."""

    def __init__(self, folder: Path, people: dict[str, PersonRole] = PEOPLE, **settings: str) -> None:
        """`settings` are the service's, beside those above."""
        self.database_url = f"sqlite:///{folder / 'desk.db'}"
        self.database = open_database(self.database_url)
        prepare(self.database)
        self.tokens = _add_people(self.database, people)
        self._records = 0
        port, pages_port = free_ports(2)
        serve = ["serve", "--port", str(port), "--db", self.database_url]
        given = {f"COACHLM_{name.upper()}": value for name, value in settings.items()}
        self.service = Process(serve, port, "/healthz", folder / "service.log", SETTINGS | given)
        pages = ["dashboard", "--port", str(pages_port), "--api-url", self.service.url]
        self.pages = Process(pages, pages_port, "/_stcore/health", folder / "pages.log", {})

    def __enter__(self) -> Self:
        try:
            self.service.start()
            self.pages.start()
        except ServerError:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pages.stop()
        self.service.stop()
        self.database.close()

    def queue(self, *samples: Sample) -> list[str]:
        """Adds revised pairs to the queue; gives their ids."""
        ids = self.take_in(*samples)
        DatabaseStore(self.database).save_revisions([revision for _, revision, _ in samples])
        return ids

    def take_in(self, *samples: Sample) -> list[str]:
        """Adds pairs that wait for the coach; gives their ids."""
        intake = []
        for raw, _, task_class in samples:
            position = Position("samples", self._records)
            self._records += 1
            intake.append(IntakePair(SourcedPair(raw, Provenance(position, "openai_chat")), task_class=task_class))
        DatabaseStore(self.database).commit_intake(IntakeBatch(intake))
        return [raw.id for raw, _, _ in samples]

    def hire(self, name: str, role: PersonRole = PersonRole.ANNOTATOR) -> None:
        """One more person; the next call with the same name changes nothing."""
        if name not in self.tokens:
            self.tokens |= _add_people(self.database, {name: role})

    def clear(self) -> None:
        """Nothing in the queue, in anybody's hands, before owners and to rate."""
        studies = RatingStudies(self.database)
        for study in studies.studies():
            studies.close(study.name)
        with self.database.writing() as connection:
            now = datetime.now(UTC)
            open_ones = update(LeaseRow).where(LeaseRow.ended_at.is_(None))
            connection.execute(open_ones.values(ended_at=now, ending=Ending.RELEASED.value))
            connection.execute(delete(QueueItemRow))
            connection.execute(delete(ReviewItemRow))

    def client(self, person: str) -> Client:
        return Client(self.service.url, self.tokens[person])

    def submitted(self, *samples: Sample) -> list[str]:
        """Pairs that Ada has submitted, each with a sentence more than the coach's text; their ids."""
        ids = self.queue(*samples)
        with self.client("ada") as ada:
            for _ in ids:
                item = claimed(ada.desk.claim())
                text = InstructionPair(item.text.instruction, item.text.input, f"{item.text.response} Checked.")
                ada.desk.submit(item, text, key=item.token)
        return ids

    def pair(self, pair_id: str) -> PairState:
        with self.client("adam") as adam:
            return adam.pairs.state(pair_id)

    @contextmanager
    def with_settings(self, **settings: str) -> Iterator[None]:
        """The service under other settings."""
        usual = self.service
        usual.stop()
        self.service = usual.under({f"COACHLM_{name.upper()}": value for name, value in settings.items()})
        self.service.start()
        try:
            yield
        finally:
            self.service.stop()
            self.service = usual
            usual.start()

    def expire_leases(self) -> None:
        """As if the leases had run out a minute ago."""
        with self.database.writing() as connection:
            earlier = datetime.now(UTC) - timedelta(minutes=1)
            connection.execute(update(LeaseRow).where(LeaseRow.ended_at.is_(None)).values(expires_at=earlier))

    def expire_reviews(self) -> None:
        """As if owners had left their reviews for long."""
        with self.database.writing() as connection:
            connection.execute(update(ReviewItemRow).values(reserved_by=None, reserved_until=None))


def claimed(item: Item | None) -> Item:
    assert item is not None
    return item


def wait_for(what: Callable[[], bool], seconds: float = 90) -> None:
    """Until it is so. Raises: AssertionError."""
    for _ in range(int(seconds * 20)):
        if what():
            return
        time.sleep(0.05)
    raise AssertionError(f"not so within {seconds} s")


def _add_people(database: Database, people: dict[str, PersonRole]) -> dict[str, str]:
    accounts, tokens = Accounts(database), {}
    for name, role in people.items():
        accounts.add(name, role)
        drawn = draw_token()
        accounts.set_token(name, drawn.id, drawn.hash)
        tokens[name] = drawn.text
    return tokens
