"""Calls of providers' APIs: answers that are none, streams, halves that find one another, batches, wrappers."""

import json
from typing import Any

import pytest

from coachlm.pairs import Reject, RejectReason
from streams.reading.sources.records import Conversation, Role
from tests.streams.formats.parsing import chat, chats, join, parse, reason, reasons, texts
from tests.streams.formats.samples import ANSWER, ASKED, COMPLETION, MESSAGES, PIECES, REQUEST, SAMPLES, SYSTEM


def completion(message: dict[str, Any] | None = None, finish: str | None = "stop", **fields: Any) -> dict[str, Any]:
    """An exchange whose answer is this message."""
    told = {"role": "assistant", "content": ANSWER, **(message or {})}
    response = {**COMPLETION, "choices": [{"index": 0, "message": told, "finish_reason": finish}], **fields}
    return {"request": REQUEST, "response": response}


CALLS = [{"id": "t1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}]


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (completion(finish="length"), RejectReason.UNFINISHED),
        (completion(finish="content_filter"), RejectReason.UNFINISHED),
        (completion({"tool_calls": CALLS}, "tool_calls"), RejectReason.UNFINISHED),
        (completion({"content": None, "tool_calls": CALLS}, "tool_calls"), RejectReason.TOOL_ONLY),
        (completion({"content": None, "refusal": "I can't help with that."}), RejectReason.REFUSED),
        (completion({"content": None}), RejectReason.NO_RESPONSE),
        (completion({"content": " \n"}), RejectReason.EMPTY),
        (completion({"content": [{"type": "image_url", "image_url": {}}]}), RejectReason.NOT_A_GENERATION),
        (completion({"content": 7}), RejectReason.MALFORMED_RECORD),
        (completion(choices=[]), RejectReason.NO_RESPONSE),
        (completion(choices="none"), RejectReason.MALFORMED_RECORD),
        (completion(choices=[7]), RejectReason.MALFORMED_RECORD),
        (completion(error={"message": "overloaded"}), RejectReason.ERROR_RESPONSE),
        ({"request": REQUEST, "response": {"error": {"code": 429}}}, RejectReason.ERROR_RESPONSE),
        ({"request": REQUEST, "response": COMPLETION, "status_code": 503}, RejectReason.ERROR_RESPONSE),
        ({"request": REQUEST, "response": None}, RejectReason.NO_RESPONSE),
        ({"request": REQUEST, "response": {"strange": 1}}, RejectReason.MALFORMED_RECORD),
        ({"request": 5, "response": COMPLETION}, RejectReason.MALFORMED_RECORD),
        ({"request": {"model": "m"}, "response": COMPLETION}, RejectReason.MALFORMED_RECORD),
        (
            {"request": {"input": ASKED}, "response": {"object": "list", "data": [{"embedding": [0.1]}]}},
            RejectReason.NOT_A_GENERATION,
        ),
        ({"request": {"prompt": "a cat"}, "response": {"data": [{"url": "u"}]}}, RejectReason.NOT_A_GENERATION),
        ({"request": {"prompt": ["one", "two"]}, "response": COMPLETION}, RejectReason.MALFORMED_RECORD),
    ],
)
def test_answers_that_are_none(record: dict[str, Any], expected: RejectReason) -> None:
    assert reason(record) is expected


@pytest.mark.parametrize("finish", ["stop", "STOP", "end_turn", "eos", None, ""])
def test_finished_answers(finish: str | None) -> None:
    assert chat(completion(finish=finish)).messages[-1].text == ANSWER


def test_first_choice_is_kept() -> None:
    choices = [
        {"index": 1, "message": {"role": "assistant", "content": "Basil."}, "finish_reason": "stop"},
        {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"},
    ]
    outcomes = parse(completion(choices=choices))

    assert isinstance(outcomes[0], Conversation)
    assert outcomes[0].messages[-1].text == ANSWER
    assert reasons(completion(choices=choices)) == [RejectReason.NOT_CHOSEN]


@pytest.mark.parametrize(
    "record",
    [
        {**REQUEST, **COMPLETION},
        {"request": json.dumps(REQUEST), "response": json.dumps(COMPLETION)},
        {"request": {"url": "/v1", "body": REQUEST}, "response": {"status_code": 200, "body": COMPLETION}},
        {"messages": MESSAGES, "response": ANSWER},
        {"messages": MESSAGES, "output": {"role": "assistant", "content": ANSWER}},
        {"input": MESSAGES, "output": [{"role": "assistant", "content": ANSWER}]},
        {"input": {"messages": MESSAGES}, "output": COMPLETION},
        {"input": json.dumps(MESSAGES), "output": json.dumps(COMPLETION)},
        {"prompt": MESSAGES, "completion": [{"role": "assistant", "content": ANSWER}]},
        {"requestBody": REQUEST, "responseBody": COMPLETION, "timestamp": "2026-01-01T00:00:00Z"},
    ],
)
def test_wrappers(record: dict[str, Any]) -> None:
    assert texts(chat(record)) == [("system", SYSTEM), ("user", ASKED), ("assistant", ANSWER)]


def test_parts_are_joined_and_media_left_out() -> None:
    parts = [
        {"type": "text", "text": "What is"},
        {"type": "image_url", "image_url": {}},
        {"type": "text", "text": "it?"},
    ]
    record = completion()
    record["request"] = {"messages": [{"role": "user", "content": parts}]}
    question = chat(record).messages[0]

    assert question.text == "What is\nit?"
    assert question.multi_modal


def test_tools_on_the_way_stay_in_order() -> None:
    record = completion()
    record["request"] = {
        "messages": [
            {"role": "developer", "content": SYSTEM},
            {"role": "user", "content": ASKED},
            {"role": "assistant", "content": None, "tool_calls": CALLS},
            {"role": "tool", "tool_call_id": "t1", "content": "thyme"},
        ]
    }

    assert [message.role for message in chat(record).messages] == [
        Role.SYSTEM,
        Role.USER,
        Role.ASSISTANT,
        Role.TOOL,
        Role.ASSISTANT,
    ]


def sse(*events: Any, end: str = "data: [DONE]\n\n") -> str:
    return "".join(f"data: {json.dumps(event)}\n\n" for event in events) + end


def chunk(text: str | None, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "chatcmpl-5", "object": "chat.completion.chunk", "model": "m", "choices": [choice], **fields}


def test_stream_in_one_record() -> None:
    usage = {**chunk(None), "choices": [], "usage": {"total_tokens": 9}}
    stream = sse(chunk(ANSWER[:4]), chunk(ANSWER[4:]), chunk(None, "stop"), usage)

    assert chat({"request": REQUEST, "response": stream}).messages[-1].text == ANSWER
    assert chat({"request": REQUEST, "response": [chunk(ANSWER), chunk(None, "stop")]}).messages[-1].text == ANSWER


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (sse(chunk(ANSWER), end=""), RejectReason.UNFINISHED),
        (sse(chunk(ANSWER), chunk(None, "length")), RejectReason.UNFINISHED),
        (sse(chunk(ANSWER), end='data: {"id": "chatcm'), RejectReason.UNFINISHED),
        (sse(chunk(ANSWER), end="data: {lost}\n\n") + sse(chunk(None, "stop")), RejectReason.UNFINISHED),
        (sse(chunk(None, "stop")), RejectReason.EMPTY),
        (
            sse({**chunk(None), "choices": [{"delta": {"tool_calls": CALLS}, "finish_reason": "tool_calls"}]}),
            RejectReason.TOOL_ONLY,
        ),
        (sse({"error": {"message": "overloaded"}}), RejectReason.ERROR_RESPONSE),
    ],
)
def test_streams_without_an_answer(stream: str, expected: RejectReason) -> None:
    assert reason({"request": REQUEST, "response": stream}) is expected


def test_stream_over_records_that_never_ended() -> None:
    outcomes = join(PIECES["openai_chat"][:2])

    assert [outcome.reason for outcome in outcomes if isinstance(outcome, Reject)] == [RejectReason.UNFINISHED]


def test_last_chunk_says_that_the_stream_is_whole() -> None:
    completes = [getattr(parse(record)[0], "complete", None) for record in PIECES["openai_chat"]]

    assert completes == [False, False, True]


def test_chunks_of_other_choices_and_without_choices() -> None:
    other = {**chunk("Basil."), "choices": [{"index": 1, "delta": {"content": "Basil."}}]}

    assert reason(other) is RejectReason.NOT_CHOSEN
    assert reason({**chunk(None), "choices": []}) is RejectReason.NOT_A_GENERATION
    assert reason({**chunk("Thyme"), "id": None}) is RejectReason.UNMATCHED


def test_bare_chunks_wait_for_the_request_that_asked_for_a_stream() -> None:
    asked = {"id": "chatcmpl-5", "request": {**REQUEST, "stream": True}}
    (whole,) = join([asked, chunk(ANSWER), chunk(None, "stop")])
    alone = join([chunk(ANSWER), chunk(None, "stop")])

    assert isinstance(whole, Conversation)
    assert [o.reason for o in alone if isinstance(o, Reject)] == [RejectReason.UNMATCHED] * 2


def test_request_and_response_in_records_of_their_own() -> None:
    (joined,) = join([{"id": COMPLETION["id"], "request": REQUEST}, COMPLETION])

    assert isinstance(joined, Conversation)
    assert joined.position.record == 1
    assert texts(joined)[-1] == ("assistant", ANSWER)


@pytest.mark.parametrize("name", ["anthropic", "openai_responses", "ollama", "gemini"])
def test_responses_without_their_request(name: str) -> None:
    assert reason(SAMPLES[name]["response"]) is RejectReason.UNMATCHED


ANTHROPIC_STREAM = [
    {"type": "message_start", "message": {"id": "msg_1", "model": "m", "content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Herbs…"}},
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": ANSWER[:6]}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": ANSWER[6:]}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
    {"type": "message_stop"},
]
RESPONSES_STREAM = [
    {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress", "output": []}},
    {"type": "response.output_text.delta", "delta": ANSWER},
    {"type": "response.completed", "response": SAMPLES["openai_responses"]["response"]},
]
OLLAMA_STREAM = [
    {"model": "m", "message": {"role": "assistant", "content": ANSWER[:3]}, "done": False},
    {"model": "m", "message": {"role": "assistant", "content": ANSWER[3:]}, "done": False},
    {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"},
]
GEMINI_STREAM = [
    {"candidates": [{"content": {"parts": [{"text": ANSWER[:3]}]}}]},
    {"candidates": [{"content": {"parts": [{"text": ANSWER[3:]}]}, "finishReason": "STOP"}]},
]


@pytest.mark.parametrize(
    ("events", "name"),
    [
        (ANTHROPIC_STREAM, "anthropic"),
        (RESPONSES_STREAM, "openai_responses"),
        (OLLAMA_STREAM, "ollama"),
        (GEMINI_STREAM, "gemini"),
    ],
)
def test_streams_of_other_providers(events: list[dict[str, Any]], name: str) -> None:
    streams = {"as events": sse(*events, end=""), "as lines": "\n".join(map(json.dumps, events)), "as array": events}

    for how, response in streams.items():
        whole = chat({"request": SAMPLES[name]["request"], "response": response})
        assert (whole.messages[-1].text, whole.format) == (ANSWER, name), how
    cut = sse(*events[:-1], end="") if name != "anthropic" else sse(*events[:-2], end="")
    assert reason({"request": SAMPLES[name]["request"], "response": cut}) is RejectReason.UNFINISHED


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("anthropic", {"stop_reason": "max_tokens"}, RejectReason.UNFINISHED),
        ("anthropic", {"stop_reason": "refusal"}, RejectReason.REFUSED),
        (
            "anthropic",
            {"content": [{"type": "tool_use", "name": "f"}], "stop_reason": "tool_use"},
            RejectReason.TOOL_ONLY,
        ),
        ("anthropic", {"type": "error", "error": {"type": "overloaded_error"}}, RejectReason.ERROR_RESPONSE),
        ("openai_responses", {"status": "failed", "error": {"code": "x"}}, RejectReason.ERROR_RESPONSE),
        (
            "openai_responses",
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            RejectReason.UNFINISHED,
        ),
        ("openai_responses", {"output": [{"type": "function_call", "name": "f"}]}, RejectReason.TOOL_ONLY),
        (
            "openai_responses",
            {"output": [{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}]},
            RejectReason.REFUSED,
        ),
        ("openai_responses", {"output": [{"type": "image_generation_call"}]}, RejectReason.NOT_A_GENERATION),
        ("ollama", {"done_reason": "length"}, RejectReason.UNFINISHED),
        ("ollama", {"done": False}, RejectReason.UNFINISHED),
        ("ollama", {"message": {"content": "", "tool_calls": CALLS}}, RejectReason.TOOL_ONLY),
        ("gemini", {"candidates": [], "promptFeedback": {"blockReason": "SAFETY"}}, RejectReason.REFUSED),
        ("gemini", {"candidates": [{"finishReason": "SAFETY"}]}, RejectReason.UNFINISHED),
        ("gemini", {"candidates": [{"content": {"parts": [{"functionCall": {}}]}}]}, RejectReason.TOOL_ONLY),
    ],
)
def test_answers_of_other_providers_that_are_none(name: str, changes: dict[str, Any], expected: RejectReason) -> None:
    sample = SAMPLES[name]

    assert reason({**sample, "response": {**sample["response"], **changes}}) is expected


def test_older_completions() -> None:
    response = {
        "id": "c",
        "object": "text_completion",
        "choices": [{"text": ANSWER, "index": 0, "finish_reason": "stop"}],
    }
    older = {"type": "completion", "completion": f" {ANSWER}", "stop_reason": "stop_sequence"}
    dialogue = f"\n\nHuman: {ASKED}\n\nAssistant: Mint.\n\nHuman: Others?\n\nAssistant:"

    assert texts(chat({"request": {"prompt": ASKED}, "response": response})) == [("user", ASKED), ("assistant", ANSWER)]
    assert texts(chat({"request": {"prompt": dialogue}, "response": older})) == [
        ("user", ASKED),
        ("assistant", "Mint."),
        ("user", "Others?"),
        ("assistant", ANSWER),
    ]


def test_ollama_generate() -> None:
    response = {"model": "m", "response": ANSWER, "done": True, "done_reason": "stop"}
    record = {"request": {"model": "m", "prompt": ASKED, "system": SYSTEM}, "response": response}

    assert texts(chat(record)) == [("system", SYSTEM), ("user", ASKED), ("assistant", ANSWER)]


def test_prompts_that_hold_data_are_left_alone() -> None:
    data = '[{"herb": "thyme"}, {"herb": "mint"}]'

    assert chat({"prompt": data, "response": ANSWER}).format == "alpaca"
    assert texts(chat({"request": {"prompt": data}, "response": COMPLETION}))[0] == ("user", data)


def test_answers_that_are_json_stay_text() -> None:
    for answer in ('{"herbs": ["thyme"]}', "[1, 2]", '[{"name": "thyme"}]', '"quoted"'):
        assert chat(completion({"content": answer})).messages[-1].text == answer


# Batches


def batch(**response: Any) -> list[dict[str, Any]]:
    asked, answered = PIECES["openai_batch"]
    return [asked, {**answered, **response}]


@pytest.mark.parametrize("turned", [False, True])
def test_batch_halves_in_any_order(turned: bool) -> None:
    (joined,) = join(batch()[::-1] if turned else batch())

    assert isinstance(joined, Conversation)
    assert joined.position.record == (0 if turned else 1)
    assert joined.source_id == COMPLETION["id"]


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        (batch(response=None, error={"code": "batch_expired"}), [RejectReason.ERROR_RESPONSE]),
        (batch(response={"status_code": 500, "body": {"error": {}}}), [RejectReason.ERROR_RESPONSE]),
        (batch(response=None, error={"code": "batch_expired"})[1:], [RejectReason.ERROR_RESPONSE]),
        (batch()[:1], [RejectReason.UNMATCHED]),
        (batch()[1:], [RejectReason.UNMATCHED]),
        (batch() + batch(), [RejectReason.UNMATCHED] * 4),
    ],
)
def test_batch_halves_without_an_answer(records: list[dict[str, Any]], expected: list[RejectReason]) -> None:
    outcomes = join(records)

    assert [outcome.reason for outcome in outcomes if isinstance(outcome, Reject)] == expected
    assert len({outcome.position for outcome in outcomes}) == len(expected)


def test_batches_of_other_endpoints() -> None:
    assert reason({**batch()[0], "url": "/v1/embeddings"}) is RejectReason.NOT_A_GENERATION
    embedding = {"status_code": 200, "body": {"object": "list", "data": [{"embedding": [0.5]}]}}
    assert reason(batch(response=embedding)[1]) is RejectReason.NOT_A_GENERATION


def test_message_batches() -> None:
    asked = {"custom_id": "c1", "params": SAMPLES["anthropic"]["request"]}
    result = {"type": "succeeded", "message": SAMPLES["anthropic"]["response"]}
    (joined,) = join([asked, {"custom_id": "c1", "result": result}])
    (failed,) = join([asked, {"custom_id": "c1", "result": {"type": "errored", "error": {}}}])

    assert isinstance(joined, Conversation)
    assert isinstance(failed, Reject)
    assert failed.reason is RejectReason.ERROR_RESPONSE


def test_batch_line_that_holds_both_halves() -> None:
    asked, answered = batch()

    assert chats({**asked, **answered})[0].messages[-1].text == ANSWER
