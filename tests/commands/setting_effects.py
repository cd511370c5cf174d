"""What a setting changes, for those that no other test shows: another value, and where the difference is seen."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from prometheus_client import CollectorRegistry

from api.app import create_app
from assembly.judges import server_judge
from assembly.services import build_services
from assembly.stores import intake_salt
from coachlm.metrics import serve_metrics
from coachlm.pairs import InstructionPair
from coachlm.settings import load_settings
from coachlm.text.filters import PreliminaryFilter
from reviser.engines import build_reviser
from storage.desk.rules import DeskRules
from storage.engine.database import open_database
from storage.pairs.revision_claims import RevisionClaims
from streams.broker.worker.worker import intake_stage
from tests.api.service import running_service
from tests.command_line import main


@dataclass(frozen=True, slots=True)
class Place:
    """What a probe works with: a folder of its own, an empty database, and a way to look into what is built."""

    folder: Path
    url: str
    patch: pytest.MonkeyPatch


Probe = Callable[[Place, dict[str, Any]], object]
"""What is seen under settings of these names and values."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Another value than the default, and what shows it; `beside`: what else has to be set."""

    value: object
    probe: Probe
    beside: dict[str, Any] = field(default_factory=dict)


def _excluded(*texts: str) -> Probe:
    pair = InstructionPair(*texts)

    def probe(_: Place, given: dict[str, Any]) -> object:
        return PreliminaryFilter.from_settings(load_settings(**given)).check(pair, language="en")

    return probe


def _ingested(*conversations: tuple[str, str], **more: object) -> Probe:
    """Counts of `coachlm ingest` and `coachlm stats`."""

    def probe(place: Place, given: dict[str, Any]) -> object:
        records = [
            {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}], **more}
            for asked, said in conversations
        ]
        (place.folder / "chats.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
        variables = {f"COACHLM_{name.upper()}": str(value) for name, value in given.items()}
        environment = {"COACHLM_DATABASE_URL": place.url, "COACHLM_INTAKE_PROCESSES": "1", **variables}
        run = CliRunner(env=environment)
        done = run.invoke(main, ["ingest", str(place.folder / "chats.jsonl"), "--json"])
        counts = json.loads(run.invoke(main, ["stats", "--json"]).stdout)
        return json.loads(done.stdout)["near_duplicates"], counts["rejects_by_reason"], counts["redactions_by_kind"]

    return probe


def _served(place: Place, given: dict[str, Any], look: Callable[[Any], object] = lambda _: None) -> object:
    """What `coachlm serve` says: its address, or which one it can't have."""
    place.patch.setattr("uvicorn.Server.run", lambda server, sockets: look(server))
    place.patch.setattr("signal.signal", lambda *_: None)
    variables = {f"COACHLM_{name.upper()}": str(value) for name, value in given.items()}
    return json.loads(CliRunner(env=variables).invoke(main, ["serve", "--db", place.url, "--json"]).stdout)


def _drained(place: Place, given: dict[str, Any]) -> object:
    """How long `coachlm serve` lets requests finish."""
    seen: list[object] = []
    _served(place, given, lambda server: seen.append(server.config.timeout_graceful_shutdown))
    return seen


def _metrics(place: Place, given: dict[str, Any]) -> object:
    seen: list[object] = []
    place.patch.setattr("coachlm.metrics.start_http_server", lambda *at, **_: seen.append(at))
    serve_metrics(CollectorRegistry(), load_settings(**given))
    return seen


def _limits(place: Place, given: dict[str, Any]) -> object:
    settings = load_settings(database_url=place.url, **given)
    database = open_database(place.url)
    try:
        shared = create_app(build_services(database, settings), settings).state.shared
        return shared.log_posts.total, shared.exports.total
    finally:
        database.close()


def _posted(place: Place, given: dict[str, Any]) -> object:
    with running_service(place.url, **given) as service:
        return service.request("POST", "/v1/people", "adam", json={"name": "x" * 20_000}).status_code


def _salt(place: Place, given: dict[str, Any]) -> object:
    """Whether it is the database's own, which is another one each time."""
    database = open_database(place.url)
    try:
        return intake_salt(database, load_settings(**given)) == intake_salt(database, load_settings())
    finally:
        database.close()


def _remote(place: Place, given: dict[str, Any]) -> object:
    """With what the engine `openai` is built."""
    place.patch.setattr("reviser.remote.building.RemoteReviser", lambda options, *_: options)
    return build_reviser(load_settings(engine="openai", model="m", **{"openai_servers": ("http://a:1/v1",)} | given))


def _claims(place: Place, given: dict[str, Any]) -> object:
    """For how long `coachlm worker` claims pairs."""
    seen: list[float] = []

    class Recorded(RevisionClaims):
        def __init__(self, database: Any, seconds: float, **options: Any) -> None:
            seen.append(seconds)
            super().__init__(database, seconds, **options)

    place.patch.setattr("storage.pairs.revision_claims.RevisionClaims", Recorded)
    variables = {f"COACHLM_{name.upper()}": str(value) for name, value in given.items()}
    done = CliRunner(env=variables).invoke(main, ["worker", "--until-empty", "--db", place.url, "--json"])
    assert done.exit_code == 0, done.output
    return seen


def _judge(place: Place, given: dict[str, Any]) -> object:
    seen: list[dict[str, Any]] = []

    @contextmanager
    def unused(_: Path) -> Iterator[None]:
        yield

    place.patch.setattr("evaluation.judges.servers.chat_client.JudgeServer", lambda **options: seen.append(options))
    place.patch.setattr("evaluation.judges.servers.openai.OpenAIJudge", lambda *_: None)
    place.patch.setattr("evaluation.judges.servers.cache.JudgeCache", unused)
    with server_judge(load_settings(judge_url="http://a:1/v1", judge_model="m", **given)):
        return seen


def _rules(_: Place, given: dict[str, Any]) -> object:
    return DeskRules.from_settings(load_settings(**given))


def _subscribed(_: Place, given: dict[str, Any]) -> object:
    subscription = intake_stage(load_settings(**given)).subscription
    return subscription.batch_messages, subscription.session_seconds


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


_REFUSAL = "I'm sorry, but as an AI language model I can't help with that request."
_TEA = "Pour water of eighty degrees over two spoons of leaves, wait three minutes, pour it off and drink it hot"
EFFECTS = {
    "min_instruction_chars": Effect(100, _excluded("How do I make tea?", "", "Boil the water first.")),
    "min_response_chars": Effect(100, _excluded("How do I make tea?", "", "Boil the water first.")),
    "max_requested_words": Effect(200, _excluded("Write an essay of 500 words about tea.", "", "Tea is a drink.")),
    "max_refusal_chars": Effect(10, _excluded("How do I make tea?", "", _REFUSAL)),
    "languages": Effect(("de",), _excluded("How do I make tea?", "", "Boil the water first.")),
    "near_duplicate_similarity": Effect(
        1, _ingested(("How is tea made?", f"{_TEA}."), ("How is tea made?", f"{_TEA} slowly."))
    ),
    "max_nesting": Effect(5, _ingested(("How is tea made?", _TEA), a=[[[[[[[]]]]]]])),
    "phone_regions": Effect("GB", _ingested(("Whom do I call?", "Ours is (415) 555-2671, any day."))),
    "hash_salt": Effect("salt", _salt),
    "api_host": Effect("127.0.0.2", _served, {"api_port": _free_port()}),
    "api_port": Effect(_free_port(), _served),
    "drain_seconds": Effect(7, _drained, {"api_port": 0}),
    "metrics_port": Effect(9_100, _metrics),
    "metrics_host": Effect("127.0.0.2", _metrics, {"metrics_port": 9_100}),
    "api_log_posts": Effect(9, _limits),
    "api_exports": Effect(9, _limits),
    "api_body_bytes": Effect(10_000, _posted),
    "openai_servers": Effect(("http://b:1/v1",), _remote),
    "openai_api_key": Effect("key", _remote),
    "openai_endpoint": Effect("chat", _remote),
    "openai_in_flight": Effect(3, _remote),
    "openai_request_seconds": Effect(3.0, _remote),
    "openai_outage_seconds": Effect(3.0, _remote),
    "revision_claim_seconds": Effect(40.0, _claims),
    "judge_timeout_seconds": Effect(3.0, _judge),
    "judge_api_key": Effect("key", _judge),
    "judge_concurrency": Effect(3, _judge),
    "judge_wait_seconds": Effect(3.0, _judge),
    "stream_batch_messages": Effect(9, _subscribed),
    "session_seconds": Effect(9, _subscribed),
    "control_share": Effect(0.4, _rules),
    "review_share": Effect(0.4, _rules),
    "review_flagged_share": Effect(0.4, _rules),
    "review_trusted_share": Effect(0.4, _rules),
    "newcomer_reviews": Effect(4, _rules),
    "max_held_items": Effect(4, _rules),
}
