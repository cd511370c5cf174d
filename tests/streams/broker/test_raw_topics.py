"""Topics that other systems fill: which ones the settings name, and what intake makes of their messages."""

import json
from functools import cache
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient

from coachlm.errors import SettingsError, StreamError
from coachlm.protocols.streams import StreamMessage
from coachlm.settings import load_settings
from coachlm.testing import FakeStreamStore
from streams.broker.topics.lag import lags
from streams.broker.topics.raw_topics import check_extra_topics, raw_topics
from streams.broker.topics.topics import intake_group
from streams.broker.worker.handler import Observer
from streams.broker.worker.intake_handler import IntakeHandler
from streams.reading.sources.records import ParseOptions
from streams.reading.stages import IntakeStages
from tests.streams.broker.messages import chat

SETTINGS = load_settings(kafka_extra_topics=("otlp_spans=otlp", "litellm.calls", "openai.calls"))  # type: ignore[call-arg]


@cache
def stages() -> IntakeStages:
    return IntakeStages(SETTINGS, ParseOptions.from_settings(SETTINGS), b"salt")


def handled(topic: str, *values: Any, headers: tuple[tuple[str, bytes], ...] = ()) -> FakeStreamStore:
    store = FakeStreamStore()
    messages = [
        StreamMessage(
            topic, 0, offset, None, value if isinstance(value, bytes) else json.dumps(value).encode(), headers
        )
        for offset, value in enumerate(values)
    ]
    IntakeHandler(stages(), store, SETTINGS, Observer()).handle(messages)
    return store


def answers(store: FakeStreamStore) -> dict[str, str]:
    pairs = (item.sourced.pair for item in store.pairs.values())
    return {pair.instruction: pair.response for pair in pairs}


def attribute(key: str, value: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": value}}


def span(number: int, operation: str = "chat") -> dict[str, Any]:
    asked = [{"role": "user", "parts": [{"type": "text", "content": f"Which bus goes to mill number {number}?"}]}]
    said = [
        {"role": "assistant", "parts": [{"type": "text", "content": f"Bus {number} does."}], "finish_reason": "stop"}
    ]
    attributes = [attribute("gen_ai.operation.name", operation), attribute("gen_ai.request.model", "m")]
    if operation == "chat":
        attributes += [attribute("gen_ai.input.messages", json.dumps(asked))]
        attributes += [attribute("gen_ai.output.messages", json.dumps(said))]
    return {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "name": operation,
        "kind": 3,
        "attributes": attributes,
        "startTimeUnixNano": "1760000000000000000",
        "endTimeUnixNano": "1760000001000000000",
        "status": {},
    }


def envelope(*spans: dict[str, Any]) -> dict[str, Any]:
    """An ExportTraceServiceRequest as the collector's Kafka exporter writes it with `encoding: otlp_json`: spans of
    several resources and scopes in one message."""
    middle = len(spans) // 2
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": [attribute("service.name", f"shop-{part}")]},
                "scopeSpans": [{"scope": {"name": "tracer"}, "spans": list(group)}],
                "schemaUrl": "https://opentelemetry.io/schemas/1.37.0",
            }
            for part, group in enumerate((spans[:middle], spans[middle:]))
        ]
    }


def test_a_collectors_message_holds_many_spans() -> None:
    spans = [*map(span, range(4)), span(9, "execute_tool")]
    store = handled("otlp_spans", envelope(*spans), envelope(span(7)))
    assert answers(store) == {f"Which bus goes to mill number {n}?": f"Bus {n} does." for n in (0, 1, 2, 3, 7)}
    assert {item.sourced.provenance.position.source for item in store.pairs.values()} == {"otlp_spans:0"}
    assert [reject.reason for reject in store.rejects.values()] == ["not_a_generation"]
    assert not store.dead


def test_a_collectors_binary_message_is_a_dead_letter() -> None:
    store = handled("otlp_spans", b"\n\xd2\x01\n\x1e\n\x1c\n\x0cservice.name\x12\x0c\n\nshop\xff\xfe")
    assert len(store.dead) == 1
    assert not store.pairs


def litellm(number: int, status: str = "success") -> dict[str, Any]:
    choice = {"finish_reason": "stop", "index": 0, "message": {"role": "assistant", "content": f"In hall {number}."}}
    return {
        "id": f"chatcmpl-{number}",
        "trace_id": "t",
        "call_type": "acompletion",
        "status": status,
        "model": "m",
        "messages": [{"role": "user", "content": f"Where is the market of day {number} held?"}],
        "response": {"id": f"chatcmpl-{number}", "object": "chat.completion", "choices": [choice]},
        "startTime": 1760000000.5,
        "endTime": 1760000001.5,
        "end_user": "u-1",
        "error_str": None,
        "metadata": {"user_api_key_user_id": "someone"},
    }


def test_litellms_payloads_are_read() -> None:
    store = handled("litellm.calls", litellm(1), litellm(2, "failure"), {"standard_logging_object": litellm(3)})
    assert answers(store) == {f"Where is the market of day {n} held?": f"In hall {n}." for n in (1, 3)}
    assert [reject.reason for reject in store.rejects.values()] == ["error_response"]
    assert {item.sourced.provenance.format for item in store.pairs.values()} == {"litellm"}


def openai(number: int) -> dict[str, Any]:
    choice = {"finish_reason": "stop", "index": 0, "message": {"role": "assistant", "content": f"At {number} o'clock."}}
    return {
        "request": {"model": "m", "messages": [{"role": "user", "content": f"When does ferry {number} leave?"}]},
        "response": {"id": f"chatcmpl-{number}", "object": "chat.completion", "choices": [choice]},
    }


def test_calls_of_openai_are_read() -> None:
    lines = b"\n".join(json.dumps(openai(number)).encode() for number in (2, 3))
    store = handled("openai.calls", openai(1), lines)
    assert answers(store) == {f"When does ferry {n} leave?": f"At {n} o'clock." for n in (1, 2, 3)}


def test_a_topics_format_holds_where_no_header_says_otherwise() -> None:
    assert not handled("otlp_spans", chat(1)).pairs
    assert handled("otlp_spans", chat(1), headers=(("coachlm-format", b"chat"),)).pairs


def test_the_settings_name_topics_and_formats() -> None:
    settings = SETTINGS.replaced(kafka_prefix="a.")
    assert raw_topics(settings) == {
        "a.logs.raw": None,
        "otlp_spans": "otlp",
        "litellm.calls": None,
        "openai.calls": None,
    }


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("x=telegrams", "no log format"),
        ("=otlp", "names no topic"),
        ("x=", "without a format"),
        ("logs.raw", "our own"),
        ("pairs.accepted=chat", "our own"),
        ("openai.calls=chat", "twice"),
    ],
)
def test_a_wrong_entry_is_one_clear_error(entry: str, words: str) -> None:
    settings = SETTINGS.replaced(kafka_extra_topics=("openai.calls", entry))
    with pytest.raises(SettingsError, match=words):
        raw_topics(settings)


@pytest.mark.broker
def test_missing_topics_are_named_and_lag_is_counted(kafka_server: str, kafka_prefix: str) -> None:
    names = [f"{kafka_prefix}{name}" for name in ("spans", "calls")]
    settings = load_settings(  # type: ignore[call-arg]
        kafka_servers=kafka_server,
        kafka_prefix=kafka_prefix,
        kafka_extra_topics=names,  # type: ignore[arg-type]
    )
    admin: Any = KafkaAdminClient(bootstrap_servers=kafka_server)
    try:
        admin.create_topics({names[0]: {"num_partitions": 2, "replication_factor": 1}})
        with pytest.raises(StreamError, match=rf"no such topic: {names[1]};"):
            check_extra_topics(settings)
        admin.create_topics({names[1]: {"num_partitions": 1, "replication_factor": 1}})
        admin.wait_for_topics(names)
        check_extra_topics(settings)
    finally:
        admin.close()
    producer: Any = KafkaProducer(bootstrap_servers=kafka_server)
    for number in range(5):
        producer.send(names[number % 2], b"{}", partition=0)
    producer.close()
    found = {(lag.topic, lag.partition): lag.messages for lag in lags(settings) if lag.group == intake_group(settings)}
    assert found == {(names[0], 0): 3, (names[0], 1): 0, (names[1], 0): 2}
