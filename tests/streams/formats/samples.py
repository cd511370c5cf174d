"""One record of every format, all telling the same short exchange in this project's own words."""

import json
from typing import Any

ASKED = "Which herbs stand a dry balcony?"
ANSWER = "Thyme and rosemary; both like sun and little water."
SYSTEM = "You help people who garden."
MODEL = "orchard-7b"

MESSAGES = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": ASKED}]
REQUEST = {"model": MODEL, "messages": MESSAGES, "user": "gardener-7"}
COMPLETION = {
    "id": "chatcmpl-11",
    "object": "chat.completion",
    "created": 1_760_000_000,
    "model": MODEL,
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": ANSWER, "refusal": None}, "finish_reason": "stop"}
    ],
}
ANTHROPIC_ANSWER = {
    "id": "msg_11",
    "type": "message",
    "role": "assistant",
    "model": MODEL,
    "content": [{"type": "text", "text": ANSWER}],
    "stop_reason": "end_turn",
}
PARTS_IN = [{"role": "user", "parts": [{"type": "text", "content": ASKED}]}]
PARTS_OUT = [{"role": "assistant", "parts": [{"type": "text", "content": ANSWER}], "finish_reason": "stop"}]


def typed(value: Any) -> Any:
    """A value as OTLP's AnyValue."""
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case str():
            return {"stringValue": value}
        case list():
            return {"arrayValue": {"values": [typed(item) for item in value]}}
        case dict():
            return {"kvlistValue": {"values": typed_pairs(value)}}
    return {"doubleValue": value}


def typed_pairs(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": typed(value)} for key, value in attributes.items()]


def span(attributes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "name": "call",
        "spanId": "0a",
        "traceId": "0b",
        "endTime": 1_760_000_000,
        "attributes": attributes,
        **fields,
    }


GENAI = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": MODEL,
    "gen_ai.conversation.id": "balcony",
    "gen_ai.system_instructions": [{"type": "text", "content": SYSTEM}],
    "gen_ai.input.messages": PARTS_IN,
    "gen_ai.output.messages": PARTS_OUT,
}
OBSERVATION = {
    "id": "obs-1",
    "trace_id": "trace-1",
    "type": "GENERATION",
    "start_time": "2026-03-01 08:00:00.000000",
    "end_time": "2026-03-01 08:00:02.000000",
    "provided_model_name": MODEL,
    "level": "DEFAULT",
    "session_id": "balcony",
    "user_id": "gardener-7",
    "input": json.dumps(MESSAGES),
    "output": json.dumps({"role": "assistant", "content": ANSWER}),
}
LITELLM = {
    "id": "call-11",
    "trace_id": "balcony",
    "call_type": "acompletion",
    "status": "success",
    "model": MODEL,
    "messages": MESSAGES,
    "response": COMPLETION,
    "startTime": 1_760_000_000.0,
    "endTime": 1_760_000_002.0,
    "end_user": "gardener-7",
    "requester_ip_address": "192.0.2.7",
    "metadata": {"user_agent": "browser"},
}
TREE = {
    "message_tree_id": "tree-1",
    "tree_state": "ready_for_export",
    "prompt": {
        "message_id": "m1",
        "text": ASKED,
        "role": "prompter",
        "user_id": "gardener-7",
        "replies": [
            {"message_id": "m2", "parent_id": "m1", "text": "Mint.", "role": "assistant", "rank": 1, "replies": []},
            {"message_id": "m3", "parent_id": "m1", "text": ANSWER, "role": "assistant", "rank": 0, "replies": []},
        ],
    },
}
CASSETTE = {
    "version": 1,
    "interactions": [
        {
            "request": {
                "method": "POST",
                "uri": "https://api.example.org/v1/chat/completions",
                "body": json.dumps(REQUEST),
                "headers": {"user-agent": ["browser"]},
            },
            "response": {"status": {"code": 200, "message": "OK"}, "body": {"string": json.dumps(COMPLETION)}},
        }
    ],
}

SAMPLES: dict[str, dict[str, Any]] = {
    "alpaca": {"instruction": ASKED, "input": "", "output": ANSWER},
    "chat": {"messages": [*MESSAGES, {"role": "assistant", "content": ANSWER}]},
    "sharegpt": {"id": "s1", "conversations": [{"from": "human", "value": ASKED}, {"from": "gpt", "value": ANSWER}]},
    "openai_chat": {"id": "log-1", "request": REQUEST, "response": COMPLETION},
    "openai_responses": {
        "request": {"model": MODEL, "instructions": SYSTEM, "input": ASKED},
        "response": {
            "id": "resp_11",
            "object": "response",
            "status": "completed",
            "error": None,
            "model": MODEL,
            "created_at": 1_760_000_000,
            "output": [
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "They ask about herbs."}]},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": ANSWER}]},
            ],
        },
    },
    "anthropic": {
        "request": {"model": MODEL, "system": SYSTEM, "messages": [{"role": "user", "content": ASKED}]},
        "response": ANTHROPIC_ANSWER,
    },
    "gemini": {
        "request": {
            "systemInstruction": {"parts": [{"text": SYSTEM}]},
            "contents": [{"role": "user", "parts": [{"text": ASKED}]}],
        },
        "response": {
            "candidates": [{"content": {"role": "model", "parts": [{"text": ANSWER}]}, "finishReason": "STOP"}],
            "modelVersion": MODEL,
        },
    },
    "ollama": {
        "request": {"model": MODEL, "messages": MESSAGES},
        "response": {
            "model": MODEL,
            "created_at": "2026-03-01T08:00:00.5Z",
            "message": {"role": "assistant", "content": ANSWER},
            "done": True,
            "done_reason": "stop",
        },
    },
    "litellm": LITELLM,
    "langfuse": OBSERVATION,
    "langfuse_otel": span(
        {
            "langfuse.observation.type": "generation",
            "langfuse.observation.input": json.dumps([{"role": "user", "content": ASKED}]),
            "langfuse.observation.output": json.dumps({"role": "assistant", "content": ANSWER}),
            "langfuse.observation.model.name": MODEL,
        }
    ),
    "otel_genai": span(GENAI),
    "openllmetry": span(
        {
            "llm.request.type": "chat",
            "gen_ai.request.model": MODEL,
            "gen_ai.prompt.0.role": "system",
            "gen_ai.prompt.0.content": SYSTEM,
            "gen_ai.prompt.1.role": "user",
            "gen_ai.prompt.1.content": ASKED,
            "gen_ai.completion.0.role": "assistant",
            "gen_ai.completion.0.content": ANSWER,
            "gen_ai.completion.0.finish_reason": "stop",
        }
    ),
    "openinference": span(
        {
            "openinference.span.kind": "LLM",
            "llm.model_name": MODEL,
            "session.id": "balcony",
            "llm.input_messages.0.message.role": "user",
            "llm.input_messages.0.message.contents.0.message_content.type": "text",
            "llm.input_messages.0.message.contents.0.message_content.text": ASKED,
            "llm.output_messages.0.message.role": "assistant",
            "llm.output_messages.0.message.content": ANSWER,
        }
    ),
    "vercel_ai": span(
        {
            "ai.operationId": "ai.generateText.doGenerate",
            "ai.prompt.messages": json.dumps([{"role": "user", "content": [{"type": "text", "text": ASKED}]}]),
            "ai.response.text": ANSWER,
            "ai.response.finishReason": "stop",
            "ai.model.id": MODEL,
        }
    ),
    "otlp": {"resourceSpans": [{"scopeSpans": [{"spans": [{**span({}), "attributes": typed_pairs(GENAI)}]}]}]},
    "oasst_tree": TREE,
    "vcr_cassette": CASSETTE,
    "container": {"data": [{"instruction": ASKED, "output": ANSWER}]},
    "langfuse_chatml": {
        "obs-1": {
            "input": {"success": True, "data": MESSAGES},
            "output": {"success": True, "data": [{"role": "assistant", "content": ANSWER}]},
        }
    },
}

INNER_FORMATS = {"otlp": "otel_genai", "vcr_cassette": "openai_chat", "container": "alpaca"}
"""The format that the conversations of an envelope are in."""

PIECES: dict[str, list[dict[str, Any]]] = {
    "openai_batch": [
        {"custom_id": "c1", "method": "POST", "url": "/v1/chat/completions", "body": REQUEST},
        {"id": "b1", "custom_id": "c1", "response": {"status_code": 200, "body": COMPLETION}, "error": None},
    ],
    "oasst_message": [
        {
            "message_id": "m3",
            "parent_id": "m1",
            "message_tree_id": "t1",
            "text": ANSWER,
            "role": "assistant",
            "rank": 0,
        },
        {"message_id": "m1", "parent_id": None, "message_tree_id": "t1", "text": ASKED, "role": "prompter"},
    ],
    "openai_chat": [
        {
            "request": {**REQUEST, "stream": True},
            "response": {
                "id": "chatcmpl-12",
                "object": "chat.completion.chunk",
                "model": MODEL,
                "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": finish}],
            },
        }
        for piece, finish in ((ANSWER[:5], None), (ANSWER[5:], None), ("", "stop"))
    ],
}
"""Records that are read only together."""
