"""Traces and proxies' logs: spans of every convention, Langfuse, LiteLLM, recorded HTTP sessions."""

import base64
import gzip
import json
from typing import Any

import pytest
import zstandard

from coachlm.pairs import Reject, RejectReason
from streams.reading.formats import parse_record
from streams.reading.sources.records import Conversation, ParseOptions, RawRecord
from tests.streams.formats.parsing import POSITION, chat, chats, parse, reason, reasons, texts
from tests.streams.formats.samples import (
    ANSWER,
    ASKED,
    CASSETTE,
    COMPLETION,
    GENAI,
    LITELLM,
    MESSAGES,
    MODEL,
    OBSERVATION,
    PARTS_IN,
    PARTS_OUT,
    REQUEST,
    SAMPLES,
    SYSTEM,
    span,
    typed_pairs,
)

# OpenTelemetry


def genai(**changes: Any) -> dict[str, Any]:
    attributes = {**GENAI, **{key.replace("__", "."): value for key, value in changes.items()}}
    return span({key: value for key, value in attributes.items() if value is not None})


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (genai(gen_ai__operation__name="embeddings"), RejectReason.NOT_A_GENERATION),
        (genai(gen_ai__operation__name="execute_tool"), RejectReason.NOT_A_GENERATION),
        (genai(gen_ai__operation__name="invoke_agent"), RejectReason.NOT_A_GENERATION),
        (genai(error__type="timeout"), RejectReason.ERROR_RESPONSE),
        (genai(gen_ai__output__messages=None), RejectReason.NO_RESPONSE),
        (genai(gen_ai__input__messages=None), RejectReason.EMPTY),
        (genai(gen_ai__input__messages=None, gen_ai__output__messages=None), RejectReason.EMPTY),
        (genai(gen_ai__output__messages=[{**PARTS_OUT[0], "finish_reason": "length"}]), RejectReason.UNFINISHED),
        (
            genai(gen_ai__output__messages=[{"role": "assistant", "parts": [{"type": "tool_call", "name": "f"}]}]),
            RejectReason.TOOL_ONLY,
        ),
        (genai(gen_ai__output__messages=5), RejectReason.MALFORMED_RECORD),
        (span(GENAI, status={"code": 2}), RejectReason.ERROR_RESPONSE),
        (span(GENAI, status={"code": "STATUS_CODE_ERROR"}), RejectReason.ERROR_RESPONSE),
        (span({"http.method": "GET"}), RejectReason.NOT_A_GENERATION),
    ],
)
def test_spans_without_a_chat(record: dict[str, Any], expected: RejectReason) -> None:
    assert reason(record) is expected


def test_messages_as_json_text_and_finish_reasons_apart() -> None:
    bare = [{"role": "assistant", "parts": PARTS_OUT[0]["parts"]}]
    written = genai(
        gen_ai__input__messages=json.dumps(PARTS_IN),
        gen_ai__output__messages=json.dumps(bare),
        gen_ai__system_instructions=json.dumps(GENAI["gen_ai.system_instructions"]),
    )
    cut = genai(gen_ai__output__messages=bare, gen_ai__response__finish_reasons=["length"])

    assert texts(chat(written)) == [("system", SYSTEM), ("user", ASKED), ("assistant", ANSWER)]
    assert reason(cut) is RejectReason.UNFINISHED


def event(name: str, attributes: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"name": name, "attributes": attributes or {}, **fields}


@pytest.mark.parametrize(
    "events",
    [
        [
            event("gen_ai.user.message", {"content": ASKED}),
            event("gen_ai.choice", {"finish_reason": "stop", "message": json.dumps({"content": ANSWER})}),
        ],
        [
            event("gen_ai.user.message", body={"content": ASKED}),
            event("gen_ai.choice", body={"finish_reason": "stop", "message": {"role": "assistant", "content": ANSWER}}),
        ],
        [
            event("gen_ai.content.prompt", {"gen_ai.prompt": json.dumps([{"role": "user", "content": ASKED}])}),
            event(
                "gen_ai.content.completion",
                {"gen_ai.completion": json.dumps([{"role": "assistant", "content": ANSWER}])},
            ),
        ],
        [
            event(
                "gen_ai.client.inference.operation.details",
                {"gen_ai.input.messages": PARTS_IN, "gen_ai.output.messages": PARTS_OUT},
            )
        ],
    ],
)
def test_messages_in_events(events: list[dict[str, Any]]) -> None:
    record = span({"gen_ai.operation.name": "chat"}, events=events)

    assert texts(chat(record)) == [("user", ASKED), ("assistant", ANSWER)]


def envelope(*spans: dict[str, Any], **resource: Any) -> dict[str, Any]:
    typed_spans = [{**item, "attributes": typed_pairs(item["attributes"])} for item in spans]
    scope = {"scope": {"name": "s"}, "spans": typed_spans}
    return {"resourceSpans": [{"resource": {"attributes": typed_pairs(resource)}, "scopeSpans": [scope]}]}


def test_an_envelope_tells_every_span() -> None:
    outcomes = parse(envelope(genai(), span({"db.system": "sqlite"}), SAMPLES["openllmetry"], user="x"))

    assert [type(outcome) for outcome in outcomes] == [Conversation, Reject, Conversation]
    assert [outcome.position.part for outcome in outcomes] == [0, 1, 2]


def test_an_envelopes_circumstances() -> None:
    record = envelope(
        {**genai(), "endTime": None, "endTimeUnixNano": "1760000000500000000"}, **{"user.id": "gardener-7"}
    )
    conversation = chat(record)

    assert conversation.timestamp is not None
    assert conversation.timestamp.timestamp() == pytest.approx(1_760_000_000.5)
    assert (conversation.session_id, conversation.user_id, conversation.model) == ("balcony", "gardener-7", MODEL)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"resourceSpans": []}, RejectReason.EMPTY),
        ({"resourceSpans": 5}, RejectReason.MALFORMED_RECORD),
        ({"resourceSpans": [{"scopeSpans": [{"spans": "none"}]}]}, RejectReason.MALFORMED_RECORD),
    ],
)
def test_broken_envelopes(record: dict[str, Any], expected: RejectReason) -> None:
    assert reason(record) is expected


def test_of_nested_model_calls_the_innermost_is_taken() -> None:
    inner = {**SAMPLES["openinference"], "spanId": "child", "parentSpanId": "chain"}
    chain = span({"openinference.span.kind": "CHAIN"}, spanId="chain", parentSpanId="outer")
    outer = {**SAMPLES["openinference"], "spanId": "outer"}
    outcomes = parse([outer, chain, inner])

    assert [getattr(outcome, "reason", "chat") for outcome in outcomes] == [
        RejectReason.NOT_A_GENERATION,
        RejectReason.NOT_A_GENERATION,
        "chat",
    ]


OUTER = span(
    {
        "ai.operationId": "ai.generateText",
        "ai.prompt": json.dumps({"system": SYSTEM, "prompt": ASKED}),
        "ai.response.text": ANSWER,
        "ai.response.finishReason": "stop",
    }
)


def test_an_outer_span_counts_only_alone() -> None:
    both = {"ai.generateText": [OUTER], "ai.generateText.doGenerate": [SAMPLES["vercel_ai"]]}

    assert texts(chat(OUTER)) == [("system", SYSTEM), ("user", ASKED), ("assistant", ANSWER)]
    assert len(chats(both)) == 1
    assert reasons(both) == [RejectReason.NOT_A_GENERATION]


@pytest.mark.parametrize(
    ("name", "attributes", "expected"),
    [
        ("vercel_ai", {"ai.operationId": "ai.embed"}, RejectReason.NOT_A_GENERATION),
        ("vercel_ai", {"ai.operationId": "ai.toolCall"}, RejectReason.NOT_A_GENERATION),
        ("vercel_ai", {"ai.response.finishReason": "length"}, RejectReason.UNFINISHED),
        ("vercel_ai", {"ai.response.text": "", "ai.response.toolCalls": "[{}]"}, RejectReason.TOOL_ONLY),
        ("vercel_ai", {"ai.response.text": 5}, RejectReason.MALFORMED_RECORD),
        ("vercel_ai", {"ai.prompt.messages": None}, RejectReason.EMPTY),
        ("openinference", {"openinference.span.kind": "TOOL"}, RejectReason.NOT_A_GENERATION),
        ("openinference", {"openinference.span.kind": "EMBEDDING"}, RejectReason.NOT_A_GENERATION),
        ("openinference", {"llm.output_messages.0.message.content": None}, RejectReason.NO_RESPONSE),
        ("openinference", {"llm.output_messages.0.message.content": "__REDACTED__"}, RejectReason.REDACTED),
        ("openllmetry", {"gen_ai.completion.0.finish_reason": "length"}, RejectReason.UNFINISHED),
        ("openllmetry", {"llm.request.type": "embedding"}, RejectReason.NOT_A_GENERATION),
        (
            "openllmetry",
            {"gen_ai.completion.0.content": "", "gen_ai.completion.0.tool_calls.0.name": "f"},
            RejectReason.TOOL_ONLY,
        ),
    ],
)
def test_spans_of_other_conventions_without_a_chat(
    name: str, attributes: dict[str, Any], expected: RejectReason
) -> None:
    sample = SAMPLES[name]

    assert reason({**sample, "attributes": {**sample["attributes"], **attributes}}) is expected


def test_nested_and_column_attributes() -> None:
    nested = {
        "openinference": {"span": {"kind": "LLM"}},
        "llm": {
            "input_messages": [{"message": {"role": "user", "content": ASKED}}],
            "output_messages": [{"message": {"role": "assistant", "content": ANSWER}}],
        },
    }
    columns = {
        "attributes.openinference.span.kind": "LLM",
        "attributes.llm.input_messages": [{"message.role": "user", "message.content": ASKED}],
        "attributes.llm.output_messages": [{"message.role": "assistant", "message.content": ANSWER}],
        "context.span_id": "7",
    }

    for record in (span(nested), columns):
        assert texts(chat(record)) == [("user", ASKED), ("assistant", ANSWER)]


def test_values_where_no_messages_were_recorded() -> None:
    record = span(
        {"openinference.span.kind": "LLM", "input.value": json.dumps(REQUEST), "output.value": json.dumps(COMPLETION)}
    )

    assert texts(chat(record))[-1] == ("assistant", ANSWER)


def test_openllmetry_parts_and_workflows() -> None:
    parts = json.dumps([{"type": "text", "text": ASKED}, {"type": "image_url", "image_url": {}}])
    sample = SAMPLES["openllmetry"]["attributes"]
    question = chat(span({**sample, "gen_ai.prompt.1.content": parts})).messages[1]

    assert (question.text, question.multi_modal) == (ASKED, True)
    assert reason(span({"traceloop.span.kind": "workflow"})) is RejectReason.NOT_A_GENERATION


def test_more_than_ten_messages_keep_their_order() -> None:
    attributes: dict[str, Any] = {"gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": "end"}
    for number in range(12):
        attributes[f"gen_ai.prompt.{number}.role"] = "user" if number % 2 == 0 else "assistant"
        attributes[f"gen_ai.prompt.{number}.content"] = f"turn {number}"

    assert [text for _, text in texts(chat(span(attributes)))] == [f"turn {n}" for n in range(12)] + ["end"]


# Langfuse


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"type": "SPAN"}, RejectReason.NOT_A_GENERATION),
        ({"type": "TOOL"}, RejectReason.NOT_A_GENERATION),
        ({"type": "EMBEDDING"}, RejectReason.NOT_A_GENERATION),
        ({"level": "ERROR"}, RejectReason.ERROR_RESPONSE),
        ({"output": None}, RejectReason.NO_RESPONSE),
        ({"output": "null"}, RejectReason.NO_RESPONSE),
        ({"input": None, "output": ""}, RejectReason.EMPTY),
        ({"input": '{"content":"role"}'}, RejectReason.MALFORMED_RECORD),
        ({"type": 5}, RejectReason.MALFORMED_RECORD),
        ({"output": '{"role":"assistant","tool_calls":[{"id":"1"}]}'}, RejectReason.TOOL_ONLY),
        ({"output": "<masked due to failed mask function>"}, RejectReason.REDACTED),
    ],
)
def test_observations_without_a_chat(changes: dict[str, Any], expected: RejectReason) -> None:
    assert reason({**OBSERVATION, **changes}) is expected


@pytest.mark.parametrize(
    ("given", "output"),
    [
        (MESSAGES, {"role": "assistant", "content": ANSWER}),
        ({"messages": MESSAGES, "model": "m"}, COMPLETION),
        (json.dumps(json.dumps(MESSAGES)), json.dumps(ANSWER)),
        (json.dumps({"messages": MESSAGES}), ANSWER),
        (f"system: {SYSTEM}\nuser: {ASKED}", ANSWER),
        (json.dumps([{"role": "system", "content": SYSTEM}, *PARTS_IN]), json.dumps(PARTS_OUT)),
        (
            {"config": {"system_instruction": SYSTEM}, "contents": [{"role": "user", "parts": [{"text": ASKED}]}]},
            {"content": {"role": "model", "parts": [{"text": ANSWER}]}, "finish_reason": "STOP"},
        ),
    ],
)
def test_inputs_and_outputs_of_many_frameworks(given: Any, output: Any) -> None:
    record = {**OBSERVATION, "input": given, "output": output}

    assert texts(chat(record)) == [("system", SYSTEM), ("user", ASKED), ("assistant", ANSWER)]


def test_traces_hand_down_their_circumstances() -> None:
    observation = {key: value for key, value in OBSERVATION.items() if key not in ("user_id", "session_id")}
    trace = {"id": "t", "userId": "gardener-7", "sessionId": "balcony", "bookmarked": False}
    for record in (
        {"trace": trace, "observations": [observation, {**observation, "type": "SPAN"}]},
        {**trace, "observations": [observation, {**observation, "type": "SPAN"}]},
    ):
        (conversation,) = chats(record)
        assert (conversation.user_id, conversation.session_id) == ("gardener-7", "balcony")
        assert reasons(record) == [RejectReason.NOT_A_GENERATION]


def test_traces_without_observations() -> None:
    assert reason({"id": "t", "bookmarked": True, "input": ASKED, "output": ANSWER}) is RejectReason.NOT_A_GENERATION
    assert reason({"trace": {"id": "t"}, "observations": []}) is RejectReason.EMPTY


def test_an_answer_after_tools_in_one_output() -> None:
    output = [
        {"role": "assistant", "tool_calls": [{"id": "1"}]},
        {"role": "tool", "content": "thyme"},
        {"role": "assistant", "content": ANSWER},
    ]

    assert [role for role, _ in texts(chat({**OBSERVATION, "output": output}))] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
    ]


# LiteLLM


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": "failure"}, RejectReason.ERROR_RESPONSE),
        ({"error_str": "timeout"}, RejectReason.ERROR_RESPONSE),
        ({"call_type": "aembedding"}, RejectReason.NOT_A_GENERATION),
        ({"call_type": "aimage_generation"}, RejectReason.NOT_A_GENERATION),
        (
            {
                "messages": [{"role": "user", "content": "redacted-by-litellm"}],
                "response": {"text": "redacted-by-litellm"},
            },
            RejectReason.REDACTED,
        ),
        ({"messages": "redacted-by-litellm"}, RejectReason.REDACTED),
        ({"response": None}, RejectReason.NO_RESPONSE),
        ({"messages": 5}, RejectReason.MALFORMED_RECORD),
    ],
)
def test_payloads_without_a_chat(changes: dict[str, Any], expected: RejectReason) -> None:
    assert reason({**LITELLM, **changes}) is expected


def test_payload_within_an_event() -> None:
    conversation = chat({"standard_logging_object": LITELLM, "kwargs": {}})

    assert (conversation.source_id, conversation.user_id, conversation.session_id) == (
        "call-11",
        "gardener-7",
        "balcony",
    )


# Recorded HTTP sessions


def call(path: str, request: Any, response: Any, status: int = 200, **fields: Any) -> dict[str, Any]:
    body = response if isinstance(response, dict) and "base64_string" in response else {"string": response}
    return {
        "request": {"uri": f"https://api.example.org{path}", "body": request, "method": "POST"},
        "response": {"status": {"code": status}, "body": body, **fields},
    }


def session(*calls: dict[str, Any]) -> dict[str, Any]:
    return {"interactions": list(calls)}


def packed(body: bytes) -> dict[str, str]:
    return {"base64_string": base64.b64encode(body).decode()}


PACKED = json.dumps(COMPLETION).encode()


@pytest.mark.parametrize(
    "body", [PACKED, gzip.compress(PACKED), zstandard.compress(PACKED)], ids=["plain", "gzip", "zstd"]
)
def test_bodies_of_every_compression(body: bytes) -> None:
    record = session(call("/v1/chat/completions", json.dumps(REQUEST), body))
    (outcome,) = parse_record(RawRecord(POSITION, record), ParseOptions())

    assert isinstance(outcome, Conversation)
    assert outcome.messages[-1].text == ANSWER


def test_bodies_in_base64() -> None:
    record = session(call("/v1/chat/completions", REQUEST, packed(gzip.compress(PACKED))))

    assert chat(record).messages[-1].text == ANSWER


@pytest.mark.parametrize(
    ("call_made", "expected"),
    [
        (call("/v1/embeddings", "{}", "{}"), RejectReason.NOT_A_GENERATION),
        (call("/v1/images/generations", "{}", "{}", 400), RejectReason.NOT_A_GENERATION),
        (call("/v1/chat/completions", json.dumps(REQUEST), "{}", 429), RejectReason.ERROR_RESPONSE),
        (call("/v1/chat/completions", json.dumps(REQUEST), json.dumps(COMPLETION)[:80]), RejectReason.MALFORMED_JSON),
        (call("/v1/chat/completions", json.dumps(REQUEST), packed(b"\xff")), RejectReason.UNREADABLE),
        (call("/v1/chat/completions", json.dumps(REQUEST), {"base64_string": "a"}), RejectReason.UNREADABLE),
        (
            call("/v1/chat/completions", json.dumps(REQUEST), packed(gzip.compress(PACKED)[:40])),
            RejectReason.UNREADABLE,
        ),
        (call("/v1/chat/completions", json.dumps(REQUEST), packed(b"\x1f\x8bno")), RejectReason.UNREADABLE),
        ("no call", RejectReason.NOT_A_GENERATION),
    ],
)
def test_calls_without_a_chat(call_made: Any, expected: RejectReason) -> None:
    assert reason(session(call_made)) is expected


def test_a_body_that_unpacks_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.reading.formats.files.cassette.MAX_BODY_BYTES", 1000)
    bomb = packed(gzip.compress(b" " * 100_000))

    assert reason(session(call("/v1/chat/completions", "{}", bomb))) is RejectReason.TOO_LONG


def test_a_session_tells_every_call() -> None:
    bad = call("/v1/embeddings", "{}", "{}")
    good = CASSETTE["interactions"][0]

    assert [outcome.position.part for outcome in parse(session(bad, good, bad))] == [0, 1, 2]
    assert [getattr(outcome, "reason", None) for outcome in parse(session(bad, good, bad))][1] is None


def test_time_of_a_call_from_its_header() -> None:
    message = {key: value for key, value in COMPLETION.items() if key != "created"}
    made = call(
        "/v1/chat/completions", REQUEST, json.dumps(message), headers={"Date": ["Sun, 01 Mar 2026 08:00:00 GMT"]}
    )
    time = chat(session(made)).timestamp

    assert time is not None
    assert time.isoformat() == "2026-03-01T08:00:00+00:00"


def thread_message(identity: str, role: str, text: str, created: int) -> dict[str, Any]:
    content = [{"type": "text", "text": {"value": text, "annotations": []}}]
    return {
        "id": identity,
        "object": "thread.message",
        "thread_id": "th",
        "role": role,
        "content": content,
        "created_at": created,
    }


def run(status: str) -> dict[str, Any]:
    return {
        "id": "run",
        "object": "thread.run",
        "thread_id": "th",
        "assistant_id": "as",
        "status": status,
        "model": MODEL,
    }


def thread_session(status: str) -> dict[str, Any]:
    page = {
        "object": "list",
        "data": [thread_message("b", "assistant", ANSWER, 2), thread_message("a", "user", ASKED, 1)],
    }
    return session(
        call("/v1/assistants", "{}", json.dumps({"id": "as", "object": "assistant", "instructions": SYSTEM})),
        call("/v1/threads/th/runs/run", "", json.dumps(run(status))),
        call("/v1/threads/th/messages", "", json.dumps(page)),
        call("/v1/threads/th/messages", "{}", json.dumps(thread_message("a", "user", ASKED, 1))),
    )


def test_threads_of_assistants_are_joined() -> None:
    record = thread_session("completed")
    (conversation,) = chats(record)

    assert texts(conversation) == [("system", SYSTEM), ("user", ASKED), ("assistant", ANSWER)]
    assert (conversation.model, conversation.session_id) == (MODEL, "th")
    assert set(reasons(record)) == {RejectReason.NOT_A_GENERATION}


@pytest.mark.parametrize(
    ("status", "expected"), [("failed", RejectReason.ERROR_RESPONSE), ("incomplete", RejectReason.UNFINISHED)]
)
def test_threads_that_failed(status: str, expected: RejectReason) -> None:
    assert reasons(thread_session(status))[-1] is expected
