"""Batches of LiteLLM and Langfuse, as their clients send them."""

import json
from datetime import timedelta
from typing import Any

import pytest

from api.http.batches import sender_name
from coachlm.errors import DatabaseError
from storage.engine.database import utc_now
from storage.intake.waiting_calls import WaitingCalls
from tests.api.service import Service, token_of

INGESTION = "/api/public/ingestion"


def _payload(number: int, **more: Any) -> dict[str, Any]:
    """Source: LiteLLM documentation, "StandardLoggingPayload Specification"."""
    return {
        "id": f"chatcmpl-{number}",
        "trace_id": "t",
        "call_type": "acompletion",
        "status": "success",
        "model": "gpt-4o",
        "startTime": 1_700_000_000.0 + number,
        "endTime": 1_700_000_001.0 + number,
        "messages": [{"role": "user", "content": f"Describe fruit number {number} in two sentences, please."}],
        "response": {
            "choices": [
                {"finish_reason": "stop", "message": {"role": "assistant", "content": f"Fruit {number} is red."}}
            ]
        },
        **more,
    }


def _events(*events: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "batch": [
            {"id": f"e{n}", "timestamp": "2026-11-01T10:00:00Z", "type": kind, "body": body}
            for n, (kind, body) in enumerate(events)
        ],
        "metadata": {"sdk_name": "python", "sdk_version": "2.60.0", "batch_size": len(events)},
    }


ASKED = {"id": "g1", "traceId": "t1", "model": "gpt-4o", "startTime": "2026-11-01T10:00:00Z"} | {
    "input": [{"role": "user", "content": "Which fruit is yellow and long? Write to me at ada@example.org."}]
}
ANSWERED = {"id": "g1", "endTime": "2026-11-01T10:00:02Z", "output": {"role": "assistant", "content": "A banana is."}}


def _ingest(service: Service, *events: tuple[str, dict[str, Any]], name: str = "ines"):
    auth = ("pk-lf-whatever", token_of(name).text)
    return service.http.post(f"{service.url}{INGESTION}", json=_events(*events), auth=auth)


def _pairs(service: Service) -> list[tuple[str, str]]:
    return [(row.raw.instruction, row.raw.response) for row in service.services.reader.dataset_rows()]


BANANA = [("Which fruit is yellow and long? Write to me at <EMAIL_1>.", "A banana is.")]


@pytest.mark.parametrize("form", ["array", "lines", "single"])
def test_litellms_three_forms(lite: Service, form: str):
    payloads = [_payload(1), _payload(2, call_type="aembedding")]
    match form:
        case "array":
            body = json.dumps(payloads)
        case "lines":
            body = "\n".join(map(json.dumps, payloads))
        case _:
            body = json.dumps(payloads[0])
    answer = lite.request("POST", "/litellm/v1/logs", "ines", content=body)
    assert answer.status_code == 200, answer.text
    refused = int(form != "single")
    reasons = {"not_a_generation": 1} if refused else {}
    assert answer.json() == {"records": 1 + refused, "ok": 1, "refused": refused, "reasons": reasons}
    assert _pairs(lite) == [("Describe fruit number 1 in two sentences, please.", "Fruit 1 is red.")]


def test_litellms_batch_again_is_stored_once_and_a_broken_one_refused(service: Service):
    body = json.dumps([_payload(1), {"strange": 1}, 5])
    for _ in range(2):
        answer = service.request("POST", "/litellm/v1/logs", "ines", content=body)
        assert answer.json()["reasons"] == {"unknown_shape": 2}
    counts = service.services.reader.flow_counts()
    assert (counts.occurrences, counts.rejects_by_reason) == (1, {"unknown_shape": 2})
    broken = service.request("POST", "/litellm/v1/logs", "ines", content=body[:-1])
    assert broken.status_code == 400


def test_langfuses_events_of_one_batch(lite: Service):
    answer = _ingest(
        lite,
        ("trace-create", {"id": "t1", "sessionId": "s", "userId": "u"}),
        ("generation-create", ASKED),
        ("generation-update", ANSWERED),
        ("span-create", {"id": "s1", "traceId": "t1"}),
        ("score-create", {"traceId": "t1", "name": "n", "value": 1}),
    )
    assert answer.status_code == 207
    assert answer.json() == {"successes": [{"id": f"e{n}", "status": 201} for n in range(5)], "errors": []}
    assert _pairs(lite) == BANANA
    [row] = lite.services.reader.dataset_rows()
    assert row.provenance.format == "langfuse"
    assert row.provenance.session_hash
    assert row.provenance.user_hash
    assert row.provenance.model == "gpt-4o"


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_question_and_answer_in_two_batches(service: Service, order: tuple[int, int]):
    halves = (("generation-create", ASKED), ("generation-update", ANSWERED))
    first, second = (halves[place] for place in order)
    assert _ingest(service, first).status_code == 207
    assert _pairs(service) == []
    for _ in range(2):  # sent again, because the answer was lost
        assert _ingest(service, second).json()["errors"] == []
    _ingest(service, ("generation-update", {"id": "g1", "output": "A late one."}))
    assert _pairs(service) == BANANA
    assert service.services.reader.flow_counts().rejects_by_reason == {}


def test_what_waits_holds_no_personal_data_and_is_its_senders(lite: Service):
    _ingest(lite, ("generation-create", ASKED))
    with lite.services.database.reading() as connection:
        [(key, parts)] = connection.exec_driver_sql("SELECT key, parts FROM waiting_calls").all()
    assert "ada@example.org" not in parts
    assert "<EMAIL_1>" in parts
    assert key.startswith(sender_name(lite.services.accounts.person("ines"), "langfuse"))
    _ingest(lite, ("generation-update", ANSWERED), name="oscar")
    assert _pairs(lite) == []


def test_what_has_waited_for_a_day_is_taken_in_as_it_is(lite: Service, monkeypatch: pytest.MonkeyPatch):
    _ingest(lite, ("generation-create", ASKED))
    _ingest(lite, ("generation-create", {**ASKED, "id": "g2", "output": "A banana is yellow and long."}))
    later = WaitingCalls(lite.services.database, lambda: utc_now() + timedelta(hours=25))
    monkeypatch.setattr(lite.services.inbox, "_calls", later)
    _ingest(lite)
    assert lite.services.reader.flow_counts().rejects_by_reason == {"no_response": 1}
    with lite.services.database.reading() as connection:
        keys = connection.exec_driver_sql("SELECT key FROM waiting_calls").all()
    assert len(keys) == 1  # that of the one that was just taken


def test_events_that_cannot_be_taken_are_named(lite: Service):
    broken = {**ASKED, "id": "g2", "output": [1], "input": 5}
    body = _events(("generation-create", ASKED), ("generation-create", {"input": "x"}), ("generation-create", broken))
    body["batch"] += [5, {"id": "e9", "type": "generation-create"}]
    answer = lite.request("POST", INGESTION, "ines", json=body)
    assert [one["id"] for one in answer.json()["successes"]] == ["e0"]
    assert {one["id"]: one["status"] for one in answer.json()["errors"]} == dict.fromkeys(("e1", "e2", "3", "e9"), 400)
    assert lite.request("POST", INGESTION, "ines", json={"events": []}).status_code == 400


def test_a_batch_that_could_not_be_stored_can_be_sent_again(lite: Service, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise DatabaseError("the disk is full; make room")

    _ingest(lite, ("generation-create", ASKED))
    with monkeypatch.context() as patch:
        patch.setattr(type(lite.services.log_door), "accept", fail)
        assert _ingest(lite, ("generation-update", ANSWERED)).status_code == 503
    assert _ingest(lite, ("generation-update", ANSWERED)).status_code == 207
    assert _pairs(lite) == BANANA


def test_a_key_pair_needs_a_token(lite: Service):
    for auth in (("ines", "wrong"), ("", "")):
        assert lite.http.post(f"{lite.url}{INGESTION}", json={"batch": []}, auth=auth).status_code == 401
