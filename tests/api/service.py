"""A real service on a free port of this machine, with a person of every role and a token for each."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from threading import Thread
from typing import Any

import httpx
import uvicorn

from api.access.tokens import DrawnToken, draw_token
from api.app import create_app
from api.client.client import Client
from api.http.services import Services
from assembly.services import build_services
from coachlm.desk.work import PersonRole, Seniority
from coachlm.pairs import InstructionPair, TaskClass
from coachlm.protocols.intake import IntakeBatch
from coachlm.settings import Settings, load_settings
from storage.engine.database import open_database
from storage.intake.store import DatabaseStore
from tests.storage.factories import make_intake, make_pair, make_revision

QA, CREATIVE = TaskClass.QA, TaskClass.CREATIVE
STAFF: dict[str, tuple[PersonRole, TaskClass | None]] = {
    "ada": (PersonRole.ANNOTATOR, QA),
    "ben": (PersonRole.ANNOTATOR, QA),
    "cleo": (PersonRole.ANNOTATOR, CREATIVE),
    "olga": (PersonRole.OWNER, QA),
    "otto": (PersonRole.OWNER, CREATIVE),
    "oscar": (PersonRole.OPERATOR, None),
    "ines": (PersonRole.INGEST, None),
    "root": (PersonRole.ADMIN, None),
}


@cache
def token_of(name: str) -> DrawnToken:
    """Drawn once a test run: hashing takes its time."""
    return draw_token()


@dataclass
class Service:
    """A running service, and what tests do with it."""

    url: str
    services: Services
    settings: Settings
    http: httpx.Client
    clients: list[Client] = field(default_factory=list)

    def client(self, name: str, **options: Any) -> Client:
        made = Client(self.url, token_of(name).text, **{"tries": 1, **options})
        self.clients.append(made)
        return made

    def request(self, method: str, path: str, name: str | None = None, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token_of(name).text}"} if name else {}
        headers |= options.pop("headers", {})
        return self.http.request(method, f"{self.url}{path}", headers=headers, **options)

    def fill(self, classes: Sequence[TaskClass | None], start: int = 0) -> list[str]:
        """Revised pairs, waiting for annotators; their ids in order."""
        pairs = [make_pair(number) for number in range(start, start + len(classes))]
        return self.fill_with(pairs, classes)

    def fill_with(self, pairs: Sequence[InstructionPair], classes: Sequence[TaskClass | None]) -> list[str]:
        store = DatabaseStore(self.services.database)
        given = zip(pairs, classes, strict=True)
        batch = [
            make_intake(pair, n, source=f"logs/{pair.id}", task_class=task_class)
            for n, (pair, task_class) in enumerate(given)
        ]
        store.commit_intake(IntakeBatch(batch))
        store.save_revisions([make_revision(pair) for pair in pairs])
        return [pair.id for pair in pairs]


@contextmanager
def running_service(database_url: str, **settings: Any) -> Iterator[Service]:
    """The service in a thread, on loopback. Controls and samples are off unless asked for: tests count on texts."""
    given = load_settings(database_url=database_url, **{"control_share": 0.0, "review_share": 1.0, **settings})
    database = open_database(database_url)
    services = build_services(database, given)
    add_staff(services)
    with running_app(create_app(services, given)) as url, httpx.Client(trust_env=False, timeout=30) as http:
        service = Service(url, services, given, http)
        try:
            yield service
        finally:
            for client in service.clients:
                client.close()
    database.close()


def add_staff(services: Services) -> None:
    known = {person.name for person in services.accounts.people()}
    for name, (role, unit) in STAFF.items():
        if name not in known:
            services.accounts.add(name, role, unit, Seniority.REGULAR)
            token = token_of(name)
            services.accounts.set_token(name, token.id, token.hash)


@contextmanager
def running_app(app: Any, **options: Any) -> Iterator[str]:
    """Its address."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=0,
        log_config=None,
        access_log=False,
        ws="none",
        server_header=False,
        proxy_headers=False,
        **options,
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the service did not start"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive(), "the service did not stop"
