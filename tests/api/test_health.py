"""Health, metrics, the description of the routes, and what the service does by the clock."""

import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api import models
from api.access.gate import Gate
from api.client.client import LateError, UnavailableError, new_key
from api.http.background import sweep_for_ever
from api.http.description import EXAMPLES
from coachlm.errors import DatabaseError
from coachlm.pairs import InstructionPair
from storage.engine.database import open_database
from storage.reading import StoreReader
from tests.api.service import QA, Service, running_service
from tests.storage.factories import Clock, Desk, fill_queue


def _samples(service: Service, name: str | None = None, **options) -> dict[tuple[str, tuple], float]:
    text = service.request("GET", "/metrics", name, **options).text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_alive_and_ready(service: Service):
    assert service.request("GET", "/healthz").json() == {"status": "alive"}
    assert service.request("GET", "/readyz").json() == {"status": "ready"}


def test_not_ready_without_this_versions_tables(service: Service):
    with service.services.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'from the future'")
    answer = service.request("GET", "/readyz")
    assert answer.status_code == 503
    assert answer.json()["code"] == "schema"
    assert service.request("GET", "/healthz").status_code == 200


def test_the_metrics_count_what_happened(service: Service):
    [pair_id, _other] = service.fill([QA, QA])
    ada = service.client("ada")
    item = ada.desk.claim()
    assert item is not None
    ada.desk.release(item)
    with pytest.raises(LateError):
        ada.desk.submit(item, InstructionPair("Name it.", "", "Red."), key=new_key())
    service.request("GET", "/v1/pairs/" + pair_id, "ada")
    service.request("GET", "/nothing/" + pair_id)
    found = _samples(service)
    assert found["coachlm_desk_actions_total", (("action", "claim"),)] == 1
    assert found["coachlm_desk_conflicts_total", (("kind", "late"),)] == 1
    assert found["coachlm_queue_items", (("state", "free"), ("task_class", "qa"))] == 2
    assert found["coachlm_queue_oldest_seconds", ()] >= 0
    key = ("coachlm_http_requests_total", (("method", "GET"), ("route", "/v1/pairs/{pair_id}"), ("status", "200")))
    assert found[key] == 1
    assert not any(pair_id in str(labels) for _name, labels in found)  # a label a pair would never end


def test_the_metrics_are_for_this_machine_and_for_operators(lite: Service, monkeypatch):
    assert _samples(lite)
    assert _samples(lite, "oscar")
    assert lite.request("GET", "/metrics", "ada").status_code == 403
    elsewhere = {"X-Forwarded-For": "203.0.113.9"}  # as a proxy of this machine says it
    assert lite.request("GET", "/metrics", headers=elsewhere).status_code == 401
    assert _samples(lite, "oscar", headers=elsewhere)


def test_every_route_is_described_with_its_errors(lite: Service):
    document = lite.request("GET", "/openapi.json").json()
    assert document["info"]["title"] == "CoachLM"
    assert "/v1/queue/submit" in document["paths"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            is_open = path in ("/healthz", "/readyz")
            assert ("security" in operation) != is_open, (method, path)
            content = operation["responses"]["default"]["content"]
            if "otel" in path or "otlp" in path:  # exporters are answered in their own form
                assert content.keys() == {"application/x-protobuf", "application/json"}
                continue
            problem = content["application/problem+json"]["schema"]["$ref"]
            assert problem.endswith("/Problem"), (method, path)
    submit = document["components"]["schemas"]["SubmitRequest"]
    assert submit["examples"][0]["final"]["response"]


def test_the_examples_are_requests_that_would_be_taken():
    for name, example in EXAMPLES.items():
        getattr(models, name).model_validate(example)


def test_the_clock_goes_on_after_a_failure(caplog):
    calls: list[str] = []

    def failing() -> None:
        calls.append("failing")
        raise DatabaseError("the disk is full")

    async def main() -> None:
        task = asyncio.create_task(sweep_for_ever((failing, lambda: calls.append("good")), 0))
        while len(calls) < 6:
            await asyncio.sleep(0)
        task.cancel()

    asyncio.run(main())
    assert calls[:4] == ["failing", "good", "failing", "good"]
    assert "the disk is full" in caplog.text


def test_what_ran_out_goes_back_without_a_claim(database_url):
    database, clock = open_database(database_url), Clock()
    fill_queue(database, 1, clock)
    desk = Desk(database, clock, lease_seconds=600)
    desk.claim()
    desk.queue.return_expired()
    assert StoreReader(database).queue_depth().leased == 1
    clock.turn(601)
    desk.queue.return_expired()
    depth = StoreReader(database).queue_depth()
    assert (depth.leased, depth.free) == (0, 1)
    database.close()


@pytest.mark.slow
def test_what_nobody_sampled_is_approved_by_the_clock(database_url):
    with running_service(
        database_url, review_share=0.0, review_flagged_share=0.0, newcomer_reviews=0, undo_seconds=0, sweep_seconds=1
    ) as service:
        [pair_id] = service.fill([QA])
        ada = service.client("ada")
        item = ada.desk.claim()
        assert item is not None
        ada.desk.submit(item, InstructionPair("Name it.", "", "Red."), key=new_key())
        for _ in range(600):
            if ada.pairs.state(pair_id).status == "approved":
                break
            asyncio.run(asyncio.sleep(0.05))
        assert ada.pairs.state(pair_id).status == "approved"


def test_a_person_known_by_the_identity_provider(lite: Service, monkeypatch):
    """Role and unit come from our table; the claim says who it is and nothing else."""
    lite.services.accounts.set_subject("olga", "olga@example.com")

    class Provider:
        def subject(self, token: str) -> str | None:
            return token.removeprefix("jwt.") if token.startswith("jwt.") else None

    from api.app import create_app
    from tests.api.service import running_app

    app = create_app(lite.services, lite.settings)
    gate: Gate = app.state.gate
    app.state.gate = Gate(gate.accounts, gate.tokens, Provider(), gate.requests, gate.failures)  # pyright: ignore[reportArgumentType]
    with running_app(app) as url:
        known = lite.http.get(f"{url}/v1/me", headers={"Authorization": "Bearer jwt.olga@example.com"})
        assert known.json().items() >= {"name": "olga", "role": "owner", "unit": "qa"}.items()
        for stranger in ("jwt.eve@example.com", "jwt.olga", "jwt.root", "other"):
            assert lite.http.get(f"{url}/v1/me", headers={"Authorization": f"Bearer {stranger}"}).status_code == 401
        lite.services.accounts.deactivate("olga")
        gone = lite.http.get(f"{url}/v1/me", headers={"Authorization": "Bearer jwt.olga@example.com"})
        assert gone.status_code == 401


def test_the_client_says_when_nobody_is_there():
    from api.client.client import Client

    with (
        Client("http://127.0.0.1:9", "token", tries=2) as nowhere,
        pytest.raises(UnavailableError, match="coachlm serve"),
    ):
        nowhere.me()
