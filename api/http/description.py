"""The OpenAPI document: what the framework makes of the routes, with our errors and an example of each request."""

from typing import Any

from fastapi import FastAPI

from api.models.problems import PROBLEM_JSON, Problem

_TEXT = {"instruction": "Name three fruits.", "input": "", "response": "Apples, pears and plums."}
_PAIR, _LEASE = "3b0c8f4a6d1e4c0f9a7b2d5e8c1f4a60", "5f0d9c7be1a24c3c8f3b6a9e2d4c1b0a"
EXAMPLES: dict[str, dict[str, Any]] = {
    "ClaimRequest": {},
    "HeartbeatRequest": {"token": _LEASE, "active": True},
    "DraftRequest": {"pair_id": _PAIR, "token": _LEASE, "text": _TEXT},
    "SubmitRequest": {
        "pair_id": _PAIR,
        "token": _LEASE,
        "version": 1,
        "idempotency_key": "0f8fad5b-d9cb-469f-a165-70867728950e",
        "final": _TEXT,
        "scores": {"instruction": 96, "response": 95, "flaws": []},
        "categories": ["response_expansion"],
        "comment": "",
    },
    "UndoRequest": {"pair_id": _PAIR, "post_edit": 17},
    "LeaseRequest": {"token": _LEASE},
    "SendToOwnerRequest": {"token": _LEASE, "comment": "Is this medical advice?"},
    "ExcludeRequest": {"pair_id": _PAIR, "version": 1, "reason": "safety", "detail": "a threat"},
    "ReviewRequest": {"pair_id": _PAIR, "version": 2, "decision": "return", "comment": "Which plums?"},
    "ClassRequest": {"task_class": "creative", "version": 1},
    "HandOverRequest": {"to": "ben"},
    "RestoreRequest": {"version": 3},
    "PriorityRequest": {"pair_ids": [_PAIR], "priority": 10},
    "NewPerson": {"name": "ada", "role": "annotator", "unit": "qa", "seniority": "newcomer"},
    "PersonChange": {"seniority": "senior"},
    "RatingRequest": {
        "version": 0,
        "idempotency_key": "5b2f0a0e-8c3e-4e6e-9f5d-1f0f5a1f3b7c",
        "instruction": 92,
        "response": 75,
        "flaws": ["comprehensiveness"],
        "comment": "",
    },
    "NewStudy": {
        "name": "spring-2027",
        "count": 1,
        "raters": ["ada", "ben", "cleo"],
        "sources": [{"name": "original", "pairs": [_TEXT]}, {"name": "revised", "pairs": [_TEXT]}],
    },
    "AdapterRequest": {"detail": "agreed in the weekly review"},
}
"""By the name of the model; a test holds each against its model."""


def describe(app: FastAPI) -> dict[str, Any]:
    """The document; made once."""
    if app.openapi_schema is None:
        document = app.openapi()
        schemas = document["components"]["schemas"]
        for name, example in EXAMPLES.items():
            schemas[name]["examples"] = [example]
        schemas |= _problem_schemas()
        answer = {
            "description": "What was wrong with which item, and what to do.",
            "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)  # the framework's own shape, which is never sent
                operation["responses"].setdefault("default", answer)
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        app.openapi_schema = document
    return app.openapi_schema


def _problem_schemas() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), "Problem": schema}
