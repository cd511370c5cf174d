"""Samples of cloud logs, tracing tools, chat programs and data set shapes; see `samples`."""

import json
from typing import Any

from tests.streams.formats.samples import ANSWER, ASKED, COMPLETION, MODEL, REQUEST

USER = {"role": "user", "content": ASKED}
SAID = [{"role": "user", "content": [{"text": ASKED}]}]
CONVERSED = {"output": {"message": {"role": "assistant", "content": [{"text": ANSWER}]}}, "stopReason": "end_turn"}


def node(identity: str, parent: str | None, role: str, text: str, *children: str) -> dict[str, Any]:
    content = {"content_type": "text", "parts": [text]}
    message = {"author": {"role": role}, "content": content, "recipient": "all", "status": "finished_successfully"}
    return {"id": identity, "parent": parent, "message": message, "children": list(children)}


def step(text: str, **fields: Any) -> dict[str, Any]:
    return {"type": "contentBlock", "content": [{"type": "text", "text": text}], **fields}


MORE_SAMPLES: dict[str, Any] = {
    "bedrock": {"request": {"messages": SAID}, "response": CONVERSED},
    "cohere": {
        "request": {"message": ASKED},
        "response": {"generation_id": "g1", "text": ANSWER, "finish_reason": "COMPLETE"},
    },
    "text_generation": {
        "request": {"inputs": ASKED},
        "response": [{"generated_text": ANSWER, "details": {"finish_reason": "eos_token"}}],
    },
    "bedrock_log": {
        "schemaType": "ModelInvocationLog",
        "timestamp": "2026-03-01T08:00:02Z",
        "operation": "Converse",
        "modelId": MODEL,
        "input": {"inputBodyJson": {"messages": SAID}},
        "output": {"outputBodyJson": CONVERSED},
    },
    "sagemaker": {
        "captureData": {
            "endpointInput": {"data": json.dumps({"inputs": ASKED}), "encoding": "JSON"},
            "endpointOutput": {"data": json.dumps([{"generated_text": ANSWER}]), "encoding": "JSON"},
        },
        "eventMetadata": {"eventId": "e1", "inferenceTime": "2026-03-01T08:00:02Z"},
    },
    "langsmith": {"id": "r1", "run_type": "llm", "inputs": REQUEST, "outputs": COMPLETION, "error": None},
    "mlflow": {
        "trace_id": "t1",
        "span_id": "s1",
        "start_time_unix_nano": 1,
        "attributes": {
            "mlflow.spanType": '"CHAT_MODEL"',
            "mlflow.spanInputs": json.dumps(REQUEST),
            "mlflow.spanOutputs": json.dumps(COMPLETION),
        },
    },
    "chatgpt_export": {
        "title": "Herbs",
        "conversation_id": "c1",
        "current_node": "a",
        "mapping": {"u": node("u", None, "user", ASKED, "a"), "a": node("a", "u", "assistant", ANSWER)},
    },
    "claude_export": {
        "uuid": "c1",
        "chat_messages": [
            {"uuid": "1", "sender": "human", "text": ASKED, "content": [{"type": "text", "text": ASKED}]},
            {"uuid": "2", "sender": "assistant", "text": ANSWER, "content": [{"type": "text", "text": ANSWER}]},
        ],
    },
    "open_webui": {
        "id": "c1",
        "chat": {
            "history": {
                "messages": {
                    "1": {"parentId": None, "role": "user", "content": ASKED},
                    "2": {"parentId": "1", "role": "assistant", "content": ANSWER, "done": True},
                },
                "currentId": "2",
            }
        },
    },
    "librechat": {
        "conversationId": "c1",
        "messages": [
            {"messageId": "1", "parentMessageId": "0", "text": ASKED, "isCreatedByUser": True},
            {"messageId": "2", "parentMessageId": "1", "text": ANSWER, "isCreatedByUser": False},
        ],
    },
    "lm_studio": {
        "name": "Herbs",
        "messages": [
            {
                "versions": [{"type": "singleStep", "role": "user", "content": [{"type": "text", "text": ASKED}]}],
                "currentlySelected": 0,
            },
            {
                "versions": [
                    {"type": "multiStep", "role": "assistant", "steps": [step("worse")]},
                    {
                        "type": "multiStep",
                        "role": "assistant",
                        "steps": [
                            step("Sun and drought.", style={"type": "thinking"}),
                            step(ANSWER, genInfo={"identifier": MODEL, "stats": {"stopReason": "eosFound"}}),
                            {"type": "debugInfoBlock", "debugInfo": "one step"},
                        ],
                    },
                ],
                "currentlySelected": 1,
            },
        ],
    },
    "preferences": {"prompt": ASKED, "chosen": ANSWER, "rejected": "Ferns and moss."},
    "ultrachat": {"id": "1", "data": [ASKED, ANSWER]},
    "text": {"text": f"<|im_start|>user\n{ASKED}<|im_end|>\n<|im_start|>assistant\n{ANSWER}<|im_end|>\n"},
    "columns": {"instruction": [ASKED], "output": [ANSWER]},
}
MORE_SAMPLES["mlflow_trace"] = {"info": {"trace_id": "t1"}, "data": {"spans": [MORE_SAMPLES["mlflow"]]}}
MORE_INNER_FORMATS = {"columns": "alpaca", "mlflow_trace": "mlflow"}


def line(kind: str, identity: str, parent: str | None, content: Any) -> dict[str, Any]:
    message = {"role": kind, "content": content}
    return {"type": kind, "uuid": identity, "parentUuid": parent, "sessionId": "s1", "message": message}


MORE_PIECES: dict[str, list[dict[str, Any]]] = {
    "claude_code": [
        line("user", "1", None, ASKED),
        line("assistant", "2", "1", [{"type": "thinking", "thinking": "Sun and drought."}]),
        line("assistant", "3", "2", [{"type": "text", "text": ANSWER}]),
    ],
    "sillytavern": [
        {"name": "You", "is_user": True, "mes": ASKED},
        {"name": "Ann", "is_user": False, "mes": ANSWER},
    ],
    "azure_apim": [
        {
            "CorrelationId": "c1",
            "SequenceNumber": 0,
            "RequestMessages": json.dumps([{"role": "user", "content": ASKED}]),
        },
        {"CorrelationId": "c1", "SequenceNumber": 2, "ResponseMessages": [{"content": ANSWER[9:]}]},
        {"CorrelationId": "c1", "SequenceNumber": 1, "ResponseMessages": [{"content": ANSWER[:9]}]},
    ],
    "gemini_batch": [
        {"key": "k1", "request": {"contents": [{"parts": [{"text": ASKED}]}]}},
        {
            "key": "k1",
            "response": {"candidates": [{"content": {"parts": [{"text": ANSWER}]}, "finishReason": "STOP"}]},
        },
    ],
}
