"""Spans and log records over HTTP, as exporters of OpenTelemetry send them."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from api.app import create_app
from coachlm.errors import DatabaseError
from streams.broker.producing.log_door import KafkaLogDoor
from streams.broker.producing.raw_producer import RawMessage
from tests.api.service import Service, running_app, running_service, token_of

TRACES, LOGS = "/otlp/v1/traces", "/otlp/v1/logs"
JSON, PROTOBUF = "application/json", "application/x-protobuf"


def _attributes(**values: Any) -> list[dict[str, Any]]:
    return [{"key": key.replace("__", "."), "value": {"stringValue": value}} for key, value in values.items()]


def _call(number: int, **more: Any) -> dict[str, Any]:
    said = [
        {"role": "user", "parts": [{"type": "text", "content": f"Describe fruit number {number} in two sentences."}]}
    ]
    answer = [{"role": "assistant", "parts": [{"type": "text", "content": f"Fruit {number} is red. It is sweet."}]}]
    attributes = _attributes(
        gen_ai__operation__name="chat",
        gen_ai__input__messages=json.dumps(said),
        gen_ai__output__messages=json.dumps(answer),
    )
    return {"traceId": f"{number:032x}", "spanId": f"{number:016x}", "name": "chat", "attributes": attributes, **more}


def _request(*spans: dict[str, Any]) -> dict[str, Any]:
    return {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {"name": "t"}, "spans": list(spans)}]}]}


def _post(service: Service, body: Any, path: str = TRACES, **headers: str):
    given = {"Content-Type": JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return service.request("POST", path, "ines", content=content, headers=given)


def _texts(service: Service) -> list[tuple[str, str]]:
    return sorted((row.raw.instruction, row.raw.response) for row in service.services.reader.dataset_rows())


def _authorised(name: str = "ines") -> dict[str, str]:
    return {"Authorization": f"Bearer {token_of(name).text}"}


def test_the_sdks_span_exporter(lite: Service):
    exporter = OTLPSpanExporter(f"{lite.url}{TRACES}", headers=_authorised(), compression=Compression.Gzip)
    provider = TracerProvider(resource=Resource({"service.name": "shop"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("t").start_as_current_span("chat m") as span:
        span.set_attribute("gen_ai.operation.name", "chat")
        span.set_attribute(
            "gen_ai.system_instructions", json.dumps([{"type": "text", "content": "Speak like a sailor."}])
        )
        span.set_attribute(
            "gen_ai.input.messages",
            json.dumps([{"role": "user", "parts": [{"type": "text", "content": "What is a good name for a boat?"}]}]),
        )
        span.set_attribute(
            "gen_ai.output.messages",
            json.dumps(
                [{"role": "assistant", "parts": [{"type": "text", "content": "Call her the Blue Heron, matey."}]}]
            ),
        )
    provider.shutdown()
    assert _texts(lite) == [("What is a good name for a boat?", "Call her the Blue Heron, matey.")]


def test_the_sdks_log_exporter(lite: Service):
    provider = LoggerProvider()
    provider.add_log_record_processor(
        SimpleLogRecordProcessor(OTLPLogExporter(f"{lite.url}{LOGS}", headers=_authorised()))
    )
    logger = provider.get_logger("t")
    event = {
        "gen_ai.operation.name": "chat",
        "gen_ai.input.messages": [
            {"role": "user", "parts": [{"type": "text", "content": "Name a fast bird, please."}]}
        ],
        "gen_ai.output.messages": [
            {"role": "assistant", "parts": [{"type": "text", "content": "The peregrine falcon is the fastest."}]}
        ],
    }
    logger.emit(
        severity_number=SeverityNumber.INFO, event_name="gen_ai.client.inference.operation.details", attributes=event
    )
    provider.shutdown()
    assert _texts(lite) == [("Name a fast bird, please.", "The peregrine falcon is the fastest.")]


def test_what_is_sent_again_is_stored_once(service: Service):
    first = _post(service, _request(_call(1), _call(2)))
    before = service.services.reader.flow_counts()
    packed = gzip.compress(json.dumps(_request(_call(1), _call(2))).encode())
    again = _post(service, packed, Content_Encoding="gzip")
    assert first.json() == again.json() == {}
    assert before.pairs == 2
    assert service.services.reader.flow_counts() == before


def test_two_senders_may_send_the_same(lite: Service):
    for name in ("ines", "oscar"):
        lite.request("POST", TRACES, name, json=_request(_call(1)))
    assert lite.services.reader.flow_counts().pairs == 1


def test_calls_around_calls_are_told_once(lite: Service):
    outer = {**_call(1), "spanId": "00000000000000aa"}
    _post(lite, _request(outer, _call(1, parentSpanId="00000000000000aa")))
    counts = lite.services.reader.flow_counts()
    assert counts.pairs == 1
    assert counts.rejects_by_reason == {"not_a_generation": 1}


def test_spans_that_cannot_be_read_are_counted_and_the_others_stored(lite: Service):
    broken = _call(2)
    broken["attributes"][1]["value"] = {"intValue": "5"}
    answer = _post(lite, _request(_call(1), broken, {"traceId": "aa", "name": "GET /", "attributes": []}))
    assert answer.status_code == 200
    partial = answer.json()["partialSuccess"]
    assert partial["rejectedSpans"] == "1"
    assert "malformed_record" in partial["errorMessage"]
    assert lite.services.reader.flow_counts().pairs == 1


def test_partial_success_in_protobuf(lite: Service):
    message = ExportTraceServiceRequest()
    span = message.resource_spans.add().scope_spans.add().spans.add(name="chat", trace_id=b"t" * 16, span_id=b"s" * 8)
    for key, value in (("gen_ai.operation.name", "chat"), ("gen_ai.request.model", "m")):
        span.attributes.add(key=key).value.string_value = value
    answer = _post(lite, message.SerializeToString(), Content_Type=PROTOBUF)
    assert answer.headers["content-type"] == PROTOBUF
    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_spans == 0  # it is no fault of the exporter
    assert "without their messages" in partial.error_message


BODIES = [
    (b"", PROTOBUF, 200),
    (b"{}", JSON, 200),
    (b"not json", JSON, 400),
    (b"[]", JSON, 400),
    (b"[" * 5_000, JSON, 400),
    (b'{"resourceSpans": {}}', JSON, 400),
    (b"\xff\xff\xff", PROTOBUF, 400),
    (b"{}", "text/plain", 415),
]


def test_bodies_and_what_they_get(lite: Service):
    for body, form, status in BODIES:
        answer = _post(lite, body, Content_Type=form)
        assert answer.status_code == status, body[:20]
        if status == 200:
            assert answer.content in (b"", b"{}")
        elif form == JSON:
            assert answer.json()["code"] == 3
            assert answer.json()["message"]
        else:
            assert answer.headers["content-type"] == PROTOBUF
            assert answer.content.startswith(b"\x08\x03\x12")  # a Status: code 3, message


def test_a_token_that_is_not_known_gets_a_status(lite: Service):
    answer = lite.request("POST", TRACES, json={}, headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401
    assert answer.json()["code"] == 16


def test_a_body_that_is_too_long_unpacked_is_refused(sqlite_databases):
    with running_service(sqlite_databases.new(), api_batch_bytes=10_000) as service:
        fits = _post(service, _request(_call(1)))
        long = _post(service, gzip.compress(b" " * 20_000), Content_Encoding="gzip")
    assert fits.status_code == 200
    assert long.status_code == 413
    assert "10,000" in long.json()["message"]


def test_a_bomb_is_refused_and_broken_packing_too(lite: Service):
    bomb = _post(lite, gzip.compress(b" " * 30_000_000), Content_Encoding="gzip")
    cut = _post(lite, gzip.compress(b"{}" * 100)[:-4], Content_Encoding="gzip")
    odd = _post(lite, b"{}", Content_Encoding="br")
    assert (bomb.status_code, cut.status_code, odd.status_code) == (413, 400, 415)


def test_nothing_is_acknowledged_before_it_is_stored(lite: Service, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise DatabaseError("the disk is full; make room")

    with monkeypatch.context() as patch:
        patch.setattr(type(lite.services.log_door), "accept", fail)
        answer = _post(lite, _request(_call(1)))
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert answer.json()["code"] == 14
    assert _post(lite, _request(_call(1))).status_code == 200
    assert len(_texts(lite)) == 1


def test_langfuses_sdks_send_their_spans_with_a_key_pair(lite: Service):
    """As version 3 and later do. Source: Langfuse documentation, "OpenTelemetry", property mapping."""
    attributes = _attributes(
        langfuse__observation__type="generation",
        langfuse__observation__input=json.dumps([{"role": "user", "content": "Which fruit is yellow and long?"}]),
        langfuse__observation__output=json.dumps({"role": "assistant", "content": "A banana is yellow and long."}),
        langfuse__observation__model__name="m",
        session__id="s1",
    )
    parent = {
        "traceId": "0a",
        "spanId": "01",
        "name": "run",
        "attributes": _attributes(langfuse__observation__type="span"),
    }
    span = {"traceId": "0a", "spanId": "02", "parentSpanId": "01", "name": "llm", "attributes": attributes}
    body = json.dumps(_request(parent, span))
    answer = lite.http.post(
        f"{lite.url}/api/public/otel/v1/traces",
        content=body,
        headers={"Content-Type": JSON},
        auth=("pk-lf-any", token_of("ines").text),
    )
    assert answer.status_code == 200, answer.text
    assert _texts(lite) == [("Which fruit is yellow and long?", "A banana is yellow and long.")]


def _event(number: int, name: str, **body: Any) -> dict[str, Any]:
    said = {"kvlistValue": {"values": [{"key": key, "value": {"stringValue": text}} for key, text in body.items()]}}
    ids = {"traceId": "0a" * 16, "spanId": "0b" * 8, "timeUnixNano": str(number), "eventName": name}
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [{**ids, "body": said}]}]}]}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_events_of_a_call_in_exports_of_their_own(lite: Service, order: tuple[int, int]):
    """As instrumentations of version 1.36 and before send them, some of them twice."""
    asked = _event(1, "gen_ai.user.message", content="Which fruit is yellow? Write to ada@example.org.")
    choice = _event(2, "gen_ai.choice", content="A banana is yellow.", finish_reason="stop")
    first, second = ((asked, choice)[place] for place in order)
    for body in (first, first, second, second):
        assert _post(lite, body, LOGS).json() == {}
    assert _texts(lite) == [("Which fruit is yellow? Write to <EMAIL_1>.", "A banana is yellow.")]
    assert lite.services.reader.flow_counts().rejects_by_reason == {}
    with lite.services.database.reading() as connection:
        assert connection.exec_driver_sql("SELECT parts FROM waiting_calls").scalars().all() == [""]


def test_into_the_topic_of_raw_records_where_there_is_one(lite: Service):
    """Each trace is a message; what the broker will never take is told, with all its spans."""
    sent: list[bytes] = []

    class Outlet:
        def send(self, message: RawMessage) -> Callable[[], str]:
            sent.append(message.value)
            return lambda: "" if b"fruit number 1 " in message.value else "the message is longer than the topic takes"

    door = KafkaLogDoor(lite.settings, lambda _: Outlet())
    app = create_app(replace(lite.services, log_door=door), lite.settings)
    with running_app(app) as url:
        request = _request(_call(1), _call(2), _call(2, spanId="0c" * 8))
        answer = lite.http.post(f"{url}{TRACES}", json=request, headers=_authorised())
    assert answer.json()["partialSuccess"]["rejectedSpans"] == "2"
    assert len(sent) == 2
    assert lite.services.reader.flow_counts().occurrences == 0
